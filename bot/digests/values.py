"""The measured values that a digest reads: the newest of each metric in each week, arrived and not yet arrived apart.

Only what users get counts: live and product evaluations of whole traffic. A value on few labels is provisional: it is
said, and never judged, drawn or compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from bot.digests.period import Period
from bot.domain.facts import EvaluationType
from bot.domain.gaps import MATURED
from bot.domain.measurements import ALL, Measured
from bot.domain.metrics import OPERATORS, Shape, shape_of
from bot.domain.units import PERCENT_UNITS
from bot.store.queries.places import fully_live
from bot.store.tables import Evaluation, MetricValue, Model

WEEKS = 4
"""How far back the last value is looked for; before that a model is as good as never measured."""
COUNTED = (EvaluationType.LIVE, EvaluationType.PRODUCT)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The newest value of one metric in one week."""

    model_id: int
    metric: str
    week: int
    """0 = the week told of, 1 = the one before."""
    provisional: bool
    """Too few labels have arrived to judge it."""
    value: float
    at: datetime
    """The end of what was measured."""
    unit: str
    product: bool
    role: str | None
    direction: str | None
    objective: tuple[str, float] | None
    """The threshold that came with it."""
    labelled_fraction: float | None
    labels_until: datetime | None
    scale: float
    """From the value to the one in `measured`: percent of a proportion is a share of one there."""
    measured: Measured
    """For a comparison with another week: without dataset, because each week has its own."""


def readings(
    db: Session, period: Period, models: Sequence[Model], *, weeks: int | None = None, metric: str | None = None
) -> list[Reading]:
    """Return the newest value of each model, metric, week and maturity, newest first; of one METRIC if named.

    In a daily digest a week is a day. `weeks` is how many are looked at, by default four weeks.
    """
    weeks = weeks or (WEEKS if period.weekly else 7 * WEEKS)
    edges = period.edges(weeks)
    later = [(col(MetricValue.at) > edge, n) for n, edge in enumerate(edges[1:-1])]
    week: ColumnElement[int] = case(*later, else_=weeks - 1)
    missing = (col(Evaluation.labelled_fraction) < MATURED) | col(Evaluation.labels_pending)
    early: ColumnElement[int] = case((missing, 1), else_=0)
    newest = func.row_number().over(
        partition_by=(col(MetricValue.model_id), col(MetricValue.metric), week, early),
        order_by=(col(MetricValue.at).desc(), col(MetricValue.id).desc()),
    )
    inner = (
        sa_select(col(MetricValue.id).label("id"), week.label("week"), early.label("early"), newest.label("rank"))
        .join(Evaluation, col(Evaluation.id) == MetricValue.evaluation_id)
        .where(col(MetricValue.model_id).in_([model.id for model in models]), col(MetricValue.slice) == ALL)
        .where(col(MetricValue.at) > edges[-1], col(MetricValue.at) <= edges[0])
        .where(col(MetricValue.evaluation_type).in_(COUNTED))
        .where(fully_live(col(MetricValue.model_id), col(Evaluation.stage), models))
    )
    if metric is not None:
        inner = inner.where(col(MetricValue.metric) == metric)
    ranked = inner.subquery()
    query = (
        select(MetricValue, Evaluation, ranked.c.week, ranked.c.early)
        .join(ranked, ranked.c.id == MetricValue.id)
        .join(Evaluation, col(Evaluation.id) == MetricValue.evaluation_id)
        .where(ranked.c.rank == 1)
        .order_by(col(MetricValue.at).desc(), col(MetricValue.id).desc())
    )
    return [_reading(v, e, week=w, provisional=bool(p)) for v, e, w, p in db.exec(query)]


def _reading(value: MetricValue, evaluation: Evaluation, *, week: int, provisional: bool) -> Reading:
    op, threshold = value.threshold_op, value.threshold
    share = 0.01 if value.unit in PERCENT_UNITS and shape_of(value.metric) is Shape.PROPORTION else 1.0
    return Reading(
        model_id=value.model_id,
        metric=value.metric,
        week=week,
        provisional=provisional,
        value=value.value,
        at=value.at,
        unit=value.unit,
        product=value.family == "product" or value.evaluation_type == EvaluationType.PRODUCT,
        role=value.role,
        direction=value.direction,
        objective=(op, threshold) if op and op in OPERATORS and threshold is not None else None,
        labelled_fraction=evaluation.labelled_fraction,
        labels_until=evaluation.labels_until,
        scale=share,
        measured=Measured(
            value=value.value * share,
            name=value.metric,
            n=value.n,
            ci_low=None if value.ci_low is None else value.ci_low * share,
            ci_high=None if value.ci_high is None else value.ci_high * share,
            successes=value.successes,
            positives=value.positives,
            negatives=value.negatives,
            sd=None if value.sd is None else value.sd * share,
            method=value.method,
            suite=evaluation.suite,
            suite_version=evaluation.suite_version,
        ),
    )
