"""M6, what somebody wants at a stage: the gate and who decides, then what was decided, and whether it came about."""

from collections.abc import Mapping

from sqlmodel import Session

from bot.domain import keys
from bot.domain.gates import Gate, gate_from
from bot.domain.proposals import UNDECIDED, ProposalStatus
from bot.ports import Body
from bot.slack import gates, outcomes, text
from bot.slack.blocks import Message, actions, button, context, message, section
from bot.slack.cards.frame import posted, reply
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.store.queries.directory import user_ids
from bot.store.queries.gates import gate
from bot.store.queries.models import live
from bot.store.queries.proposals import Approvers, approvers, shown
from bot.store.tables import Model, Proposal

VERBS = {"promote": "promote", "rollback": "roll back"}
DONE = {"promote": ("✅", "Approved", "Promoted"), "rollback": ("↩️", "Roll back", "Rolled back")}
"""Once it was approved: a sign, and the word before and after it came to serve."""
OVER = {
    ProposalStatus.REJECTED: ("⛔", "Rejected"),
    ProposalStatus.EXPIRED: ("⌛", "Expired"),
    ProposalStatus.OVERTAKEN: ("⚪", "Overtaken"),
}
NAMED = 8


def card(db: Session, proposal_id: int, look: Look) -> Body | None:
    """Return the card of a proposal: a message of its own, or of a roll-back that needed nobody else a reply."""
    row = db.get(Proposal, proposal_id)
    if row is None:
        return None
    model = db.get_one(Model, row.model_id)
    undecided = row.status in UNDECIDED
    drawn = _asked(db, row, model, look) if undecided else _decided(db, row, model, gate_from(row.gate), look)
    if row.channel is None and row.incident_id is not None:
        return reply(db, keys.incident(row.incident_id), drawn, look)
    return posted(drawn, look, channel=row.channel or model.channel or look.channel)


def kept_gate(db: Session, proposal_id: int, look: Look) -> Body | None:
    """Return what was shown to whoever decided, for the thread of the card; None where nothing was measured."""
    row = db.get(Proposal, proposal_id)
    if row is None or not row.gate or row.channel is None:
        return None
    model, seen = db.get_one(Model, row.model_id), gate_from(row.gate)
    table = gates.table(model, seen)
    if table is None:
        return None
    words = f"What was decided on: {gates.verdict(seen)}"
    return reply(db, keys.proposal(proposal_id), message(words, section(words, *gates.doubts(seen)), table), look)


def _asked(db: Session, row: Proposal, model: Model, look: Look) -> Message:
    seen, who = gate(db, model, row.version, row.stage), approvers(model, row.stage)
    ids = user_ids(db, [*(who.users if who else ()), row.decided_by])
    held = row.status == ProposalStatus.HELD
    sign, word = ("⏸", "Held") if held else ("⏳", "Approval needed")
    value = f"{row.id}:{shown(row, seen)}"
    reason = text.join(f"by {text.user(row.decided_by, ids)}", _quoted(row.reason), by=" ") if held else ""
    needs = f"needs 1 of {_called(who, ids)}" if who else "nobody is named to decide"
    return message(
        f"{word}: {_unmarked(_what(row, model, seen))}",
        section(f"{sign} *{word}*  {_what(row, model, seen)}", reason, _way_back(db, row)),
        gates.table(model, seen),
        section(*gates.lines(model, seen), gates.in_use(db, model, seen)),
        context(
            f"asked by {text.user(row.asked_by)}",
            needs + (", not the author" if who and who.not_author else ""),
            f"expires {text.date(row.expires_at)}" if row.expires_at else "",
            _there_since(db, row, model),
            "" if seen.off_standard else text.line(seen.suite, 120),
        ),
        actions(
            button("Approve…", "proposal_approve", value, style="primary"),
            button("Reject…", "proposal_reject", value, style="danger"),
            button("Model card", "run_status", f"status {quoted(model.name)}"),
        ),
    )


def _decided(db: Session, row: Proposal, model: Model, seen: Gate, look: Look) -> Message:
    approved, what = row.status == ProposalStatus.APPROVED, _where(row, model, seen)
    sign, before, after = DONE[row.kind]
    word = after if row.deployed_at else before
    if not approved:
        sign, word = OVER[ProposalStatus(row.status)]
    return message(
        f"{word}: {_unmarked(what)}",
        section(f"{sign} *{word}*  {what}", *(outcomes.steps(db, row, model) if approved else [])),
        context(
            f"asked by {text.user(row.asked_by)}" if row.asked_by != row.decided_by else "",
            _said_by(row, seen, look, model),
            text.date(row.decided_at) if row.decided_at else "",
            _way_back(db, row) if approved and row.deployed_at is None else "",
        ),
    )


def _said_by(row: Proposal, seen: Gate, look: Look, model: Model) -> str:
    """Return who decided and why, or how to ask again where nobody did."""
    if row.status == ProposalStatus.EXPIRED:
        again = f"{look.command} promote {quoted(model.name)} {row.version} {row.stage}"
        return f"nobody decided; ask again: {text.code(again, 200)}" if row.kind == "promote" else "nobody decided"
    approved = row.status != ProposalStatus.REJECTED
    though = f"with {gates.though(seen)}" if approved and row.kind == "promote" and seen.failing else ""
    if row.channel is None:  # in the thread of its incident, which is the reason
        return f"decided by {text.user(row.decided_by)}"
    done = "approved by" if approved else "rejected by"
    return text.join(f"{done} {text.user(row.decided_by)}", _quoted(row.reason), though, by=" ")


def _what(row: Proposal, model: Model, seen: Gate) -> str:
    return f"{VERBS[row.kind]} {_where(row, model, seen)}"


def _where(row: Proposal, model: Model, seen: Gate) -> str:
    name, stage, new = text.bold(model.name), text.code(row.stage), text.version(row.version)
    if row.kind == "promote":
        return f"{name} {new} to {stage}"
    old = row.previous_version or seen.incumbent
    return f"{name} {text.join(text.version(old) if old else '', new, by=' → ')} in {stage}"


def _way_back(db: Session, row: Proposal) -> str:
    """Return when the version to go back to last served."""
    if row.kind != "rollback":
        return ""
    return gates.exercised(db, row.model_id, row.version, row.stage)


def _there_since(db: Session, row: Proposal, model: Model) -> str:
    """Return where users or shadows have the version already, and since when: where it came to last."""
    rows = [serving for serving in live(db, model) if serving.version == row.version]
    newest = max(rows, key=lambda serving: serving.since, default=None)
    if newest is None:
        return ""
    share = "" if newest.traffic_percent in (None, 100) else f"{newest.traffic_percent:g} % of "
    return f"{text.version(row.version)} {share or 'in '}{text.code(newest.stage)} since {text.date(newest.since)}"


def _called(who: Approvers, ids: Mapping[str, str]) -> str:
    """Return the group by its name, which is ours and not Slack's, and its people, so that they hear of it."""
    people = ", ".join(text.mention(name, ids) for name in who.users[:NAMED])
    more = f" and {len(who.users) - NAMED} more" if len(who.users) > NAMED else ""
    return f"{text.bold(who.group)} ({people}{more})" if who.group else f"{people}{more}"


def _unmarked(words: str) -> str:
    return words.replace("*", "").replace("`", "")


def _quoted(reason: str) -> str:
    return f"“{text.line(reason, 300)}”" if reason else ""
