"""Everything that can change a model's behaviour, in order of time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CompoundSelect, exists, func, literal, union_all
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.domain.facts import ChangeType, DeploymentStatus, Trigger
from bot.store.prepared import prepared
from bot.store.queries.sources import TYPED
from bot.store.queries.telling import told_by_others
from bot.store.tables import Change, Model

WINDOW = timedelta(hours=72)
MOST = 50


@dataclass(frozen=True)
class Relevant:
    """A change that may matter to a model."""

    change: Change
    of: str | None
    """The dependency whose change it is; None = the model's own, or one that may touch every model."""


def changes_by_id(db: Session, ids: Collection[int]) -> dict[int, Change]:
    """Return changes by their id."""
    found = db.exec(select(Change).where(col(Change.id).in_(ids))).all() if ids else ()
    return {change.id or 0: change for change in found}


def changes_before(
    db: Session, model_ids: Collection[int], onset: datetime, *, window: timedelta = WINDOW, limit: int = MOST
) -> list[Relevant]:
    """Return what changed in WINDOW before ONSET, newest first: of these models, their dependencies, of all.

    A rollout counts from its start, so one that was under way at ONSET is in.
    """
    return _between(db, model_ids, onset - window, onset, limit)


def changes_since(db: Session, model_id: int, since: datetime, *, until: datetime, limit: int = MOST) -> list[Relevant]:
    """Return what changed from SINCE to UNTIL, newest first, as `changes_before` does."""
    return _between(db, [model_id], since, until, limit)


def undone_by(db: Session, rollout: Change) -> Change | None:
    """Return the later rollout that took this one back, if there is one."""
    if rollout.version is None or rollout.model_id is None:
        return None
    query = select(Change).where(
        Change.model_id == rollout.model_id,
        Change.change_type == ChangeType.MODEL,
        Change.stage == rollout.stage,
        func.coalesce(Change.target, "") == (rollout.target or ""),
        Change.previous_version == rollout.version,
        Change.trigger == Trigger.ROLLBACK,
        Change.status == DeploymentStatus.SUCCEEDED,
        col(Change.id) != rollout.id,
        col(Change.occurred_at) >= (rollout.started_at or rollout.occurred_at),
    )
    return db.exec(query.order_by(col(Change.occurred_at), col(Change.id))).first()


def count_changes(db: Session, model_id: int, since: datetime, *, until: datetime) -> int:
    """Return how many changes `changes_since` would find without its limit."""
    return _count(db, [model_id, *_dependencies(db, [model_id])], since, until).one()


def kinds_known(db: Session, by: datetime, silent: Collection[str] = ()) -> frozenset[str]:
    """Return the types of change that any source had told us of BY then; what a person typed connects nothing.

    With SILENT sources: that any other has told us of among the newest of each type.
    """
    found = _kinds_told(db, by, [TYPED, *silent]) if silent else _kinds_known(db, by)
    return frozenset(kind for (kind,) in found)


@prepared
def _kinds_known(by: datetime) -> CompoundSelect[str]:
    """One seek a kind."""
    told = (
        select(literal(str(kind))).where(
            exists().where(col(Change.change_type) == kind, col(Change.received_at) <= by, col(Change.source) != TYPED)
        )
        for kind in ChangeType
    )
    return union_all(*told)


@prepared
def _kinds_told(by: datetime, without: list[str]) -> CompoundSelect[str]:
    said = select(col(Change.source)).where(col(Change.received_at) <= by).order_by(col(Change.received_at).desc())
    return told_by_others({str(kind): said.where(col(Change.change_type) == kind) for kind in ChangeType}, without)


def rollouts_known(db: Session, model_ids: Collection[int], by: datetime, silent: Collection[str] = ()) -> bool:
    """Return whether a rollout of one of these models had ever been told BY then, by a source that is not SILENT."""
    return _first_rollout(db, list(model_ids), by, list(silent)).first() is not None


@prepared
def _first_rollout(models: list[int], by: datetime, silent: list[str]) -> SelectOfScalar[int | None]:
    query = select(col(Change.id)).where(col(Change.model_id).in_(models), Change.change_type == ChangeType.MODEL)
    return query.where(col(Change.received_at) <= by, col(Change.source).not_in(silent)).limit(1)


def _between(db: Session, model_ids: Collection[int], start: datetime, end: datetime, limit: int) -> list[Relevant]:
    upstream = _dependencies(db, model_ids)
    found = _found(db, [*model_ids, *upstream], start, end, limit)
    return [Relevant(change, upstream.get(change.model_id or 0)) for change in found]


@prepared
def _found(models: list[int], start: datetime, end: datetime, limit: int) -> SelectOfScalar[Change]:
    query = select(Change).where(*_are(models, start, end))
    return query.order_by(col(Change.occurred_at).desc(), col(Change.id).desc()).limit(limit)


@prepared
def _count(models: list[int], start: datetime, end: datetime) -> SelectOfScalar[int]:
    return select(func.count()).select_from(Change).where(*_are(models, start, end))


def _are(models: list[int], start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a change one of these models, or of all, between START and END."""
    ours = col(Change.model_id).in_(models) | col(Change.model_id).is_(None)
    began = func.coalesce(Change.started_at, Change.occurred_at)
    return ours, col(Change.occurred_at) >= start, began <= end


def _dependencies(db: Session, model_ids: Collection[int]) -> dict[int, str]:
    """Return the models that these depend on, without themselves: id -> name."""
    names = {name for names in _depended_on(db, list(model_ids)) for name in names}
    if not names:
        return {}
    rows = db.exec(select(Model.id, Model.name).where(col(Model.name).in_(names)))
    return {i: name for i, name in rows if i is not None and i not in model_ids}


@prepared
def _depended_on(models: list[int]) -> SelectOfScalar[list[str]]:
    return select(col(Model.depends_on)).where(col(Model.id).in_(models))
