"""Each metric of a model names the value that its objective is about: the one that the rows say, whatever happens."""

from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from bot.domain.actions import MergeModels, RenameModel
from bot.domain.facts import EvaluationFact, EvaluationType, MetricFact
from bot.store.queries.objectives import JUDGED
from bot.store.tables import Evaluation, MetricName, MetricValue

MODELS, METRICS = ("fraud", "fraud_2"), ("auc", "f1")
EVALUATIONS = st.tuples(
    st.sampled_from(MODELS),
    st.lists(st.tuples(st.sampled_from(METRICS), st.sampled_from(["all", "BR"])), min_size=1, max_size=3, unique=True),
    st.integers(0, 4),
    st.sampled_from(EvaluationType),
    st.sampled_from([None, 0.5, 0.9]),
)
number = count()


def said(db: Session) -> dict[tuple[int, str], float | None]:
    """Return which value each metric names: (model, metric) -> it."""
    query = select(MetricName, MetricValue.value).outerjoin(MetricValue, col(MetricValue.id) == MetricName.newest_id)
    return {(row.model_id, row.metric): value for row, value in db.exec(query)}


def found(db: Session) -> dict[tuple[int, str], float | None]:
    """Return the same as going through all values finds it."""
    query = select(MetricValue, Evaluation).join(Evaluation, col(Evaluation.id) == MetricValue.evaluation_id)
    newest: dict[tuple[int, str], float | None] = dict.fromkeys(said(db))
    for value, evaluation in db.exec(query.order_by(col(MetricValue.at), col(MetricValue.id))):
        if value.slice == "all" and value.evaluation_type in JUDGED and evaluation.labelled_fraction != 0.5:
            newest[value.model_id, value.metric] = value.value
    return newest


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVALUATIONS, min_size=1, max_size=8))
def test_a_metric_names_the_newest_value_that_its_objective_is_about(world: Any, told: list[Any]) -> None:
    run = next(number)
    facts = [
        EvaluationFact(
            model=f"{model}-{run}",
            metrics=tuple(
                MetricFact(name=name, slice=part, value=10.0 * n + m) for m, (name, part) in enumerate(metrics)
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
    one, *other = sorted({fact.model for fact in facts})
    world.act(RenameModel(model=one, name=f"renamed-{run}", by="U02BOB"))
    for name in other:
        world.act(MergeModels(model=name, into=one, by="U02BOB"))
    assert world.run(said) == world.run(found)
