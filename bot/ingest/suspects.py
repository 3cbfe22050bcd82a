"""Which change stands nearest before the onset of an incident; the rule itself is `domain.attribution`."""

from datetime import timedelta

from sqlmodel import Session, col, or_, select

from bot.domain.attribution import Candidate, Onset, Place, Suspect, concerns, suspect
from bot.store.tables import Change, Model

RATE_WINDOW = timedelta(days=28)
"""Over which the usual number of changes a day is counted."""


def suspect_of(db: Session, model: Model | None, onset: Onset, *, stage: str | None = None) -> Suspect | None:
    """Return the change nearest before the onset, of the model, of what it depends on, or of none in particular."""
    if model is None:
        return None
    known = {m.id: m for m in db.exec(select(Model).where(col(Model.name).in_([model.name, *model.depends_on])))}
    mine = or_(col(Change.model_id).in_(known), col(Change.model_id).is_(None))
    query = select(Change).where(mine, Change.occurred_at <= onset.fired_at)
    recent = db.exec(query.where(Change.occurred_at >= onset.at - RATE_WINDOW)).all()
    candidates = [_candidate(c, known[c.model_id] if c.model_id is not None else None) for c in recent]
    days = RATE_WINDOW / timedelta(days=1)
    place = Place(model=model.name, stage=stage, stages=model.stages, depends_on=frozenset(model.depends_on))
    usual = sum(concerns(candidate, place) for candidate in candidates)
    return suspect(onset, candidates, place, changes_per_day=usual / days)


def _candidate(change: Change, model: Model | None) -> Candidate:
    return Candidate(
        change_id=change.id or 0,
        at=change.occurred_at,
        kind=change.change_type,
        model=model.name if model else None,
        stage=change.stage,
        stages=model.stages if model else (),
        target=change.target,
        version=change.version,
        actor=change.actor,
        summary=change.summary,
    )
