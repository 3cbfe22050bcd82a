"""A model itself: what it is called, what of it serves, and what there is to go back to."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from bot.domain.facts import ChangeType
from bot.domain.stages import PRODUCTION
from bot.store.prepared import ESCAPE, like, prepared
from bot.store.queries.directory import name_of
from bot.store.queries.marks import bad_versions
from bot.store.tables import Change, Incident, MetricName, Model, ModelName, Serving

HISTORY = 50
"""How many rows of what served are read to find a version to go back to."""


@dataclass(frozen=True)
class WayBack:
    """What an incident's roll-back would undo."""

    model_id: int
    stage: str
    version: str
    """The version that served when it began, or the suspect's."""
    previous: str
    live: bool
    """VERSION still serves, so going back is still a choice."""


@prepared
def _named(name: str) -> SelectOfScalar[Model]:
    return select(Model).where(Model.name == name)


def model_by_name(db: Session, name: str) -> Model | None:
    """Return the model called NAME, retired ones too; case counts only where two differ in nothing else."""
    exact = _named(db, name).first()
    if exact is not None:
        return exact
    folded = select(Model).where(func.lower(Model.name) == name.lower()).order_by(col(Model.id))
    once = select(Model).join(ModelName, col(ModelName.model_id) == col(Model.id)).where(ModelName.name == name)
    return db.exec(folded).first() or db.exec(once).first()


def all_models(db: Session) -> Sequence[Model]:
    """Return the models that are not retired, by name."""
    return db.exec(select(Model).where(col(Model.retired_at).is_(None)).order_by(col(Model.name))).all()


class Member(NamedTuple):
    """A model that is not retired, as far as its place among the others follows from itself."""

    id: int
    name: str
    measured: bool
    """It was measured where its users are, and the labels have arrived."""


def members(db: Session) -> list[Member]:
    """Return every model that is not retired."""
    return [*map(Member._make, _members(db).all())]


@prepared
def _members() -> Select[*tuple[Any, ...]]:
    seen = select(MetricName.model_id).where(col(MetricName.newest_id).is_not(None))
    columns: list[Any] = [Model.id, Model.name, col(Model.id).in_(seen)]
    found: Select[*tuple[Any, ...]] = select(*columns)
    return found.where(col(Model.retired_at).is_(None))


def count_models(db: Session) -> int:
    """Return how many models are not retired."""
    return _count(db).one()


@prepared
def _count() -> SelectOfScalar[int]:
    return select(func.count()).select_from(Model).where(col(Model.retired_at).is_(None))


def first_name(db: Session) -> str | None:
    """Return the first name, in their order, of the models that are not retired."""
    return _first_name(db).first()


@prepared
def _first_name() -> SelectOfScalar[str]:
    return select(Model.name).where(col(Model.retired_at).is_(None)).order_by(Model.name).limit(1)


def models_by_id(db: Session, model_ids: Sequence[int]) -> list[Model]:
    """Return these models, in this order."""
    found = {m.id: m for m in _by_id(db, list(model_ids))}
    return [found[i] for i in model_ids]


@prepared
def _by_id(models: list[int]) -> SelectOfScalar[Model]:
    return select(Model).where(col(Model.id).in_(models))


def owned_by(db: Session, user: str) -> Sequence[Model]:
    """Return the models that this person, a Slack id, owns or is on call for, by name; retired ones not."""
    own = {user, f"@{user}"}
    if name := name_of(db, user):
        own |= {name, f"@{name}"}
    return _owned(db, sorted(own)).all()


@prepared
def _owned(own: list[str]) -> SelectOfScalar[Model]:
    whose = col(Model.owner).in_(own) | col(Model.on_call).in_(own)
    return select(Model).where(col(Model.retired_at).is_(None), whose).order_by(col(Model.name))


