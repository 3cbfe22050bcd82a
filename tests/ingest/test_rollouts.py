"""Rollouts: one card from the first step to the last, whichever way and in whatever order its events come."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.facts import Trigger
from bot.ingest.record import Arrived, take
from bot.ports import Delivery
from bot.store.tables import Change, Incident, Model, Serving, TimelineEntry, Version


def cards(world: Any) -> list[str]:
    """Return the words on each deployment card that was ever posted."""
    return [world.says(k) for k in sorted(world.shown) if k.startswith("slack/deployment/")]


def canary(world: Any, **more: Any) -> None:
    """v42 beside v41: 10, 50, then 100 %, five minutes apart."""
    for status, share in (("in_progress", 10), ("in_progress", 50), ("succeeded", 100)):
        world.record(world.rollout("42", status, traffic_percent=share, strategy="canary", **more))
        world.later(minutes=5)


@pytest.fixture
def before(world: Any) -> Any:
    """v41 serves since nine days."""
    world.record(world.rollout("41", occurred_at=world.now - timedelta(days=9)))
    return world


@pytest.mark.parametrize("deployment_id", ["r-118", None])
def test_a_canary_is_one_card_from_its_first_step_to_the_last(before: Any, deployment_id: str | None) -> None:
    world = before
    started = world.now

    canary(world, deployment_id=deployment_id)
    world.draw()

    rollout = world.row(Change, version="42")
    assert (rollout.status, rollout.traffic_percent, rollout.previous_version) == ("succeeded", 100.0, "41")
    assert (rollout.started_at, rollout.finished_at) == (started, started + timedelta(minutes=10))
    (card,) = cards(world)
    assert "🟢" in card
    assert "10 min" in card


def test_a_rollout_that_ends_without_a_share_has_it_all(before: Any) -> None:
    world = before
    world.record(world.rollout("42", "in_progress", traffic_percent=10))
    world.later(minutes=5)

    world.record(world.rollout("42"))

    assert world.row(Change, version="42").traffic_percent == 100.0


@pytest.mark.parametrize("deployment_id", ["r-118", None])
def test_a_repeated_or_late_event_changes_nothing(before: Any, deployment_id: str | None) -> None:
    world = before
    first = world.rollout("42", "in_progress", traffic_percent=10, deployment_id=deployment_id)
    canary(world, deployment_id=deployment_id)
    world.draw()
    generations = world.generations()

    recorded = world.record(first)

    assert (recorded.recorded, recorded.duplicate) == (0, 1)
    assert world.generations() == generations


def test_events_that_overtook_each_other_are_one_rollout(before: Any) -> None:
    world = before
    steps = [("in_progress", 10), ("in_progress", 50), ("succeeded", 100)]
    facts = [
        world.rollout("42", status, traffic_percent=share, occurred_at=world.now + timedelta(minutes=n))
        for n, (status, share) in enumerate(steps)
    ]
    world.later(minutes=5)

    for n in (2, 0, 1):
        world.record(facts[n])

    rollout = world.row(Change, version="42")
    assert (rollout.status, rollout.started_at) == ("succeeded", facts[0].occurred_at)


def rolled_back_by_new_rollout(world: Any) -> Any:
    return world.rollout("41", trigger=Trigger.ROLLBACK, traffic_percent=100, actor="bob")


def rolled_back_by_status(world: Any) -> Any:
    return world.rollout("42", "rolled_back")


@pytest.mark.parametrize("way", [rolled_back_by_new_rollout, rolled_back_by_status])
def test_going_back_turns_the_card_where_it_stands(before: Any, way: Any) -> None:
    world = before
    canary(world)
    world.draw()

    world.record(way(world))
    world.draw()

    assert world.row(Change, version="42").status == "rolled_back"
    assert world.live() == {"41": 100.0}
    (card,) = cards(world)
    assert "↩️" in card


@pytest.mark.parametrize("newest_first", [True, False])
def test_going_back_that_is_told_in_both_ways_is_told_once(before: Any, newest_first: bool) -> None:
    world = before
    canary(world)
    world.record(world.alert(kind="hard", starts_at=world.now - timedelta(minutes=5)))
    world.draw()
    ways = [rolled_back_by_new_rollout, rolled_back_by_status]

    for way in reversed(ways) if newest_first else ways:
        world.record(way(world))
        world.later(minutes=1)
        world.draw()

    assert world.live() == {"41": 100.0}
    assert world.row(Change, version="42").status == "rolled_back"
    (card,) = cards(world)
    assert "↩️" in card
    assert [e.text for e in world.rows(TimelineEntry, kind="rollback")] == ["v42 → v41 in production finished"]


def test_what_was_said_before_it_went_back_does_not_bring_it_forward(before: Any) -> None:
    world = before
    done = world.rollout("42", deployment_id="r-118")
    world.record(done)
    world.later(minutes=5)
    world.record(rolled_back_by_new_rollout(world))
    world.draw()

    recorded = world.record(done)

    assert recorded.duplicate == 1
    assert world.row(Change, version="42").status == "rolled_back"
    assert world.live() == {"41": 100.0}


def test_deploying_it_again_after_going_back_goes_forward(before: Any) -> None:
    world = before
    canary(world)
    world.record(rolled_back_by_new_rollout(world))
    world.later(days=1)

    world.record(world.rollout("42", actor="alice"))
    world.draw()

    newest = world.rows(Change, version="42")[-1]
    assert (newest.status, newest.trigger) == ("succeeded", None)
    assert world.live() == {"42": 100.0}
    assert "🟢" in world.says(f"slack/deployment/{newest.id}")


def test_going_back_without_saying_so_is_seen(before: Any) -> None:
    world = before
    canary(world)

    world.record(world.rollout("41"))

    assert world.row(Change, version="42").status == "rolled_back"
    assert world.rows(Change, version="41")[-1].trigger == "rollback"


def test_going_back_in_one_place_leaves_the_other_alone(world: Any) -> None:
    for target in ("eu-1", "us-1"):
        world.record(world.rollout("41", target=target))
    world.later(minutes=5)
    for target in ("eu-1", "us-1"):
        world.record(world.rollout("42", target=target))
    world.later(minutes=5)

    world.record(world.rollout("41", target="eu-1", trigger=Trigger.ROLLBACK))

    assert world.row(Change, version="42", target="eu-1").status == "rolled_back"
    assert world.row(Change, version="42", target="us-1").status == "succeeded"
    assert world.live(target="us-1") == {"42": 100.0}


def test_a_failed_canary_leaves_the_version_before(before: Any) -> None:
    world = before
    world.record(world.rollout("42", "in_progress", traffic_percent=10))
    world.later(minutes=5)

    world.record(world.rollout("42", "failed"))
    world.draw()

    assert world.live() == {"41": 100.0}
    assert "🔴" in cards(world)[0]


def test_the_same_version_weeks_later_is_another_rollout(before: Any) -> None:
    world = before
    canary(world)
    world.draw()
    world.later(days=20)

    world.record(world.rollout("42"))
    world.draw()

    assert [c.status for c in world.rows(Change, version="42")] == ["succeeded", "succeeded"]
    assert len(cards(world)) == 2


@pytest.mark.parametrize("status", ["in_progress", "succeeded", "failed"])
def test_another_attempt_after_a_failure_is_another_rollout(before: Any, status: str) -> None:
    world = before
    world.record(world.rollout("42", "failed"))
    world.later(days=1)

    world.record(world.rollout("42", status))

    assert [c.status for c in world.rows(Change, version="42")] == ["failed", status]


def test_a_deployment_id_names_one_rollout_whatever_else_happens(before: Any) -> None:
    world = before
    world.record(world.rollout("42", "in_progress", deployment_id="a", traffic_percent=10))
    world.record(world.rollout("43", "in_progress", deployment_id="b", traffic_percent=20))
    world.later(days=2)

    world.record(world.rollout("42", "failed", deployment_id="a"))

    assert world.row(Change, version="42").status == "failed"
    assert world.row(Change, version="43").status == "in_progress"


def test_a_deployment_id_is_one_of_its_source(world: Any) -> None:
    world.record(world.rollout("42", deployment_id="1"), source="argo")

    world.record(world.rollout("7", model="churn", deployment_id="1"), source="jenkins")

    assert len(world.rows(Change)) == 2


def test_one_run_of_a_pipeline_deploys_two_models(before: Any) -> None:
    world = before
    world.record(world.rollout("42", "in_progress", deployment_id="118", traffic_percent=10))

    world.record(world.rollout("7", model="churn", deployment_id="118"))
    world.record(world.rollout("42", deployment_id="118"))

    assert [(c.version, c.status) for c in world.rows(Change)[1:]] == [("42", "succeeded"), ("7", "succeeded")]
    serving = {(s.model_id, s.version) for s in world.rows(Serving, until=None)}
    assert serving == {(world.row(Model, name=name).id, v) for name, v in (("fraud-scorer", "42"), ("churn", "7"))}


def test_one_run_of_a_pipeline_deploys_to_one_stage_after_the_other(before: Any) -> None:
    world = before
    for stage in ("staging", "production"):
        world.record(world.rollout("42", stage=stage, deployment_id="118"))

    world.draw()

    assert [c.stage for c in world.rows(Change, version="42")] == ["staging", "production"]
    assert len(cards(world)) == 2


def test_one_run_of_a_pipeline_splits_traffic(world: Any) -> None:
    for version, share in (("41", 90), ("42", 10)):
        world.record(world.rollout(version, deployment_id="118", traffic_percent=share))

    assert world.live() == {"41": 90.0, "42": 10.0}


def test_what_is_told_of_a_rollout_by_its_id_alone_is_about_its_version(before: Any) -> None:
    world = before
    world.record(world.rollout("42", "in_progress", deployment_id="118"))

    world.record(world.rollout(None, "failed", deployment_id="118"))

    assert world.row(Change, version="42").status == "failed"


def test_the_version_before_is_known_from_the_first_rollout_that_names_it(world: Any) -> None:
    world.record(world.rollout("42", previous_version="41"))

    assert world.row(Version, name="41").id < world.row(Version, name="42").id


def test_history_fills_rows_and_posts_nothing(world: Any) -> None:
    world.record(world.rollout("41", occurred_at=world.now - timedelta(hours=25)))

    world.draw()

    assert world.live() == {"41": 100.0}
    assert cards(world) == []


def test_what_began_in_history_and_moves_today_has_a_card(before: Any) -> None:
    world = before
    world.record(world.rollout("42", "in_progress", traffic_percent=10, occurred_at=world.now - timedelta(hours=30)))

    world.record(world.rollout("42"))
    world.draw()

    assert "v42" in cards(world)[0]


def test_an_open_incident_hears_of_a_rollout_once(before: Any) -> None:
    world = before
    world.record(world.alert(kind="hard"))
    world.later(minutes=5)
    world.record(world.rollout("42", deployment_id="r", traffic_percent=50))

    world.record(world.rollout("42", deployment_id="r", traffic_percent=50, url="https://cd.example.com/r"))

    assert [e.text for e in world.rows(TimelineEntry)] == ["v41 → v42 in production: succeeded"]
    assert world.row(Incident).status == "investigating"


def test_a_rollout_before_the_trouble_is_no_news_of_it(before: Any) -> None:
    world = before
    fact = world.rollout("42")
    world.later(minutes=5)
    world.record(world.alert(kind="hard", lookback=timedelta(0)))

    world.record(fact)

    assert world.rows(TimelineEntry) == []


@pytest.mark.parametrize(
    ("alerting", "status"), [(None, "investigating"), ("production", "investigating"), ("staging", "mitigated")]
)
def test_going_back_at_a_stage_mitigates_what_alerts_there(before: Any, alerting: str | None, status: str) -> None:
    world = before
    world.record(world.rollout("42", stage="staging"))
    world.record(world.alert(kind="hard", stage=alerting))
    world.later(minutes=5)

    world.record(world.rollout("41", stage="staging", trigger=Trigger.ROLLBACK, previous_version="42"))

    assert world.incident().status == status
    assert len(world.rows(TimelineEntry, kind="rollback")) == (status == "mitigated")


def test_the_roll_back_button_goes_when_its_version_does(before: Any) -> None:
    world = before
    canary(world)
    world.record(world.alert(kind="hard"))
    world.draw()
    assert "Roll back to v41" in world.says("slack/incident/1")

    world.record(world.rollout("43"))
    world.draw()

    assert "Roll back to v41" not in world.says("slack/incident/1")


def test_a_history_that_is_sent_the_newest_first_costs_and_means_the_same(world: Any) -> None:
    def history(model: str) -> list[Any]:
        days = (world.now - timedelta(days=n) for n in range(3, 43))
        return [world.rollout(f"{40 - n}", occurred_at=at, model=model) for n, at in enumerate(days)]

    def cost(name: str, facts: list[Any]) -> int:
        arrived = Arrived(Delivery("events", name.encode(), world.now, {}, {}), facts)
        return len(world.statements(take, [arrived], world.now, rules=world.rules))

    newest_first = cost("fraud-scorer", history("fraud-scorer"))
    oldest_first = cost("churn", history("churn")[::-1])

    assert abs(newest_first - oldest_first) < 10
    assert [row.previous_version for row in world.rows(Change, model_id=1)] == [None, *map(str, range(1, 40))]


def test_what_a_rollout_told_late_replaced_is_what_served_then(before: Any) -> None:
    world = before
    world.record(world.rollout("43"))

    world.record(world.rollout("42", occurred_at=world.now - timedelta(days=2)))

    assert world.row(Change, version="42").previous_version == "41"
