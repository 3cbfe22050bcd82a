"""Each metric of a model names the value that its objective is about, and knows whether that one misses it.

As the rows say, whatever happens.
"""

from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from bot import catalogue
from bot.config import parse
from bot.domain.actions import MergeModels, RenameModel
from bot.domain.facts import EvaluationFact, EvaluationType, MetricFact
from bot.store.queries.objectives import JUDGED, misses
from bot.store.tables import Evaluation, MetricName, MetricValue, Model

MODELS, METRICS = ("fraud", "fraud_2"), ("auc", "f1")
EVALUATIONS = st.tuples(
    st.sampled_from(MODELS),
    st.lists(
        st.tuples(st.sampled_from(METRICS), st.sampled_from(["all", "BR"]), st.sampled_from([None, 15.0, 35.0])),
        min_size=1,
        max_size=3,
        unique_by=lambda metric: metric[:2],
    ),
    st.integers(0, 4),
    st.sampled_from(EvaluationType),
    st.sampled_from([None, 0.5, 0.9]),
)
MISSED, KEPT_LATER = (
    [(model, [("auc", "all", least)], hours, EvaluationType.LIVE, None) for model in MODELS]
    for least, hours in ((15.0, 2), (None, 0))
)
number = count()

Noted = dict[tuple[int, str], tuple[float | None, bool]]
"""(model, metric) -> the value that its objective is about, and whether that misses it."""


def said(db: Session) -> Noted:
    """Return what stands with each metric's name."""
    query = select(MetricName, MetricValue.value).outerjoin(MetricValue, col(MetricValue.id) == MetricName.newest_id)
    return {(row.model_id, row.metric): (value, row.missed) for row, value in db.exec(query)}


def found(db: Session) -> Noted:
    """Return the same as going through all values finds it."""
    query = select(MetricValue, Evaluation, Model).join(Evaluation, col(Evaluation.id) == MetricValue.evaluation_id)
    query = query.join(Model, col(Model.id) == MetricValue.model_id)
    newest: Noted = dict.fromkeys(said(db), (None, False))
    for value, evaluation, model in db.exec(query.order_by(col(MetricValue.at), col(MetricValue.id))):
        if value.slice == "all" and value.evaluation_type in JUDGED and evaluation.labelled_fraction != 0.5:
            newest[value.model_id, value.metric] = (value.value, misses(model, value))
    return newest


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVALUATIONS, min_size=1, max_size=8))
@example([MISSED[0], KEPT_LATER[1]])
@example([KEPT_LATER[0], MISSED[1]])
def test_what_is_noted_of_a_metric_is_what_values_and_configuration_say(world: Any, told: list[Any]) -> None:
    run = next(number)
    facts = [
        EvaluationFact(
            model=f"{model}-{run}",
            metrics=tuple(
                MetricFact(name=name, slice=part, value=10.0 * n + m, threshold_op=least and ">=", threshold=least)
                for m, (name, part, least) in enumerate(metrics)
            ),
            occurred_at=world.now - timedelta(hours=hours),
            evaluation_type=kind,
            labelled_fraction=labelled,
            dedup_key=f"{run}/{n}",
        )
        for n, (model, metrics, hours, kind, labelled) in enumerate(told)
    ]

    for fact in facts:
        world.record(fact)
    world.record(*facts)  # again, as by a replay

    assert world.run(said) == world.run(found)
    for stated in (f'{{models: {{fraud-{run}: {{metrics: {{AUC: {{slo: "<= 20"}}}}}}}}}}', "{}"):
        world.run(catalogue.apply, parse(stated), world.now)
        assert world.run(said) == world.run(found)
    one, *other = sorted({fact.model for fact in facts})
    world.act(RenameModel(model=one, name=f"renamed-{run}", by="U02BOB"))
    for name in other:
        world.act(MergeModels(model=name, into=one, by="U02BOB"))
    assert world.run(said) == world.run(found)
