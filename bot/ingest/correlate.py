"""Which model a fact belongs to: found by name, created by the first event that names it (metadata later)."""

from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES
from bot.store.many import Many, types_of
from bot.store.projection import touch_existing
from bot.store.tables import AlertGroup, Incident, Model, ModelName

_named = select(Model).where(col(Model.name).in_(bindparam("names", expanding=True)))
"""Built once: that costs as much as asking."""
_homes = Many(
    "SELECT m.name, m.id, m.channel FROM (VALUES {rows}) AS j CROSS JOIN model AS m WHERE m.name = j.column1",
    *types_of(Model, "name"),
)


class Home(NamedTuple):
    """A model's number, and where its cards go."""

    id: int
    channel: str | None


def models_named(db: Session, names: Iterable[str | None], now: datetime) -> dict[str, Model]:
    """Return the models called NAMES, creating those that nobody mentioned before."""
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    found = _models(db, wanted)
    if wanted - found.keys():
        found = dict(called(db, wanted - found.keys())) | found
    if missing := sorted(wanted - found.keys()):
        given = Model(name="", created_at=now).model_dump(exclude={"id", "name"})
        db.exec(insert(Model), params=[{"name": name, **given} for name in missing])  # an object each costs 1 ms
        touch_existing(db, now, keys.ALL_HOMES)
        found |= _models(db, missing)
    return found


def _models(db: Session, names: Collection[str]) -> dict[str, Model]:
    return {model.name: model for model in db.exec(_named, params={"names": list(names)})}


def homes_of(db: Session, names: Set[str], now: datetime) -> dict[str, Home]:
    """Return the models called NAMES as `models_named` does, as far as alerts need them: without objects."""
    found = {name: Home(*home) for name, *home in _homes.run(db, [(name,) for name in sorted(names)])}
    missing = models_named(db, names - found.keys(), now)
    return found | {name: Home(model.id or 0, model.channel) for name, model in missing.items()}


def called(db: Session, names: Collection[str]) -> Iterator[tuple[str, Model]]:
    """Yield the models that once had one of these names, each under it."""
    other = select(ModelName.name, Model).join(Model, col(Model.id) == col(ModelName.model_id))
    yield from db.exec(other.where(col(ModelName.name).in_(names)))


def open_incident_of(db: Session, model_id: int | None) -> Incident | None:
    """Return the open incident that this model is part of: its own, else a shared one that holds a group of it."""
    return None if model_id is None else open_incidents_of(db, {model_id}).get(model_id)


def open_incidents_of(db: Session, model_ids: Collection[int]) -> dict[int, Incident]:
    """Return the open incidents that these models are part of, by model: the oldest of each, its own before shared."""
    if not model_ids:
        return {}
    is_open = col(Incident.status).in_(OPEN_STATUSES)
    own = select(Incident.model_id, Incident).where(is_open, col(Incident.model_id).in_(model_ids))
    shared = (
        select(AlertGroup.model_id, Incident)
        .join(Incident, col(AlertGroup.incident_id) == col(Incident.id))
        .where(is_open, col(Incident.shared), col(AlertGroup.model_id).in_(model_ids))
    )
    found: dict[int, Incident] = {}
    for query in (own, shared):
        for model_id, incident in db.exec(query.order_by(col(Incident.id))):
            found.setdefault(model_id or 0, incident)
    return found


def groups_of(db: Session, incident_id: int) -> Sequence[AlertGroup]:
    """Return the alert groups that an incident holds, oldest first."""
    query = select(AlertGroup).where(AlertGroup.incident_id == incident_id).order_by(col(AlertGroup.id))
    return db.exec(query).all()
