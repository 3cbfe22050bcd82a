"""What people type of a model: a change that no source told of, and which versions are bad."""

from datetime import datetime

from sqlmodel import Session, col, or_, select

from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES, LogChange, MarkVersion
from bot.domain.errors import UserError
from bot.domain.facts import ChangeFact, ChangeType
from bot.domain.names import escape, version_label
from bot.ingest.changes import Origin, record_change
from bot.ingest.outcomes import touch_proposals
from bot.store.projection import touch
from bot.store.queries.marks import BAD, GOOD
from bot.store.queries.models import model_by_name
from bot.store.queries.sources import TYPED
from bot.store.tables import Change, Decision, Incident, Model, Version


def log_change(db: Session, action: LogChange, now: datetime) -> int:
    """Write down a change that a person typed; returns its number."""
    model = _model(db, action.model)
    key = f"typed/{action.by}/{now.isoformat()}"
    fact = ChangeFact(
        model=model.name,
        change_type=action.change_type,
        summary=action.summary,
        occurred_at=action.at or now,
        actor=action.by,
        dedup_key=key,
    )
    record_change(db, Origin(TYPED, None), fact, model, now)
    return db.exec(select(Change.id).where(Change.source == TYPED, Change.dedup_key == key)).one() or 0


def mark_version(db: Session, action: MarkVersion, now: datetime) -> int:
    """Write down what a person says of a version, and show it wherever that version stands; returns the model's id."""
    model = _model(db, action.model)
    known = select(Version.id).where(Version.model_id == model.id, Version.name == action.version)
    if db.exec(known).first() is None:
        raise UserError(
            f"I never heard of {escape(version_label(action.version))} of {escape(model.name)}. Nothing done."
        )
    kind = BAD if action.bad else GOOD
    db.add(Decision(model_id=model.id, kind=kind, version=action.version, by=action.by, at=now, reason=action.reason))
    cards = select(Change.id).where(
        Change.model_id == model.id,
        Change.change_type == ChangeType.MODEL,
        or_(Change.version == action.version, Change.previous_version == action.version),
        col(Change.quiet).is_(False),
    )
    touch(db, now, *(keys.deployment(i) for i in db.exec(cards).all() if i is not None))
    shown = select(Incident.id).where(Incident.model_id == model.id, col(Incident.status).in_(OPEN_STATUSES))
    touch(db, now, *(keys.incident(i) for i in db.exec(shown).all() if i is not None))
    touch_proposals(db, now, model.id)
    assert model.id is not None
    return model.id


def _model(db: Session, name: str) -> Model:
    model = model_by_name(db, name)
    if model is None:
        raise UserError(f"There is no model {escape(name)}. Nothing done.")
    return model
