"""What there is of a model: its versions, and how each came to where it serves."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import Select

from bot.domain.facts import ChangeType, Trigger
from bot.store.prepared import prepared
from bot.store.tables import Change, Evaluation, Model, Serving, Version


def versions(db: Session, model_id: int, *, limit: int) -> Sequence[Version]:
    """Return the versions of a model, the last that we heard of first."""
    query = select(Version).where(Version.model_id == model_id).order_by(col(Version.id).desc())
    return db.exec(query.limit(limit)).all()


def count_versions(db: Session, model_id: int) -> int:
    """Return how many versions of a model we ever heard of."""
    return db.exec(select(func.count()).select_from(Version).where(Version.model_id == model_id)).one()


def version_named(db: Session, model_id: int, name: str) -> Version | None:
    """Return the version of a model with this name."""
    return db.exec(select(Version).where(Version.model_id == model_id, Version.name == name)).first()


def rollouts(db: Session, model_id: int, since: datetime, *, limit: int) -> Sequence[Change]:
    """Return the rollouts of a model that moved SINCE then, the newest first."""
    query = select(Change).where(Change.model_id == model_id, col(Change.occurred_at) >= since)
    mine = query.where(Change.change_type == ChangeType.MODEL)
    return db.exec(mine.order_by(col(Change.occurred_at).desc(), col(Change.id).desc()).limit(limit)).all()


class Last(NamedTuple):
    """When something of a model last happened; None = never."""

    evaluated: datetime | None
    """On whatever data."""
    retrained: datetime | None
    """The newest version was registered, or a scheduled retraining told."""


def last_seen(db: Session, model_ids: Collection[int]) -> dict[int, Last]:
    """Return when each of these models was last evaluated and retrained."""
    rows = _last_seen(db, list(model_ids)).all()
    return {number or 0: Last(evaluated, max(filter(None, made), default=None)) for number, evaluated, *made in rows}


@prepared
def _last_seen(models: list[int]) -> Select[int | None, datetime | None, datetime | None, datetime | None]:
    """One seek a model and time."""
    evaluated = select(func.max(Evaluation.occurred_at)).where(Evaluation.model_id == Model.id)
    registered = select(func.max(Version.registered_at)).where(Version.model_id == Model.id)
    told = select(func.max(Change.occurred_at)).where(Change.model_id == Model.id)
    scheduled = told.where(Change.trigger == Trigger.SCHEDULED_RETRAIN)
    times = (each.correlate(Model).scalar_subquery() for each in (evaluated, registered, scheduled))
    found: Select[int | None, datetime | None, datetime | None, datetime | None] = select(col(Model.id), *times)
    return found.where(col(Model.id).in_(models))


def seen_of(db: Session, model_id: int, version: str) -> tuple[Last, datetime | None]:
    """Return when a model was last evaluated and VERSION of it made, and how far the data go that it was made of.

    A retraining that was told without a version is of the one that serves.
    """
    evaluated, registered, data_until, told, alone = _seen_of(db, model_id, version).one()
    return Last(evaluated, max(filter(None, (registered or told, alone)), default=None)), data_until


@prepared
def _seen_of(model: int, version: str) -> Select[*tuple[Any, ...]]:
    """One seek each."""
    evaluated = select(func.max(Evaluation.occurred_at)).where(Evaluation.model_id == model)
    named = (Version.model_id == model, Version.name == version)
    retrained = select(func.max(Change.occurred_at))
    retrained = retrained.where(Change.model_id == model, Change.trigger == Trigger.SCHEDULED_RETRAIN)
    asked = (
        evaluated,
        select(Version.registered_at).where(*named),
        select(Version.data_until).where(*named),
        retrained.where(Change.version == version),
        retrained.where(col(Change.version).is_(None)),
    )
    found: Select[*tuple[Any, ...]] = select(*(one.scalar_subquery() for one in asked))
    return found


class Served(NamedTuple):
    """When a version served at a stage."""

    now: bool
    until: datetime | None
    """When it last ceased to; None when it never did."""


def last_served(db: Session, model_id: int, *, stage: str, version: str) -> Served:
    """Return whether a version serves at STAGE, and until when it last did."""
    times, ended, until = _last_served(db, model_id, stage, version).one()
    return Served(times > ended, until)


@prepared
def _last_served(model: int, stage: str, version: str) -> Select[int, int, datetime | None]:
    query = select(func.count(), func.count(col(Serving.until)), func.max(Serving.until))
    return query.where(Serving.model_id == model, Serving.stage == stage, Serving.version == version)