def names_like(db: Session, words: Iterable[str]) -> list[str]:
    """Return the names that begin with one of these words, in any letter case; of retired models, and earlier ones.

    An earlier name of a model is one only as a whole.
    """
    return [*dict.fromkeys(name for word in words for (name,) in _names_like(db, like(word), word))]


@prepared
def _names_like(begin: str, whole: str) -> sa.CompoundSelect[str]:
    now = sa.select(col(Model.name)).where(col(Model.name).istartswith(begin, escape=ESCAPE))
    return now.union_all(sa.select(col(ModelName.name)).where(col(ModelName.name) == whole))


def names_in_channel(db: Session, channel: str) -> Sequence[str]:
    """Return the models whose cards go to a channel, by its id; configured by that or by its name."""
    called = name_of(db, channel) or channel
    return _names_with_channel(db, [channel, called, f"#{called}"]).all()


@prepared
def _names_with_channel(channels: list[str]) -> SelectOfScalar[str]:
    return select(Model.name).where(col(Model.channel).in_(channels))


def names_of(db: Session, model_ids: Collection[int | None]) -> dict[int, str]:
    """Return the names of these models by id; of retired ones too."""
    wanted = {i for i in model_ids if i is not None}
    if not wanted:
        return {}
    rows = db.exec(select(Model.id, Model.name).where(col(Model.id).in_(wanted)))
    return {i: name for i, name in rows if i is not None}


def stages_in_order(model: Model) -> list[str]:
    """Return its stages as versions pass them, as far as they were configured; users are at the last one."""
    return model.stages or [PRODUCTION]


def live(db: Session, model: Model) -> list[Serving]:
    """Return what serves now: where users are first, then back along the stages; in one the most traffic first."""
    return live_of(db, [model]).get(model.id or 0, [])


def live_of(db: Session, models: Iterable[Model]) -> dict[int, list[Serving]]:
    """Return what serves now of each of these models, ordered as `live` does."""
    stages = {m.id: stages_in_order(m) for m in models if m.id is not None}
    found: dict[int, list[Serving]] = {}
    for row in _serving_now(db, list(stages)):
        found.setdefault(row.model_id, []).append(row)
    for number, rows in found.items():
        place = {stage: n for n, stage in enumerate(reversed(stages[number]))}
        rows.sort(
            key=lambda r: (place.get(r.stage, len(place)), r.stage, -(r.traffic_percent or 0), r.target, r.id or 0)
        )
    return found


@prepared
def _serving_now(models: list[int]) -> SelectOfScalar[Serving]:
    return select(Serving).where(col(Serving.model_id).in_(models), col(Serving.until).is_(None))


def unbroken_since(db: Session, serving: Collection[Serving]) -> dict[int | None, datetime]:
    """Return since when each of these, by its id, has served without a gap, however its share of traffic moved.

    At no traffic it served nobody.
    """
    before: dict[tuple[object, ...], list[tuple[datetime, datetime]]] = {}
    models, versions = sorted({s.model_id for s in serving}), sorted({s.version for s in serving})
    for model, stage, target, version, share, since, until in _served_before(db, models, versions):
        before.setdefault((model, stage, target, version, share == 0), []).append((since, until))
    found: dict[int | None, datetime] = {}
    for row in serving:
        found[row.id] = row.since
        slot = (row.model_id, row.stage, row.target, row.version, row.traffic_percent == 0)
        for since, until in before.get(slot, ()):
            if until >= found[row.id]:
                found[row.id] = min(found[row.id], since)
    return found


@prepared
def _served_before(models: list[int], versions: list[str]) -> Select[*tuple[Any, ...]]:
    names = ("model_id", "stage", "target", "version", "traffic_percent", "since", "until")
    columns: list[Any] = [getattr(Serving, name) for name in names]
    ended: Select[*tuple[Any, ...]] = select(*columns)
    ended = ended.where(col(Serving.model_id).in_(models), col(Serving.version).in_(versions))
    return ended.where(col(Serving.until).is_not(None)).order_by(col(Serving.until).desc(), col(Serving.since).desc())


