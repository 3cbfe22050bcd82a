"""Incidents with what belongs to them: groups, ticket, thread, story."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES, Cause, IncidentStatus
from bot.domain.incidents import UNTOLD
from bot.store.prepared import prepared
from bot.store.tables import AlertGroup, Incident, Projection, Ticket, TimelineEntry


def open_incidents(db: Session, model_id: int | None = None) -> Sequence[Incident]:
    """Return the incidents that people still work on, the most severe first; `model_id` None = all.

    A model's incidents are its own, and the shared ones that hold a group of it.
    """
    return (_open(db) if model_id is None else _open_of(db, model_id)).all()


@prepared
def _open() -> SelectOfScalar[Incident]:
    query = select(Incident).where(col(Incident.status).in_(OPEN_STATUSES))
    return query.order_by(col(Incident.severity), col(Incident.id))


@prepared
def _open_of(model: int) -> SelectOfScalar[Incident]:
    held = select(AlertGroup.incident_id).where(AlertGroup.model_id == model)
    query = select(Incident).where(col(Incident.status).in_(OPEN_STATUSES))
    query = query.where((col(Incident.model_id) == model) | col(Incident.id).in_(held))
    return query.order_by(col(Incident.severity), col(Incident.id))


def incidents_since(db: Session, model_id: int, since: datetime, *, limit: int = 20) -> Sequence[Incident]:
    """Return the incidents of a model that began SINCE then, shared ones that hold a group of it too, newest first."""
    return _since(db, model_id, since, limit).all()


@prepared
def _since(model: int, since: datetime, limit: int) -> SelectOfScalar[Incident]:
    held = select(AlertGroup.incident_id).where(
        AlertGroup.model_id == model, col(AlertGroup.opened_at) >= since, col(AlertGroup.incident_id).is_not(None)
    )
    query = select(Incident).where((col(Incident.model_id) == model) | col(Incident.id).in_(held))
    recent = query.where(col(Incident.onset_at) >= since, col(Incident.merged_into).is_(None))
    return recent.order_by(col(Incident.onset_at).desc(), col(Incident.id).desc()).limit(limit)


def models_in_trouble(db: Session) -> dict[int, list[Incident]]:
    """Return the open incidents by model, the most severe first; shared ones under each of their models."""
    found = open_incidents(db)
    by_id = {i.id: i for i in found}
    pairs = {(i.model_id, i.id) for i in found if i.model_id is not None}
    if by_id:
        held = _models_held(db, [number for number in by_id if number is not None])
        pairs |= {(model, incident) for model, incident in held if model is not None}
    order = {i.id: n for n, i in enumerate(found)}
    result: dict[int, list[Incident]] = {}
    for model, incident in sorted(pairs, key=lambda pair: order[pair[1]]):
        result.setdefault(model, []).append(by_id[incident])
    return result


@prepared
def _models_held(incidents: list[int]) -> Select[int | None, int | None]:
    held = select(AlertGroup.model_id, AlertGroup.incident_id).where(col(AlertGroup.incident_id).in_(incidents))
    return held.distinct()


def final_incident(db: Session, incident_id: int | None) -> Incident | None:
    """Return the incident, or the one it was merged into in the end."""
    incident = db.get(Incident, incident_id) if incident_id is not None else None
    seen: set[int | None] = set()
    while incident is not None and incident.merged_into is not None and incident.id not in seen:
        seen.add(incident.id)
        incident = db.get(Incident, incident.merged_into)
    return incident


def is_open(incident: Incident | None) -> bool:
    """Return whether people still work on it."""
    return incident is not None and incident.status in OPEN_STATUSES


def groups_of(db: Session, incident_id: int) -> Sequence[AlertGroup]:
    """Return the alert groups that an incident holds: what still fires first, then by age."""
    query = select(AlertGroup).where(AlertGroup.incident_id == incident_id)
    resolved = col(AlertGroup.status) == "resolved"
    return db.exec(query.order_by(resolved, col(AlertGroup.opened_at), col(AlertGroup.id))).all()


def ticket_of(db: Session, incident_id: int) -> Ticket | None:
    """Return what the ticket system last said of this incident's ticket."""
    return db.exec(select(Ticket).where(Ticket.incident_id == incident_id)).first()


