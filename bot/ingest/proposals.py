"""What people want at a stage, asked for and decided. What becomes of it then: `outcomes`."""

from datetime import datetime

from sqlmodel import Session

from bot.domain import keys
from bot.domain.actions import AskPromotion, Decide, GoBack, StaleAction
from bot.domain.errors import UserError
from bot.domain.gates import Gate
from bot.domain.names import escape, version_label
from bot.domain.proposals import UNDECIDED, ProposalStatus, Word
from bot.ingest.outcomes import give_back
from bot.ingest.rules import Rules
from bot.ingest.timeline import tell
from bot.store.projection import touch
from bot.store.queries.gates import gate, is_there
from bot.store.queries.models import WayBack, live, model_by_name
from bot.store.queries.proposals import (
    approvers,
    asked_before,
    may_not,
    moved,
    needs_reason,
    open_proposals,
    shown,
    waits,
)
from bot.store.tables import Decision, Incident, Model, Proposal

STATUSES = {
    Word.APPROVE: ProposalStatus.APPROVED,
    Word.HOLD: ProposalStatus.HELD,
    Word.REJECT: ProposalStatus.REJECTED,
}


def ask(db: Session, action: AskPromotion, now: datetime, rules: Rules) -> int:
    """Put a version before the approvers of a stage; returns the proposal's number."""
    model = _model(db, action.model)
    assert model.id is not None
    who = approvers(model, action.stage)
    if who is None:
        raise UserError(
            f"Nobody is named to decide what goes to {escape(action.stage)} of {escape(model.name)}. Nothing done."
        )
    label, stage = escape(version_label(action.version)), escape(action.stage)
    if is_there(db, model, action.version, action.stage):
        raise UserError(f"{label} of {escape(model.name)} serves at {stage} already. Nothing done.")
    if before := asked_before(db, model.id, action.version, action.stage):
        state, at = waits(before)
        raise UserError(f"{label} to {stage} {state} since {at:%d %b %H:%M} UTC. Nothing done.")
    row = Proposal(
        model_id=model.id,
        kind="promote",
        version=action.version,
        stage=action.stage,
        channel=who.channel or model.channel or rules.default_channel,
        status=ProposalStatus.PENDING,
        asked_by=action.by,
        asked_at=now,
        expires_at=now + who.expires,
    )
    return _stored(db, row, now)


def roll_back(db: Session, incident: Incident, back: WayBack, now: datetime, rules: Rules, *, by: str) -> None:
    """Decide to go back in an incident, in whose thread the card then stands."""
    row = Proposal(
        model_id=back.model_id,
        kind="rollback",
        version=back.previous,
        stage=back.stage,
        incident_id=incident.id,
        status=ProposalStatus.PENDING,
        asked_by=by,
        asked_at=now,
        reason=incident.title,
    )
    _go_back(db, db.get_one(Model, back.model_id), row, now, rules)


def go_back(db: Session, action: GoBack, now: datetime, rules: Rules) -> int:
    """Decide to go back outside of an incident; returns the proposal's number."""
    model = _model(db, action.model)
    assert model.id is not None
    serving = next((s.version for s in live(db, model) if s.stage == action.stage), None)
    if serving != action.previous:
        was = escape(f"{version_label(action.previous)} does not serve any more at {action.stage} of {model.name}")
        raise StaleAction(f"{was}. Nothing done.")
    row = Proposal(
        model_id=model.id,
        kind="rollback",
        version=action.version,
        stage=action.stage,
        channel=model.channel or rules.default_channel,
        status=ProposalStatus.PENDING,
        asked_by=action.by,
        asked_at=now,
    )
    return _go_back(db, model, row, now, rules)


def _go_back(db: Session, model: Model, row: Proposal, now: datetime, rules: Rules) -> int:
    """Write that it is decided, or ask for it where the configuration wants approvers for that, too.

    Raises UserError when it is under way already, however it was asked for. What is late may be asked for anew.
    """
    same = [r for r in open_proposals(db, row.model_id) if (r.version, r.stage) == (row.version, row.stage)]
    if asked := [r for r in same if r.kind == "rollback" and r.late_at is None]:
        at = asked[0].decided_at or asked[0].asked_at
        raise UserError(
            f"{escape(version_label(row.version))} was asked for already, {at:%d %b %H:%M} UTC. Nothing done."
        )
    who = approvers(model, row.stage)
    if who is not None and who.rollback:
        row.channel = who.channel or model.channel or rules.default_channel
        row.expires_at = now + who.expires
        return _stored(db, row, now)
    number = _stored(db, row, now)
    _approve(db, model, row, gate(db, model, row.version, row.stage), now, by=row.asked_by)
    return number