def served_between(db: Session, model_id: int, start: datetime, end: datetime) -> Sequence[Serving]:
    """Return what served at any stage at some time from START to END."""
    began = select(Serving).where(Serving.model_id == model_id, Serving.since <= end)
    return db.exec(began.where(col(Serving.until).is_(None) | (col(Serving.until) > start))).all()


def previous_version(
    db: Session, model_id: int, *, stage: str, version: str, bad: Collection[tuple[int, str]]
) -> str | None:
    """Return what served at STAGE before VERSION came there and is not BAD: the last known good one."""
    return _before(_served(db, model_id, stage=stage, by=None), version, bad)


def way_back(db: Session, incident: Incident) -> WayBack | None:
    """Return what a roll-back in this incident means; None without a model or a version to go back to.

    It is read from history as it was when the incident opened, so it stays the same after the roll-back was
    done; only `live` changes then.
    """
    if incident.model_id is None:
        return None
    suspect = db.get(Change, incident.suspect_change_id) if incident.suspect_change_id else None
    version = previous = None
    stage = users = stages_in_order(db.get_one(Model, incident.model_id))[-1]
    if suspect and suspect.change_type == ChangeType.MODEL and suspect.model_id == incident.model_id:
        version, previous, stage = suspect.version, suspect.previous_version, suspect.stage or users
    served = _served(db, incident.model_id, stage=stage, by=incident.opened_at)
    if version is None:
        version = _newest_at(served, incident.onset_at)
    if version is None:
        return None
    bad = bad_versions(db, [incident.model_id])
    if previous is None or (incident.model_id, previous) in bad:
        previous = _before(served, version, bad)
    if previous is None or previous == version:
        return None
    now_serving = select(Serving.id).where(
        Serving.model_id == incident.model_id,
        Serving.stage == stage,
        Serving.version == version,
        col(Serving.until).is_(None),
        _has_traffic(),
    )
    is_live = db.exec(now_serving).first() is not None
    return WayBack(incident.model_id, stage, version, previous, is_live)


def _served(db: Session, model_id: int, *, stage: str, by: datetime | None) -> Sequence[Serving]:
    """Return what users saw at STAGE, the last to come first; `by` leaves out what came later."""
    return (_last_served(db, model_id, stage) if by is None else _last_served_by(db, model_id, stage, by)).all()


@prepared
def _last_served(model: int, stage: str) -> SelectOfScalar[Serving]:
    return _seen(model, stage)


@prepared
def _last_served_by(model: int, stage: str, by: datetime) -> SelectOfScalar[Serving]:
    return _seen(model, stage).where(col(Serving.since) <= by)


def _seen(model: Any, stage: Any) -> SelectOfScalar[Serving]:
    query = select(Serving).where(Serving.model_id == model, Serving.stage == stage, _has_traffic())
    return query.order_by(col(Serving.since).desc(), col(Serving.id).desc()).limit(HISTORY)


def _has_traffic() -> sa.ColumnElement[bool]:
    return col(Serving.traffic_percent).is_(None) | (col(Serving.traffic_percent) > 0)


def _newest_at(served: Sequence[Serving], at: datetime) -> str | None:
    """Return, of the versions that users saw AT some moment, the one that came last."""
    came = {row.version: row.since for row in sorted(served, key=lambda row: row.since, reverse=True)}
    there = (row for row in served if row.until is None or row.until > at)
    return max((row.version for row in there), key=lambda version: (came[version], version), default=None)


def _before(served: Sequence[Serving], version: str, bad: Collection[tuple[int, str]]) -> str | None:
    """Return the version that came before VERSION did and is not bad; `served` has the last to come first."""
    came = min((row.since for row in served if row.version == version), default=None)
    others = (row for row in served if row.version != version and (came is None or row.since <= came))
    return next((row.version for row in others if (row.model_id, row.version) not in bad), None)
