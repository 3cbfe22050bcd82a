"""What a version promised offline and what it does live, held against each other (findings.md F7)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.facts import ChangeType, EvaluationType
from bot.domain.gaps import TOLERANCE, Gap, offline_live_gap
from bot.domain.metrics import plain_name
from bot.store.queries.judging import redefinitions
from bot.store.queries.metrics import (
    Reading,
    first_matured,
    first_per_metric,
    newest_matured,
    values_of_version,
)
from bot.store.queries.objectives import direction, settings
from bot.store.queries.places import where_users_are
from bot.store.tables import Change, Model, Projection

TOLD = (EvaluationType.OFFLINE, EvaluationType.SHADOW)
"""Kinds of data whose evaluations are told in a thread; of live data the first matured values are."""


@dataclass(frozen=True)
class Promise:
    """One metric of a version that was measured offline and live."""

    offline: Reading
    live: Reading
    gap: Gap
    tolerance: float


def first_kept(db: Session, model: Model, version: str) -> list[Promise]:
    """Return the newest offline values of VERSION against its first live ones whose labels have arrived."""
    return _held(db, model, version, first_matured(db, model.id or 0, version).values())


def kept_now(db: Session, model: Model, version: str) -> list[Promise]:
    """Return the same against its newest live values whose labels have arrived."""
    return _held(db, model, version, newest_matured(db, model.id or 0, version).values())


def rollouts_to_users(db: Session, model_id: int, version: str | None = None) -> list[int]:
    """Return the rollouts with a card that brought VERSION to users, the newest of each slot first."""
    where = where_users_are(col(Change.model_id), col(Change.stage), [db.get_one(Model, model_id)])
    query = select(Change).where(Change.model_id == model_id, Change.change_type == ChangeType.MODEL, where)
    query = query.where(Change.version == version, col(Change.quiet).is_(False))
    newest: dict[tuple[str | None, str | None], int] = {}
    for change in db.exec(query.order_by(col(Change.started_at).desc(), col(Change.id).desc())):
        newest.setdefault((change.stage, change.target), change.id or 0)
    return list(newest.values())


def copies_of(db: Session, rollouts: Collection[int]) -> list[str]:
    """Return the keys of the cards of these rollouts, and of the replies in their threads that there are."""
    replies = [keys.deployment_live(number) for number in rollouts]
    replies += [keys.deployment_evaluation(number, kind) for number in rollouts for kind in TOLD]
    known = db.exec(select(Projection.key).where(col(Projection.key).in_(replies))).all()
    return [*(keys.deployment(number) for number in rollouts), *known]


def _promised(offline: Mapping[str, Reading], metric: str) -> Reading | None:
    """Return the OFFLINE value of a metric: by its own name, else the only one but for its split; training is none."""
    plain = plain_name(metric)
    alike = [r for name, r in offline.items() if plain_name(name) == plain and not name.lower().startswith("train")]
    return offline.get(metric) or (alike[0] if len(alike) == 1 else None)


def _held(db: Session, model: Model, version: str, live: Iterable[Reading]) -> list[Promise]:
    measured = values_of_version(db, model.id or 0, version, EvaluationType.OFFLINE)
    offline = first_per_metric([r for r in measured if r.matured])
    redefined = redefinitions(db, [model]).get(model.id or 0, {})
    found = []
    for reading in live:
        promised = _promised(offline, reading.metric)
        if promised is None:
            continue
        tolerance = float(settings(model, reading.metric).get("margin") or TOLERANCE)
        since = redefined.get(reading.metric)
        gap = offline_live_gap(
            promised.measured,
            reading.measured,
            direction(model, reading),
            tolerance,
            redefined=since if since and promised.at < since <= reading.at else None,
        )
        if gap is not None:
            found.append(Promise(promised, reading, gap, tolerance))
    return found
