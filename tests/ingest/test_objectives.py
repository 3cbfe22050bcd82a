"""What matured data says of objectives and of offline promises (findings.md S2, S3)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot import catalogue
from bot.config import parse
from bot.domain.actions import MergeModels, RenameModel
from bot.domain.facts import ChangeFact, ChangeType, DeploymentFact, EvaluationFact, EvaluationType, MetricFact, Trigger
from bot.ingest.deadlines import look
from bot.store.queries.promises import kept_now
from bot.store.tables import Alert, Incident, Model

CONFIGURED = "models: {fraud: {metrics: {auc: {slo: '>= 0.9', direction: higher}}}}"


def evaluation(world: Any, value: float, **more: Any) -> EvaluationFact:
    given: dict[str, Any] = {"model": "fraud", "version": "12", "occurred_at": world.now}
    return EvaluationFact(**given | {"metrics": (MetricFact(name="auc", value=value),)} | more)


@pytest.fixture
def configured(world: Any) -> Any:
    world.run(catalogue.apply, parse(CONFIGURED), world.now)
    for version, days in (("11", 9), ("12", 4)):
        at = world.now - timedelta(days=days)
        world.record(DeploymentFact(model="fraud", version=version, occurred_at=at, traffic_percent=100.0))
    return world


def incidents(world: Any) -> list[Incident]:
    return list(world.run(lambda db: db.exec(select(Incident)).all()))


def statuses(world: Any) -> list[str]:
    return [alert.status for alert in world.rows(Alert)]


def test_a_value_whose_labels_have_not_arrived_opens_nothing(configured: Any) -> None:
    configured.record(evaluation(configured, 0.80, labelled_fraction=0.3))

    assert incidents(configured) == []


def test_a_value_that_was_computed_without_its_labels_does_not_get_truer_by_waiting(configured: Any) -> None:
    lagging = parse(CONFIGURED.replace("fraud: {", "fraud: {label_lag: 10d, "))
    configured.run(catalogue.apply, lagging, configured.now)
    ended = configured.now
    configured.record(evaluation(configured, 0.80, window_end=ended))
    configured.later(days=11)
    configured.run(look, configured.now, configured.rules, ())
    early = incidents(configured)

    configured.record(evaluation(configured, 0.81, window_end=ended))

    assert early == []
    assert len(incidents(configured)) == 1


def test_a_matured_value_that_misses_its_objective_opens_an_incident(configured: Any) -> None:
    configured.record(evaluation(configured, 0.80, labelled_fraction=0.85))

    (incident,) = incidents(configured)
    assert incident.title == "fraud: auc misses its objective ≥ 0.9"
    assert incident.status == "investigating"


@pytest.mark.parametrize("given", ["unit: ratio, slo: '<= 0.025'", "unit: percent, slo: '<= 2.5'"])
def test_an_incident_says_an_objective_as_the_cards_do(configured: Any, given: str) -> None:
    stated = f"models: {{fraud: {{metrics: {{declined: {{title: Good payments declined, {given}}}}}}}}}"
    configured.run(catalogue.apply, parse(stated), configured.now)
    metrics = (MetricFact(name="declined", value=0.041, unit="ratio"),)

    configured.record(evaluation(configured, 0, metrics=metrics, evaluation_type=EvaluationType.PRODUCT))

    assert incidents(configured)[0].title == "fraud: Good payments declined misses its objective ≤ 2.5 %"


@pytest.mark.parametrize(("unit", "value"), [("percent", 2.9), ("ratio", 0.029)])
def test_an_objective_in_percent_is_one_of_what_is_sent_in_percent(world: Any, unit: str, value: float) -> None:
    percent = "models: {fraud: {metrics: {declined: {unit: percent, slo: '<= 2.5', direction: lower}}}}"
    world.run(catalogue.apply, parse(percent), world.now)
    metrics = [{"name": "declined", "value": value, "unit": unit}]

    world.deliver("events", {"kind": "evaluation", "model": "fraud", "metrics": metrics})

    assert [incident.status for incident in incidents(world)] == ["investigating"]


def test_a_later_value_that_keeps_the_objective_closes_it(configured: Any) -> None:
    configured.record(evaluation(configured, 0.80, labelled_fraction=0.85))
    configured.later(hours=6)

    configured.record(evaluation(configured, 0.93, labelled_fraction=0.9))

    (incident,) = incidents(configured)
    assert incident.status == "resolved"


@pytest.mark.parametrize("stage", ["staging", "lab"])
@pytest.mark.parametrize("kind", [EvaluationType.LIVE, EvaluationType.PRODUCT])
def test_what_is_measured_without_users_says_nothing_of_an_objective(
    configured: Any, stage: str, kind: EvaluationType
) -> None:
    staged = parse(CONFIGURED.replace("fraud: {", "fraud: {stages: [lab, production], "))
    configured.run(catalogue.apply, staged, configured.now)
    configured.record(evaluation(configured, 0.80, stage="production"))
    configured.later(hours=6)

    for value in (0.93, 0.70):
        configured.record(evaluation(configured, value, stage=stage, version="13", evaluation_type=kind))
        configured.later(hours=6)

    assert [incident.status for incident in incidents(configured)] == ["investigating"]
    assert statuses(configured) == ["firing"]


def test_a_model_that_was_renamed_keeps_its_objective_again(configured: Any) -> None:
    configured.record(evaluation(configured, 0.80, labelled_fraction=0.85))
    configured.act(RenameModel(model="fraud", name="fraud-scorer", by="U02BOB"))
    configured.later(hours=6)

    configured.record(evaluation(configured, 0.93, labelled_fraction=0.9))

    assert [i.status for i in incidents(configured)] == ["resolved"]
    assert statuses(configured) == ["resolved"]


def test_a_model_that_was_merged_keeps_its_objective_again(configured: Any) -> None:
    misses = {"metrics": (MetricFact(name="auc", value=0.80, threshold_op=">=", threshold=0.9),)}
    configured.record(evaluation(configured, 0.80, model="fraud_v2", labelled_fraction=0.85, **misses))
    configured.act(MergeModels(model="fraud_v2", into="fraud", by="U02BOB"))
    before = [i.status for i in incidents(configured)]
    configured.later(hours=6)

    configured.record(evaluation(configured, 0.93, labelled_fraction=0.9))

    assert before == ["investigating"]
    assert [i.status for i in incidents(configured)] == ["resolved"]
    assert statuses(configured) == ["resolved"]


def test_two_models_that_miss_the_same_objective_miss_it_once_when_merged(configured: Any) -> None:
    misses = {"metrics": (MetricFact(name="auc", value=0.80, threshold_op=">=", threshold=0.9),)}
    for name in ("fraud_v2", "fraud"):
        configured.record(evaluation(configured, 0.80, model=name, labelled_fraction=0.85, **misses))
    before = statuses(configured)
    configured.act(MergeModels(model="fraud_v2", into="fraud", by="U02BOB"))
    after = statuses(configured)
    configured.later(hours=6)

    configured.record(evaluation(configured, 0.93, labelled_fraction=0.9))

    assert (before, after) == (["firing", "firing"], ["resolved", "firing"])
    assert statuses(configured) == ["resolved", "resolved"]
    assert [i.status for i in incidents(configured)] == ["resolved", "resolved"]


def test_what_was_missed_and_kept_before_a_merge_stays_as_it_was(configured: Any) -> None:
    misses = {"metrics": (MetricFact(name="auc", value=0.80, threshold_op=">=", threshold=0.9),)}
    for name in ("fraud_v2", "fraud"):
        configured.record(evaluation(configured, 0.80, model=name, labelled_fraction=0.85, **misses))
    configured.record(evaluation(configured, 0.93, occurred_at=configured.later(hours=6)))

    configured.act(MergeModels(model="fraud_v2", into="fraud", by="U02BOB"))

    assert statuses(configured) == ["resolved", "resolved"]


def test_an_objective_that_is_no_more_is_not_missed_any_more(configured: Any) -> None:
    configured.record(evaluation(configured, 0.80, labelled_fraction=0.85))
    configured.run(catalogue.apply, parse("models: {fraud: {}}"), configured.now)

    configured.record(evaluation(configured, 0.80, occurred_at=configured.later(hours=6)))

    assert statuses(configured) == ["resolved"]


def test_the_gap_of_a_version_that_a_merge_shows_to_serve_no_more_is_over(configured: Any) -> None:
    configured.record(DeploymentFact(model="fraud_v2", version="13", occurred_at=configured.now - timedelta(days=5)))
    gap = {"model": "fraud_v2", "version": "13"}
    configured.record(evaluation(configured, 0.952, evaluation_type=EvaluationType.OFFLINE, **gap))
    configured.record(evaluation(configured, 0.912, labelled_fraction=0.85, **gap))
    before = statuses(configured)

    configured.act(MergeModels(model="fraud_v2", into="fraud", by="U02BOB"))

    assert (before, statuses(configured)) == (["firing"], ["resolved"])


def test_good_values_leave_no_alerts_behind(configured: Any) -> None:
    for _ in range(3):
        configured.later(hours=6)
        configured.record(evaluation(configured, 0.93, labelled_fraction=0.9))

    assert configured.run(lambda db: db.exec(select(Alert)).all()) == []


def test_a_version_that_does_worse_live_than_offline_is_said_so_until_it_serves_no_more(configured: Any) -> None:
    configured.record(evaluation(configured, 0.952, evaluation_type=EvaluationType.OFFLINE))
    configured.record(evaluation(configured, 0.912, labelled_fraction=0.85))
    (before,) = configured.run(lambda db: db.exec(select(Alert)).all())
    configured.later(hours=1)

    back = DeploymentFact(model="fraud", version="11", occurred_at=configured.now, traffic_percent=100.0)
    configured.record(back)

    assert before.summary == "v12 auc: offline 0.952 → live 0.912, gap 0.040 (tolerance 0.03)"
    (after,) = configured.run(lambda db: db.exec(select(Alert)).all())
    assert (before.status, after.status) == ("firing", "resolved")


def test_labels_that_come_when_a_version_is_gone_open_nothing(configured: Any) -> None:
    configured.record(evaluation(configured, 0.98, evaluation_type=EvaluationType.OFFLINE))
    back = {"version": "11", "trigger": Trigger.ROLLBACK, "previous_version": "12"}
    configured.record(DeploymentFact(model="fraud", occurred_at=configured.later(hours=1), **back))
    configured.later(days=5)

    configured.record(evaluation(configured, 0.92))

    assert incidents(configured) == []


@pytest.mark.parametrize(
    ("measured", "gaps"),
    [
        (("val_auc",), 1),
        (("train_auc", "val_auc"), 1),
        (("train_auc",), 0),
        (("val_auc", "test_auc"), 0),
        (("auc", "test_auc"), 1),
    ],
)
def test_a_promise_may_be_called_after_its_split(configured: Any, measured: tuple[str, ...], gaps: int) -> None:
    metrics = tuple(MetricFact(name=name, value=0.98) for name in measured)
    configured.record(evaluation(configured, 0, metrics=metrics, evaluation_type=EvaluationType.OFFLINE))
    configured.later(hours=1)

    configured.record(evaluation(configured, 0.92))

    assert statuses(configured) == ["firing"] * gaps


def test_what_was_promised_by_another_definition_is_not_held_against_live_values(configured: Any) -> None:
    configured.record(evaluation(configured, 0.98, evaluation_type=EvaluationType.OFFLINE))
    configured.later(hours=1)
    configured.record(evaluation(configured, 0.92))
    before = statuses(configured)
    redefined = {"change_type": ChangeType.METRIC_DEFINITION, "summary": "auc is by customer", "model": "fraud"}
    configured.record(ChangeFact(occurred_at=configured.later(hours=1), **redefined))

    configured.record(evaluation(configured, 0.91))

    (promise,) = configured.run(lambda db: kept_now(db, db.get_one(Model, 1), "12"))
    assert promise.gap.words == "offline 0.980 → live 0.910, not comparable, redefined 23 Nov"
    assert (before, statuses(configured)) == (["firing"], ["resolved"])


def test_a_backfill_opens_nothing(configured: Any) -> None:
    old = configured.now - timedelta(days=3)

    configured.record(evaluation(configured, 0.5, labelled_fraction=1.0, occurred_at=old, window_end=old))

    assert incidents(configured) == []
