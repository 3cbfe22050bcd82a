"""Evaluations: kept once, with every number, and shown on the cards of the rollouts they are about."""

from datetime import timedelta
from typing import Any

from bot.domain.facts import EvaluationFact, EvaluationType, MetricFact
from bot.store.tables import Evaluation, MetricValue


def measured(world: Any, value: float = 0.94, version: str | None = "42", **more: Any) -> EvaluationFact:
    given = {
        "model": "fraud-scorer",
        "version": version,
        "occurred_at": world.now,
        "evaluation_type": EvaluationType.OFFLINE,
        "metrics": (MetricFact(name="auc", value=value, n=800, direction="higher"),),
        **more,
    }
    return EvaluationFact(**given)


def test_every_number_is_kept_with_its_n_and_its_window(world: Any) -> None:
    end = world.now - timedelta(days=1)
    numbers = (MetricFact(name="auc", value=0.9, n=800), MetricFact(name="auc", value=0.8, slice="country=FR", n=130))

    world.record(measured(world, metrics=numbers, window_end=end, labelled_fraction=0.88))

    assert world.row(Evaluation).labelled_fraction == 0.88
    found = [(v.metric, v.slice, v.value, v.n, v.at) for v in world.rows(MetricValue)]
    assert found == [("auc", "all", 0.9, 800, end), ("auc", "country=FR", 0.8, 130, end)]


def test_a_number_may_be_measured_on_billions(world: Any) -> None:
    clicks = MetricFact(name="ctr", value=0.02, n=5_000_000_000, negatives=4_900_000_000)

    world.record(measured(world, metrics=(clicks,)))

    kept = world.row(MetricValue)
    assert (kept.n, kept.negatives) == (5_000_000_000, 4_900_000_000)


def test_an_evaluation_with_a_known_id_is_kept_once(world: Any) -> None:
    world.record(measured(world, evaluation_id="eval-1"))

    recorded = world.record(measured(world, evaluation_id="eval-1"))

    assert recorded.duplicate == 1
    assert len(world.rows(MetricValue)) == 1


def test_two_equal_evaluations_without_an_id_are_two(world: Any) -> None:
    world.record(measured(world))

    world.record(measured(world))

    assert len(world.rows(Evaluation)) == 2


def test_numbers_that_come_after_the_rollout_stand_on_its_card(world: Any) -> None:
    world.record(world.rollout("41"))
    world.later(minutes=5)
    world.record(world.rollout("42"))
    world.draw()

    world.record(measured(world, 0.94), measured(world, 0.91, version="41"))
    world.draw()

    assert "AUC *0.940*" in world.says("slack/deployment/2")
    assert "0.030 better" in world.says("slack/deployment/2")
    assert "AUC *0.910*" in world.says("slack/deployment/1")


def test_numbers_of_no_version_touch_no_rollout(world: Any) -> None:
    world.record(world.rollout("42"))
    world.draw()
    before = world.generations()

    world.record(measured(world, version=None))

    assert world.generations() == before
