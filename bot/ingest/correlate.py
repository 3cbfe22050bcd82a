"""Which model a fact belongs to: found by name, created by the first event that names it (metadata later)."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES
from bot.store.projection import touch_existing
from bot.store.tables import AlertGroup, Incident, Model, ModelName


def models_named(db: Session, names: Iterable[str | None], now: datetime) -> dict[str, Model]:
    """Return the models called NAMES, creating those that nobody mentioned before."""
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    found = {m.name: m for m in db.exec(select(Model).where(col(Model.name).in_(wanted)))}
    if wanted - found.keys():
        found = dict(called(db, wanted - found.keys())) | found
    if missing := sorted(wanted - found.keys()):
        created = {name: Model(name=name, created_at=now) for name in missing}
        db.add_all(created.values())
        db.flush()
        touch_existing(db, now, keys.ALL_HOMES)
        found |= created
    return found


def called(db: Session, names: Collection[str]) -> Iterator[tuple[str, Model]]:
    """Yield the models that once had one of these names, each under it."""
    other = select(ModelName.name, Model).join(Model, col(Model.id) == col(ModelName.model_id))
    yield from db.exec(other.where(col(ModelName.name).in_(names)))


def open_incident_of(db: Session, model_id: int | None) -> Incident | None:
    """Return the open incident that this model is part of: its own, else a shared one that holds a group of it."""
    if model_id is None:
        return None
    is_open = col(Incident.status).in_(OPEN_STATUSES)
    own = select(Incident).where(is_open, Incident.model_id == model_id).order_by(col(Incident.id))
    if incident := db.exec(own).first():
        return incident
    shared = (
        select(Incident)
        .join(AlertGroup, col(AlertGroup.incident_id) == col(Incident.id))
        .where(is_open, col(Incident.shared), AlertGroup.model_id == model_id)
        .order_by(col(Incident.id))
    )
    return db.exec(shared).first()


def groups_of(db: Session, incident_id: int) -> Sequence[AlertGroup]:
    """Return the alert groups that an incident holds, oldest first."""
    query = select(AlertGroup).where(AlertGroup.incident_id == incident_id).order_by(col(AlertGroup.id))
    return db.exec(query).all()
