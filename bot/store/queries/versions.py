"""What there is of a model: its versions, and how each came to where it serves."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, func, select

from bot.domain.facts import ChangeType, Trigger
from bot.store.tables import Change, Evaluation, Serving, Version


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


def last_evaluated(db: Session, model_id: int | None) -> datetime | None:
    """Return when the model was last evaluated, on whatever data."""
    return db.exec(select(func.max(Evaluation.occurred_at)).where(Evaluation.model_id == model_id)).one()


def last_retrained(db: Session, model_id: int | None) -> datetime | None:
    """Return when the newest version was registered, or a scheduled retraining told."""
    registered = db.exec(select(func.max(Version.registered_at)).where(Version.model_id == model_id)).one()
    told = select(func.max(Change.occurred_at)).where(Change.model_id == model_id)
    told = told.where(Change.trigger == Trigger.SCHEDULED_RETRAIN)
    return max(filter(None, (registered, db.exec(told).one())), default=None)


def last_served(db: Session, model_id: int, *, stage: str, version: str) -> datetime | None:
    """Return until when a version served at STAGE that serves there no more; None when it never did, or does."""
    query = select(func.max(Serving.until)).where(Serving.model_id == model_id, Serving.stage == stage)
    return db.exec(query.where(Serving.version == version)).one()