def decide(db: Session, action: Decide, now: datetime) -> int:
    """Write what an approver said. Raises StaleAction when it is not what they saw, UserError if not theirs."""
    row = db.get(Proposal, action.proposal_id)
    if row is None or row.id is None:
        raise UserError("This is gone from my records; nothing done.")
    model = db.get_one(Model, row.model_id)
    late = row.status in UNDECIDED and row.expires_at is not None and now >= row.expires_at
    if late or row.status == ProposalStatus.EXPIRED:
        raise StaleAction("It expired before anybody decided; ask again. Nothing done.", keys.proposal(row.id))
    if row.status not in UNDECIDED:
        did = "rejected it" if row.status == ProposalStatus.REJECTED else "approved it"
        raise StaleAction.changed(row.decided_at, row.decided_by, did, keys.proposal(row.id))
    if why := may_not(db, model, row, action.by):
        raise UserError(f"{why} Nothing done.")
    found = gate(db, model, row.version, row.stage)
    if action.seen != shown(row, found):
        since = f"Since you were shown {escape(moved(row, found.incumbent))}, what serves or how it measures changed"
        raise StaleAction(f"{since}, or it was held. Look at the card again. Nothing done.", keys.proposal(row.id))
    reason = action.reason.strip()
    if not reason and (action.word is not Word.APPROVE or needs_reason(found)):
        raise UserError("Say why: it stands on the card. Nothing done.")
    asked = "" if row.status == ProposalStatus.HELD else row.reason  # else it is why somebody held it
    row.reason = reason or asked
    if action.word is Word.APPROVE:
        _approve(db, model, row, found, now, by=action.by)
        if row.incident_id is not None:
            words = f"approved the roll-back {moved(row, found.incumbent)}"
            tell(db, now, row.incident_id, kind="update", text=words, by=action.by)
    else:
        _put_aside(db, model, row, action.word, found, now, by=action.by)
    return row.id


def _model(db: Session, name: str) -> Model:
    model = model_by_name(db, name)
    if model is None:
        raise UserError(f"There is no model {escape(name)}. Nothing done.")
    return model


def _stored(db: Session, row: Proposal, now: datetime) -> int:
    db.add(row)
    db.flush()
    assert row.id is not None
    touch(db, now, keys.proposal(row.id), urgent=True)
    return row.id


def _approve(db: Session, model: Model, row: Proposal, found: Gate, now: datetime, *, by: str) -> None:
    """Write that it goes there, as FOUND, and hand it to whoever does it."""
    assert row.id is not None
    row.deployer = model.deploys.get("deployer")
    row.deployed_at = now if is_there(db, model, row.version, row.stage) else None
    _write(db, row, Word.APPROVE, found, now, by=by)
    if row.deployer is not None:
        touch(db, now, keys.order(row.deployer, row.id), urgent=True)


def _put_aside(db: Session, model: Model, row: Proposal, word: Word, found: Gate, now: datetime, *, by: str) -> None:
    """Write that it does not go there, or not now: then it may be decided for as long again."""
    who = approvers(model, row.stage)
    if word is Word.HOLD and who is not None:
        row.expires_at = now + who.expires
    _write(db, row, word, found, now, by=by)
    if word is Word.REJECT:
        give_back(db, row, now, f"rejected the roll-back: {row.reason}", by=by)


def _write(db: Session, row: Proposal, word: Word, found: Gate, now: datetime, *, by: str) -> None:
    """Write the word of a person, and keep what they saw unless it may still change."""
    assert row.id is not None
    row.status, row.decided_by, row.decided_at = STATUSES[word], by, now
    row.previous_version = found.incumbent
    row.revision += 1
    if word is not Word.HOLD:
        row.gate = found.kept
    db.add(row)
    db.add(
        Decision(
            model_id=row.model_id,
            incident_id=row.incident_id,
            proposal_id=row.id,
            kind=row.kind if word is Word.APPROVE else str(word),
            version=row.version,
            previous_version=found.incumbent,
            stage=row.stage,
            by=by,
            at=now,
            reason=row.reason,
        )
    )
    db.flush()
    touch(db, now, keys.proposal(row.id), *([] if word is Word.HOLD else [keys.proposal_gate(row.id)]), urgent=True)
