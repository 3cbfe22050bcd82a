"""The replies in a rollout's thread: what its version does live against what it promised, and how it was evaluated."""

from collections.abc import Iterator

from sqlmodel import Session

from bot.domain import keys
from bot.domain.evaluations import Judgement
from bot.domain.names import version_label
from bot.ports import Body
from bot.slack import measures, text
from bot.slack.blocks import Block, message, section
from bot.slack.cards.deployment import gap_words, verdicts
from bot.slack.cards.frame import reply
from bot.slack.cards.look import Look
from bot.store.queries.judging import rank
from bot.store.queries.metrics import Reading, first_matured, values_of_version
from bot.store.queries.promises import first_kept
from bot.store.tables import Change, Model

MOST = 6


def live(db: Session, change_id: int, look: Look) -> Body | None:
    """Return offline against live for the rollout's version, or that it was never measured live; None without thread.

    Whoever touches it when neither is known yet says that it is overdue.
    """
    change, model = _about(db, change_id)
    if change.version is None or model.id is None:
        return None
    kept = sorted(first_kept(db, model, change.version), key=lambda p: rank(model, p.live))
    alone = first_matured(db, model.id, change.version)
    for promise in kept:
        del alone[promise.live.metric]
    lines = [*(gap_words(model, promise) for promise in kept[:MOST]), *_unpromised(model, alone)]
    if not lines:
        since = text.day(change.started_at or change.occurred_at)
        lines = [f"⚪ {text.version(change.version)} has never been measured live since it was deployed on {since}"]
    newest = _judged(db, change, model, "live")
    return _reply(db, change_id, lines, look, section(*newest) if newest and kept else None)


def evaluation(db: Session, change_id: int, kind: str, look: Look) -> Body | None:
    """Return the newest values of the rollout's version on one KIND of data, with their verdicts."""
    change, model = _about(db, change_id)
    lines = _judged(db, change, model, kind)
    if not lines:
        return None
    head = f"📏 {text.word(kind).capitalize()} evaluation of {text.version(change.version)}"
    return _reply(db, change_id, [head, *lines], look)


def _unpromised(model: Model, alone: dict[str, Reading]) -> Iterator[str]:
    for reading in sorted(alone.values(), key=lambda r: rank(model, r))[:MOST]:
        yield text.join(f"{measures.phrase(model, reading)} live, no gap known", measures.labels(reading))


def _judged(db: Session, change: Change, model: Model, kind: str) -> list[str]:
    """Return a line for each metric: value, n, interval, verdict."""
    if change.version is None or model.id is None:
        return []
    new = values_of_version(db, model.id, change.version, kind)
    found = verdicts(db, model, new, kind, baseline=change.previous_version)
    return [_line(model, *pair) for pair in found[:MOST]]


def _line(model: Model, reading: Reading, judgement: Judgement) -> str:
    title = text.link(reading.url, measures.title(model, reading.metric))
    against = f"against {version_label(reading.baseline_version)}" if reading.baseline_version else ""
    return text.join(f"{title} {measures.grouped(judgement.words)}", against, judgement.note, measures.labels(reading))


def _about(db: Session, change_id: int) -> tuple[Change, Model]:
    change = db.get_one(Change, change_id)
    return change, db.get_one(Model, change.model_id)


def _reply(db: Session, change_id: int, lines: list[str], look: Look, *more: Block | None) -> Body | None:
    shown = message(measures.spoken(". ".join(lines)), section(*lines), *more)
    return reply(db, keys.deployment(change_id), shown, look)
