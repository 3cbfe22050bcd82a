"""Values of whose labels nobody said a word: they count when their model's label lag is over since their window's end.

What was noted when they came, `Evaluation.labels_pending`, ends here, and all that follows from it is done: which value
an objective is about, and what it and the gap to offline say of it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select

from bot.domain.facts import EvaluationFact, EvaluationType, MetricFact
from bot.ingest import objectives
from bot.ingest.evaluations import note_newest, show
from bot.ingest.record import record_own
from bot.ingest.rules import Rules
from bot.store.tables import Evaluation, MetricValue, Model


def mature(db: Session, now: datetime, rules: Rules) -> None:
    """Let the values count whose labels must have arrived by now, then judge what they say together."""
    ended = func.coalesce(Evaluation.window_end, Evaluation.occurred_at)
    waiting = select(Evaluation, Model).join(Model, col(Model.id) == col(Evaluation.model_id))
    waiting = waiting.where(col(Evaluation.labels_pending), or_(*_over(db, now, ended)))
    due = db.exec(waiting.order_by(ended, col(Evaluation.id))).all()
    facts = []
    for row, model in due:
        row.labels_pending = False
        db.add(row)
        facts.append(_said(db, row, model, now))
        note_newest(db, row.model_id, [metric.name for metric in facts[-1].metrics])
    for (row, model), fact in zip(due, facts, strict=True):
        show(db, now, row, news=True)
        record_own(db, objectives.alerts_of(db, fact, model, now), now, rules=rules)
        objectives.name_version(db, fact, model, now)


def _over(db: Session, now: datetime, ended: ColumnElement[datetime]) -> Iterator[ColumnElement[bool]]:
    """Yield what makes the labels be here: the lag of the model is over, or it has none any more."""
    yield col(Model.label_lag_s).is_(None)
    for lag in db.exec(select(Model.label_lag_s).distinct()):
        if lag is not None:
            yield (col(Model.label_lag_s) == lag) & (ended <= now - timedelta(seconds=lag))


def _said(db: Session, row: Evaluation, model: Model, now: datetime) -> EvaluationFact:
    """Return what was measured as if it were told now."""
    values = db.exec(select(MetricValue).where(MetricValue.evaluation_id == row.id)).all()
    return EvaluationFact(
        model=model.name,
        version=row.version,
        evaluation_type=EvaluationType(row.evaluation_type),
        occurred_at=now,
        metrics=tuple(MetricFact(name=v.metric, value=v.value, slice=v.slice) for v in values),
    )
