"""What became of a decision, in words: ordered or to be done by hand, late, serving, and how it does there."""

from collections.abc import Sequence

from sqlmodel import Session

from bot.domain import durations, keys
from bot.domain.evaluations import Judgement, Verdict
from bot.domain.names import clean_url
from bot.slack import measures, text
from bot.slack.cards.deployment import verdicts
from bot.store.queries.incidents import error_of
from bot.store.queries.metrics import values_of_version
from bot.store.queries.proposals import WATCHED, by_hand, within
from bot.store.tables import Model, Proposal

USERS = ("product", "live")
"""Kinds of data that tell whether it was right."""
TOLD = 3


def steps(db: Session, row: Proposal, model: Model) -> list[str]:
    """Return how far it is: ordered, late, serving, and how it does there."""
    if row.deployed_at is not None:
        return [f"🟢 serves since {text.date(row.deployed_at)}", *_after(db, row, model)]
    took = durations.short(within(model))
    late = f"🟠 *not deployed after {took}*" if row.late_at else ""
    if row.run is not None:
        ordered = text.link(row.run, "ordered") if clean_url(row.run) else f"ordered as {text.code(row.run, 60)}"
        return [text.join(late, f"🔵 {ordered} from {text.code(row.deployer)}, no deployment was told yet")]
    if row.deployer is not None:
        error = error_of(db, keys.order(row.deployer, row.id or 0))
        if row.late_at:
            why = text.line(row.trouble, 200)
            return [text.join(f"{late}, and not ordered any more", why), _by_hand(row, model)]
        said = text.line(error, 200) or "being ordered"
        return [f"{'🟠' if error else '⏳'} {text.code(row.deployer)}: {said}"]
    return [text.join(late, _by_hand(row, model))]


def _by_hand(row: Proposal, model: Model) -> str:
    """Return the link or the command by which a person does it."""
    given = by_hand(model, row)
    if not given:
        unknown = "now deploy it: I know no deployer and no `deploy_url`, and I see the deployment that follows"
        return "" if row.deployer else unknown
    return f"now deploy it: {text.link(given, text.line(given, 200)) if clean_url(given) else text.code(given, 300)}"


def _after(db: Session, row: Proposal, model: Model) -> list[str]:
    """Return what the evaluations of the time after it say, where users are; the product's first."""
    assert row.deployed_at is not None
    for kind in USERS:
        values = values_of_version(db, row.model_id, row.version, kind)
        since = [r for r in values if row.deployed_at <= r.at <= row.deployed_at + WATCHED]
        found = verdicts(db, model, since, kind, baseline=row.previous_version) if since else []
        if found:
            word = _outcome([judgement for _, judgement in found])
            phrases = [measures.phrase(model, *pair) for pair in found[:TOLD]]
            return [text.join(f"📏 {text.word(kind)} evaluation since: *{word}*", *phrases)]
    return ["⚪ no live evaluation since"]


def _outcome(judgements: Sequence[Judgement]) -> str:
    """Return whether the version does better than what it was compared with."""
    said = {judgement.verdict for judgement in judgements}
    if Verdict.REGRESSED in said:
        return "worse"
    if Verdict.IMPROVED in said:
        return "better"
    compared = any(judgement.baseline is not None for judgement in judgements)
    return "no clear difference" if compared else "nothing to compare it with"
