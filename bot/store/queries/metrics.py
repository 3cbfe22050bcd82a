"""Measured values, newest first, by seeks on (model, metric, at): a long history costs nothing."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from bot.domain.facts import EvaluationType
from bot.domain.gaps import MATURED, is_matured
from bot.domain.measurements import ALL, Measured
from bot.store.prepared import prepared
from bot.store.queries.telling import told_by_others
from bot.store.tables import Change, Evaluation, MetricName, MetricValue

DEPTH = 12
"""How many values are read of each metric: enough to find the newest matured one and the one before it."""


class Reading(NamedTuple):
    """One value with what it was measured on; fields as in MetricValue and Evaluation."""

    model_id: int
    metric: str
    slice: str
    at: datetime
    evaluation_type: str
    version: str | None
    value: float
    unit: str
    direction: str | None
    family: str | None
    role: str | None
    n: int | None
    ci_low: float | None
    ci_high: float | None
    successes: float | None
    positives: int | None
    negatives: int | None
    sd: float | None
    baseline_only: int | None
    candidate_only: int | None
    threshold_op: str | None
    threshold: float | None
    method: str | None
    baseline_version: str | None
    stage: str | None
    suite: str | None
    suite_version: str | None
    dataset: str | None
    dataset_version: str | None
    window_end: datetime | None
    labelled_fraction: float | None
    labels_until: datetime | None
    labels_pending: bool
    stated_at: datetime | None
    url: str | None

    @property
    def matured(self) -> bool:
        """Whether enough labels have arrived to judge it; before that it is provisional."""
        kind = EvaluationType(self.evaluation_type)
        return is_matured(self.labelled_fraction, evaluation_type=kind, labels_late=self.labels_pending)

    @property
    def measured(self) -> Measured:
        """The value as judging needs it; data of users is new in each window, and comparable all the same."""
        fixed = self.evaluation_type == EvaluationType.OFFLINE
        pairs = (self.baseline_only, self.candidate_only)
        return Measured(
            value=self.value,
            name=self.metric,
            n=self.n,
            ci_low=self.ci_low,
            ci_high=self.ci_high,
            successes=self.successes,
            positives=self.positives,
            negatives=self.negatives,
            sd=self.sd,
            discordant=None if pairs[0] is None or pairs[1] is None else (pairs[0], pairs[1]),
            slice=self.slice,
            method=self.method,
            dataset=self.dataset if fixed else None,
            dataset_version=self.dataset_version if fixed else None,
            suite=self.suite,
            suite_version=self.suite_version,
            stage=self.stage,
        )


COLUMNS = [getattr(MetricValue if name in MetricValue.model_fields else Evaluation, name) for name in Reading._fields]
"""Columns, not rows, and tuples of them: a list of fifty models reads thousands of values."""


def newest_values(
    db: Session, model_ids: Collection[int], metrics: Collection[str] | None = None
) -> dict[tuple[int, str], list[Reading]]:
    """Return the newest values over all rows of each metric of these models: (model, metric) -> newest first.

    Of these METRICS, if given.
    """
    models = list(model_ids)
    rows = _newest_values(db, models) if metrics is None else _newest_values_of(db, models, list(metrics))
    found: dict[tuple[int, str], list[Reading]] = {}
    for row in rows.all():
        if (reading := Reading._make(row)).metric is not None:
            found.setdefault((reading.model_id, reading.metric), []).append(reading)
    return found


def _newest(models: Any) -> Select[*tuple[Any, ...]]:
    """Two seeks a metric: when the oldest of so many was, and all since then.

    The joins are outer ones, so that every database begins with the few names, not with the many values.
    """
    inner = aliased(MetricValue)
    newest = sa.select(col(inner.at)).where(_is_of(inner)).order_by(col(inner.at).desc()).limit(DEPTH)
    newest_ones = newest.correlate(MetricName).subquery()
    since = sa.select(sa.func.min(newest_ones.c.at)).scalar_subquery()
    found: Select[*tuple[Any, ...]] = select(*COLUMNS).select_from(MetricName)
    return (
        found.outerjoin(MetricValue, _is_of(MetricValue) & (col(MetricValue.at) >= since))
        .outerjoin(Evaluation, col(Evaluation.id) == col(MetricValue.evaluation_id))
        .where(col(MetricName.model_id).in_(models))
        .order_by(col(MetricValue.at).desc(), col(MetricValue.id).desc())
    )


@prepared
def _newest_values(models: list[int]) -> Select[*tuple[Any, ...]]:
    return _newest(models)


@prepared
def _newest_values_of(models: list[int], metrics: list[str]) -> Select[*tuple[Any, ...]]:
    return _newest(models).where(col(MetricName.metric).in_(metrics))


def standing(db: Session, model_ids: Collection[int]) -> dict[int, list[Reading]]:
    """Return the value that stands for each metric of these models, over all rows, by model.

    The one that its objective is about; the newest one where there is none.
    """
    found: dict[int, list[Reading]] = {}
    for reading in map(Reading._make, _standing(db, list(model_ids)).all()):
        found.setdefault(reading.model_id, []).append(reading)
    return found


@prepared
def _standing(models: list[int]) -> Select[*tuple[Any, ...]]:
    inner = aliased(MetricValue)
    newest = sa.select(col(inner.id)).where(_is_of(inner)).order_by(col(inner.at).desc(), col(inner.id).desc()).limit(1)
    one = sa.func.coalesce(col(MetricName.newest_id), newest.correlate(MetricName).scalar_subquery())
    found: Select[*tuple[Any, ...]] = select(*COLUMNS).select_from(MetricName)
    return (
        found.join(MetricValue, col(MetricValue.id) == one)
        .join(Evaluation, col(Evaluation.id) == col(MetricValue.evaluation_id))
        .where(col(MetricName.model_id).in_(models))
    )


def models_missing(db: Session) -> frozenset[int]:
    """Return of which models the value of some metric misses its objective."""
    return frozenset(_models_missing(db))


@prepared
def _models_missing() -> SelectOfScalar[int]:
    return select(MetricName.model_id).where(col(MetricName.missed))


class Judged(NamedTuple):
    """A value that an objective is about, without what only a reader of it needs."""

    name_id: int
    """Of the metric, in MetricName."""
    missed: bool
    """It was noted that it misses its objective."""
    model_id: int
    metric: str
    value: float
    unit: str
    threshold_op: str | None
    threshold: float | None


def newest_judged(db: Session, model_ids: Collection[int]) -> list[Judged]:
    """Return the value that an objective is about, of each metric of these models that has one."""
    return [*map(Judged._make, _newest_judged(db, list(model_ids)).all())]


@prepared
def _newest_judged(models: list[int]) -> Select[*tuple[Any, ...]]:
    columns: list[Any] = [MetricName.id, MetricName.missed]
    columns += [getattr(MetricValue, name) for name in Judged._fields[2:]]
    found: Select[*tuple[Any, ...]] = select(*columns)
    named = found.select_from(MetricName).join(MetricValue, col(MetricValue.id) == col(MetricName.newest_id))
    return named.where(col(MetricName.model_id).in_(models))


def newest_id(kinds: Collection[str]) -> sa.ScalarSelect[int | None]:
    """Return what `MetricName.newest_id` has to be: of the newest value over all rows, on one of these kinds of data,
    whose labels have arrived."""
    inner = aliased(MetricValue)
    return (
        sa.select(col(inner.id))
        .join(Evaluation, col(Evaluation.id) == col(inner.evaluation_id))
        .where(_is_of(inner), col(inner.evaluation_type).in_(kinds), _labelled())
        .order_by(col(inner.at).desc(), col(inner.id).desc())
        .limit(1)
        .correlate(MetricName)
        .scalar_subquery()
    )


def values_since(
    db: Session, model_id: int, metric: str, kind: str, since: datetime, *, limit: int = 200
) -> list[Reading]:
    """Return the values of a metric over all rows on one kind of data SINCE then, newest first."""
    return [*map(Reading._make, _values_since(db, model_id, metric, kind, since, limit).all())]


@prepared
def _values_since(model: int, metric: str, kind: str, since: datetime, limit: int) -> Select[*tuple[Any, ...]]:
    return (
        _readings()
        .where(col(MetricValue.model_id) == model, col(MetricValue.metric) == metric)
        .where(col(MetricValue.slice) == ALL, col(MetricValue.evaluation_type) == kind, col(MetricValue.at) >= since)
        .order_by(col(MetricValue.at).desc(), col(MetricValue.id).desc())
        .limit(limit)
    )


def values_of_version(
    db: Session, model_id: int, version: str, kind: str | None = None, *, limit: int = 60, slices: bool = False
) -> list[Reading]:
    """Return what was measured of VERSION over all rows, newest first; on one KIND of data if given.

    With SLICES of parts of them, too.
    """
    query = (
        _readings()
        .where(col(Evaluation.model_id) == model_id, col(Evaluation.version) == version)
        .order_by(col(Evaluation.occurred_at).desc(), col(MetricValue.id).desc())
        .limit(limit)
    )
    if kind is not None:
        query = query.where(col(Evaluation.evaluation_type) == kind)
    return list(_read(db, query if slices else query.where(col(MetricValue.slice) == ALL)))


def values_of_versions(
    db: Session, model_id: int, versions: Collection[str], *, limit: int
) -> dict[str | None, list[Reading]]:
    """Return what was measured last of each of these versions over all rows, newest first."""
    newest_first = (col(Evaluation.occurred_at).desc(), col(MetricValue.id).desc())
    place = sa.func.row_number().over(partition_by=col(Evaluation.version), order_by=newest_first)
    values = select(col(MetricValue.id), place.label("place")).join(
        Evaluation, col(Evaluation.id) == col(MetricValue.evaluation_id)
    )
    of_these = values.where(Evaluation.model_id == model_id, col(Evaluation.version).in_(versions))
    placed = of_these.where(col(MetricValue.slice) == ALL).subquery()
    query = _readings().join(placed, placed.c.id == col(MetricValue.id)).where(placed.c.place <= limit)
    found: dict[str | None, list[Reading]] = {}
    for reading in _read(db, query.order_by(*newest_first)):
        found.setdefault(reading.version, []).append(reading)
    return found


def first_matured(db: Session, model_id: int, version: str) -> dict[str, Reading]:
    """Return the first live values of VERSION whose labels had arrived, by metric."""
    return _by_metric(_first_matured(db, model_id, version))


def newest_matured(db: Session, model_id: int, version: str) -> dict[str, Reading]:
    """Return the newest live values of VERSION whose labels had arrived, by metric."""
    return _by_metric(_newest_matured(db, model_id, version))


@prepared
def _first_matured(model: int, version: str) -> Select[*tuple[Any, ...]]:
    return _one_of_each(model, version, newest=False)


@prepared
def _newest_matured(model: int, version: str) -> Select[*tuple[Any, ...]]:
    return _one_of_each(model, version, newest=True)


def _one_of_each(model: Any, version: Any, *, newest: bool) -> Select[*tuple[Any, ...]]:
    """One seek a metric, from one end of what was measured of the version: those that come often hide no other.

    Whose a value is follows from its evaluation: said of the value, it would be sought in all that was ever measured.
    """
    inner = aliased(MetricValue)
    times = (col(Evaluation.occurred_at), col(inner.id))
    seek = (
        sa.select(col(inner.id))
        .join(Evaluation, col(Evaluation.id) == col(inner.evaluation_id))
        .where(col(Evaluation.model_id) == model, col(Evaluation.version) == version)
        .where(col(Evaluation.evaluation_type) == EvaluationType.LIVE, _labelled())
        .where(col(inner.metric) == col(MetricName.metric), col(inner.slice) == ALL)
        .order_by(*(time.desc() if newest else time for time in times))
        .limit(1)
        .correlate(MetricName)
        .scalar_subquery()
    )
    found: Select[*tuple[Any, ...]] = select(*COLUMNS).select_from(MetricName)
    return (
        found.join(MetricValue, col(MetricValue.id) == seek)
        .join(Evaluation, col(Evaluation.id) == col(MetricValue.evaluation_id))
        .where(col(MetricName.model_id) == model)
    )


def never_measured(db: Session, rollouts: Collection[int]) -> list[int]:
    """Return which of these rollouts are of a version that has no matured value where its users are.

    Of models that were never evaluated at all none is.
    """
    evaluated = sa.exists().where(col(Evaluation.model_id) == col(Change.model_id))
    measured = evaluated.where(
        col(Evaluation.version) == col(Change.version),
        col(Evaluation.evaluation_type) == EvaluationType.LIVE,
        col(MetricValue.evaluation_id) == col(Evaluation.id),
        col(MetricValue.slice) == ALL,
        _labelled(),
    )
    query = select(Change.id).where(col(Change.id).in_(rollouts), evaluated, ~measured)
    found = db.exec(query.order_by(col(Change.id))) if rollouts else ()
    return [number for number in found if number is not None]


def evaluation_types_known(
    db: Session, model_ids: Collection[int], by: datetime | None = None, silent: Collection[str] = ()
) -> frozenset[str]:
    """Return on what kinds of data these models had ever been measured, by BY if given.

    With SILENT sources: as any other has told us among the newest of each kind.
    """
    models, until = list(model_ids), by or datetime.max.replace(tzinfo=UTC)
    told = _kinds_told(db, models, until, list(silent)) if silent else _kinds_known(db, models, until)
    return frozenset(kind for (kind,) in told)


@prepared
def _kinds_known(models: list[int], by: datetime) -> sa.CompoundSelect[str]:
    """One seek a kind."""
    said = select(Evaluation.id).where(col(Evaluation.model_id).in_(models), col(Evaluation.received_at) <= by)
    seeks = (
        sa.select(sa.literal(str(kind))).where(said.where(Evaluation.evaluation_type == kind).exists())
        for kind in EvaluationType
    )
    return sa.union_all(*seeks)


@prepared
def _kinds_told(models: list[int], by: datetime, without: list[str]) -> sa.CompoundSelect[str]:
    said = sa.select(col(Evaluation.source)).where(
        col(Evaluation.model_id).in_(models), col(Evaluation.received_at) <= by
    )
    newest_first = said.order_by(col(Evaluation.received_at).desc())
    return told_by_others(
        {str(kind): newest_first.where(col(Evaluation.evaluation_type) == kind) for kind in EvaluationType}, without
    )


def first_per_metric(readings: Sequence[Reading]) -> dict[str, Reading]:
    """Return the first of `readings` of each metric: the newest where the newest come first."""
    found: dict[str, Reading] = {}
    for reading in readings:
        found.setdefault(reading.metric, reading)
    return found


def _by_metric(rows: Iterable[Any]) -> dict[str, Reading]:
    return {reading.metric: reading for reading in map(Reading._make, rows)}


def _is_of(value: type[MetricValue]) -> sa.ColumnElement[bool]:
    """Return that VALUE is one over all rows of the metric that a row of MetricName names."""
    same = (col(value.model_id) == col(MetricName.model_id)) & (col(value.metric) == col(MetricName.metric))
    return same & (col(value.slice) == ALL)


def _readings() -> Select[*tuple[Any, ...]]:
    joined: Select[*tuple[Any, ...]] = select(*COLUMNS).select_from(MetricValue)
    return joined.join(Evaluation, col(Evaluation.id) == col(MetricValue.evaluation_id))


def _labelled() -> sa.ColumnElement[bool]:
    """Return that enough labels have arrived, as `Reading.matured` says it."""
    stated = col(Evaluation.labelled_fraction)
    return (stated.is_(None) & col(Evaluation.labels_pending).is_(False)) | (stated >= MATURED)


def _read(db: Session, query: sa.Select[Any]) -> Iterator[Reading]:
    return map(Reading._make, db.connection().execute(query).all())
