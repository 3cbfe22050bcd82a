"""What matured data says of objectives and of offline promises (findings.md S2, S3)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot import catalogue
from bot.config import parse
from bot.domain.facts import DeploymentFact, EvaluationFact, EvaluationType, MetricFact
from bot.store.tables import Alert, Incident

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


def test_a_value_whose_labels_have_not_arrived_opens_nothing(configured: Any) -> None:
    configured.record(evaluation(configured, 0.80, labelled_fraction=0.3))

    assert incidents(configured) == []


def test_a_matured_value_that_misses_its_objective_opens_an_incident(configured: Any) -> None:
    configured.record(evaluation(configured, 0.80, labelled_fraction=0.85))

    (incident,) = incidents(configured)
    assert incident.title == "fraud: auc misses its objective >= 0.9"
    assert incident.status == "investigating"


def test_a_later_value_that_keeps_the_objective_closes_it(configured: Any) -> None:
    configured.record(evaluation(configured, 0.80, labelled_fraction=0.85))
    configured.later(hours=6)

    configured.record(evaluation(configured, 0.93, labelled_fraction=0.9))

    (incident,) = incidents(configured)
    assert incident.status == "resolved"


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


def test_a_backfill_opens_nothing(configured: Any) -> None:
    old = configured.now - timedelta(days=3)

    configured.record(evaluation(configured, 0.5, labelled_fraction=1.0, occurred_at=old, window_end=old))

    assert incidents(configured) == []