def tickets_of(db: Session, incident_ids: Collection[int | None]) -> dict[int, Ticket]:
    """Return the tickets of these incidents by incident."""
    wanted = [i for i in incident_ids if i is not None]
    rows = db.exec(select(Ticket).where(col(Ticket.incident_id).in_(wanted)))
    return {row.incident_id: row for row in rows}


def remote_ids(db: Session, names: Collection[str]) -> dict[str, str]:
    """Return where the copies with these keys are, as far as they exist."""
    rows = _places(db, list(names)) if names else ()
    return {key: remote for key, remote in rows if remote is not None}


@prepared
def _places(names: list[str]) -> Select[str, str | None]:
    return select(Projection.key, Projection.remote_id).where(col(Projection.key).in_(names))


def error_of(db: Session, key: str) -> str:
    """Return why the copy KEY lags, in words; empty when nothing is wrong."""
    return db.exec(select(Projection.error).where(Projection.key == key)).first() or ""


def timeline(db: Session, incident_id: int, from_id: int, to_id: int | None = None) -> Sequence[TimelineEntry]:
    """Return what the thread tells of the incident from entry FROM_ID on, up to before TO_ID if given."""
    query = select(TimelineEntry).where(TimelineEntry.incident_id == incident_id, col(TimelineEntry.id) >= from_id)
    query = query.where(col(TimelineEntry.kind).not_in(UNTOLD))
    if to_id is not None:
        query = query.where(col(TimelineEntry.id) < to_id)
    return db.exec(query.order_by(col(TimelineEntry.id))).all()


def next_log(db: Session, incident_id: int, entry_id: int) -> int | None:
    """Return with which entry the next reply of the thread's log begins, if there is a next one."""
    prefix = keys.incident_logs(incident_id)
    query = select(Projection.key).where(col(Projection.key).startswith(prefix, autoescape=True))
    starts = (int(rest) for key in db.exec(query) if (rest := key.removeprefix(prefix)).isdigit())
    return min((n for n in starts if n > entry_id), default=None)


def waits_for_earlier(db: Session, incident_id: int, entry_id: int) -> bool:
    """Return whether an earlier reply of the thread's log is still to be posted: a story is told in its order."""
    prefix = keys.incident_logs(incident_id)
    unposted = select(Projection.key).where(col(Projection.key).startswith(prefix, autoescape=True))
    late = db.exec(unposted.where(col(Projection.lagging), col(Projection.remote_id).is_(None)))
    return any(int(rest) < entry_id for key in late if (rest := key.removeprefix(prefix)).isdigit())


def without_cause(db: Session, user: str, *, limit: int = 3) -> Sequence[Incident]:
    """Return the incidents that this person led or resolved and that still lack a cause, newest first."""
    query = (
        select(Incident)
        .where(Incident.status == IncidentStatus.RESOLVED)
        .where((col(Incident.lead) == user) | (col(Incident.resolved_by) == user))
        .where(col(Incident.cause).is_(None) | (col(Incident.cause) == Cause.UNKNOWN))
        .order_by(col(Incident.id).desc())
    )
    return db.exec(query.limit(limit)).all()


def errors_under(db: Session, prefix: str, *, limit: int = 3) -> Sequence[str]:
    """Return why copies under PREFIX lag, the longest waiting first."""
    query = (
        select(Projection.error)
        .where(col(Projection.key).startswith(prefix, autoescape=True), col(Projection.lagging))
        .where(Projection.error != "")
        .order_by(col(Projection.deadline), col(Projection.key))
    )
    return db.exec(query.limit(limit)).all()
