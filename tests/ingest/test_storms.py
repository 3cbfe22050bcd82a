"""Storms: many groups at once in one channel are one card; what is still open afterwards has its own."""

from typing import Any

from bot.domain.actions import DeclareIncident
from bot.store.tables import AlertGroup, Incident, Storm


def many(world: Any, count: int, first: int = 0, **more: Any) -> list[Any]:
    return [world.alert(f"Drift{n}", model=f"m{n}", **more) for n in range(first, first + count)]


def own_cards(world: Any) -> list[str]:
    return sorted(k for k in world.shown if k.startswith("slack/group/"))


def test_four_groups_have_their_own_cards(world: Any) -> None:
    world.record(*many(world, 4))
    world.draw()

    assert len(own_cards(world)) == 4
    assert world.rows(Storm) == []


def test_many_groups_at_once_are_one_card_that_names_each(world: Any) -> None:
    world.record(*many(world, 30))
    world.draw()

    assert own_cards(world) == []
    assert all(f"Drift{n}" in world.says("slack/storm/1") for n in range(30))


def test_groups_that_open_one_after_the_other_within_a_minute_are_a_storm_too(world: Any) -> None:
    for fact in many(world, 6):
        world.record(fact)
        world.later(seconds=5)
    world.draw()

    assert own_cards(world) == []
    assert {g.storm_id for g in world.rows(AlertGroup)} == {1}


def test_groups_that_open_minutes_apart_are_none(world: Any) -> None:
    for fact in many(world, 6):
        world.record(fact)
        world.later(seconds=30)

    assert world.rows(Storm) == []


def test_what_opens_while_a_storm_lasts_joins_it(world: Any) -> None:
    world.record(*many(world, 5))
    world.draw()
    world.later(minutes=5)

    world.record(*many(world, 1, first=5))
    world.draw()

    assert own_cards(world) == []
    assert "Drift5" in world.says("slack/storm/1")


def test_each_channel_has_its_own_storm(world: Any) -> None:
    for n in range(5):
        world.model(f"m{n}", channel="#ml-a")
    world.record(*many(world, 7))

    assert [(s.channel, len(world.rows(AlertGroup, storm_id=s.id))) for s in world.rows(Storm)] == [("#ml-a", 5)]


def test_groups_that_are_still_open_after_the_storm_get_cards(world: Any) -> None:
    world.record(*many(world, 5))
    world.draw()
    world.record(*many(world, 3, status="resolved", starts_at=world.rows(AlertGroup)[0].opened_at))
    assert world.end_storms() == 0

    world.later(minutes=11)
    assert world.end_storms() == 1
    world.draw()

    assert own_cards(world) == ["slack/group/4", "slack/group/5"]
    assert "Over: groups that are still open have cards of their own" in world.says("slack/storm/1")
    assert world.end_storms() == 0


def test_a_storm_counts_what_resolves(world: Any) -> None:
    world.record(*many(world, 6))
    world.draw()

    world.record(*many(world, 6, status="resolved", starts_at=world.rows(AlertGroup)[0].opened_at))
    world.draw()

    assert "All 6 alert groups of this storm are resolved" in world.says("slack/storm/1")


def test_the_storm_names_the_incident_of_each_group(world: Any) -> None:
    world.record(*many(world, 6))
    world.draw()

    world.act(DeclareIncident(by="U02BOB", title="m3 hurts", group_id=world.group(symptom="Drift3").id))
    world.draw()

    assert "INC-1" in world.says("slack/storm/1")


def test_what_was_never_seen_firing_makes_no_storm(world: Any) -> None:
    world.record(*many(world, 9, status="resolved"))

    assert world.rows(Storm) == []


def test_a_new_storm_takes_a_flapping_group_from_the_old_one(world: Any) -> None:
    world.record(*many(world, 5))
    world.record(*many(world, 5, status="resolved"))
    world.draw()
    world.later(minutes=12)
    world.end_storms()
    world.record(*many(world, 5, first=10))
    world.draw()

    world.record(*many(world, 1))
    world.draw()

    assert world.group(symptom="Drift0").storm_id == 2
    assert "Drift0" in world.says("slack/storm/2")
    assert "Drift0" not in world.says("slack/storm/1")


def test_a_storm_of_hard_alerts_of_many_names_is_one_card_and_an_incident_each(world: Any) -> None:
    world.record(*many(world, 6, kind="hard"))
    world.draw()

    assert own_cards(world) == []
    assert len(world.rows(Incident)) == 6
    assert all(f"INC-{n}" in world.says("slack/storm/1") for n in range(1, 7))
