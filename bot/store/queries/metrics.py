"""Measured values, newest first, by seeks on (model, metric, at): a long history costs nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.domain.facts import EvaluationType
from bot.domain.gaps import MATURED, is_matured
from bot.domain.measurements import ALL, Measured
from bot.store.tables import Evaluation, MetricValue

DEPTH = 12
"""How many values are read of each metric: enough to find the newest matured one and the one before it."""

NEWEST = sa.text(
    """
    WITH RECURSIVE named(model_id, metric) AS (
        SELECT m.id, (SELECT min(v.metric) FROM metric_value v WHERE v.model_id = m.id)
        FROM model m WHERE m.id IN :models
        UNION ALL
        SELECT named.model_id, (
            SELECT min(v.metric) FROM metric_value v
            WHERE v.model_id = named.model_id AND v.metric > named.metric
        ) FROM named WHERE named.metric IS NOT NULL
    )
    SELECT v.id FROM named CROSS JOIN metric_value v
    WHERE v.id IN (
        SELECT n.id FROM metric_value n
        WHERE n.model_id = named.model_id AND n.metric = named.metric AND n.slice = 'all'
        ORDER BY n.at DESC, n.id DESC LIMIT :depth
    )
    """
).bindparams(sa.bindparam("models", expanding=True))
"""The metrics of each model by hopping from name to name in the index, then the newest values of each."""


@dataclass(frozen=True)
class Reading:
    """One value with what it was measured on."""

    value: MetricValue
    evaluation: Evaluation

    @property
    def matured(self) -> bool:
        """Whether enough labels have arrived to judge it; before that it is provisional."""
        kind = EvaluationType(self.evaluation.evaluation_type)
        return is_matured(self.evaluation.labelled_fraction, evaluation_type=kind)

    @property
    def measured(self) -> Measured:
        """The value as judging needs it."""
        value, evaluation = self.value, self.evaluation
        return Measured(
            value=value.value,
            name=value.metric,
            n=value.n,
            ci_low=value.ci_low,
            ci_high=value.ci_high,
            slice=value.slice,
            method=value.method,
            dataset=evaluation.dataset,
            dataset_version=evaluation.dataset_version,
            suite=evaluation.suite,
            suite_version=evaluation.suite_version,
            stage=evaluation.stage,
        )


def newest_values(db: Session, model_ids: Collection[int]) -> dict[tuple[int, str], list[Reading]]:
    """Return the newest values over all rows of each metric of these models: (model, metric) -> newest first."""
    if not model_ids:
        return {}
    ids = db.connection().execute(NEWEST, {"models": list(model_ids), "depth": DEPTH}).scalars().all()
    query = (
        select(MetricValue, Evaluation)
        .join(Evaluation, col(Evaluation.id) == col(MetricValue.evaluation_id))
        .where(col(MetricValue.id).in_(ids))
        .order_by(col(MetricValue.at).desc(), col(MetricValue.id).desc())
    )
    found: dict[tuple[int, str], list[Reading]] = {}
    for value, evaluation in db.exec(query):
        found.setdefault((value.model_id, value.metric), []).append(Reading(value, evaluation))
    return found


def values_of_version(db: Session, model_id: int, version: str, *, limit: int = 60) -> list[Reading]:
    """Return what was measured of VERSION over all rows, newest first."""
    query = (
        select(MetricValue, Evaluation)
        .join(Evaluation, col(Evaluation.id) == col(MetricValue.evaluation_id))
        .where(Evaluation.model_id == model_id, Evaluation.version == version, MetricValue.slice == ALL)
        .order_by(col(Evaluation.occurred_at).desc(), col(MetricValue.id).desc())
        .limit(limit)
    )
    return [Reading(value, evaluation) for value, evaluation in db.exec(query)]


def first_matured(db: Session, model_id: int, version: str, kind: str, *, limit: int = 40) -> dict[str, Reading]:
    """Return the first values of VERSION on this kind of data whose labels had arrived, by metric."""
    query = (
        select(MetricValue, Evaluation)
        .join(Evaluation, col(Evaluation.id) == col(MetricValue.evaluation_id))
        .where(Evaluation.model_id == model_id, Evaluation.version == version, MetricValue.slice == ALL)
        .where(Evaluation.evaluation_type == kind)
        .where(col(Evaluation.labelled_fraction).is_(None) | (col(Evaluation.labelled_fraction) >= MATURED))
        .order_by(col(Evaluation.occurred_at), col(MetricValue.id))
        .limit(limit)
    )
    return first_per_metric([Reading(value, evaluation) for value, evaluation in db.exec(query)])


def evaluation_types_known(db: Session, model_ids: Collection[int], by: datetime | None = None) -> frozenset[str]:
    """Return on what kinds of data these models had ever been measured, by BY if given."""
    found = set()
    for kind in EvaluationType:
        query = select(Evaluation.id).where(col(Evaluation.model_id).in_(model_ids), Evaluation.evaluation_type == kind)
        if by is not None:
            query = query.where(col(Evaluation.received_at) <= by)
        if db.exec(query.limit(1)).first() is not None:
            found.add(str(kind))
    return frozenset(found)


def first_per_metric(readings: Sequence[Reading]) -> dict[str, Reading]:
    """Return the first of `readings` of each metric: the newest where the newest come first."""
    found: dict[str, Reading] = {}
    for reading in readings:
        found.setdefault(reading.value.metric, reading)
    return found
