"""The thread: a burst is one reply, a reply that was handed to Slack never changes."""

from typing import Any

import pytest

from bot.domain.actions import AskRollback, UpdateIncident
from bot.ingest.timeline import tell
from bot.store.projection import claim
from bot.store.tables import Projection, TimelineEntry


@pytest.fixture
def opened(world: Any) -> Any:
    """An incident whose card and list of changes stand on the wall."""
    world.record(world.alert(kind="hard"))
    world.draw()
    return world


def replies(world: Any) -> list[str]:
    return sorted(k for k in world.generations() if "/log/" in k)


def say(world: Any, text: str, **more: Any) -> None:
    world.run(tell, world.now, 1, kind="update", text=text, **more)


def test_a_burst_is_one_reply(opened: Any) -> None:
    world = opened
    for n in range(5):
        say(world, f"line {n}")
        world.later(milliseconds=200)

    world.draw()

    (reply,) = replies(world)
    assert all(f"line {n}" in world.says(reply) for n in range(5))
    assert world.writes[reply] == 1


def test_what_comes_after_a_reply_was_sent_is_another_reply(opened: Any) -> None:
    world = opened
    say(world, "one")
    world.draw()
    (first,) = replies(world)
    before = world.says(first)

    say(world, "two")
    world.draw()

    second = replies(world)[1]
    assert world.says(first) == before
    assert "two" in world.says(second)
    assert "one" not in world.says(second)


def test_what_comes_while_a_reply_is_on_its_way_is_another_reply(opened: Any) -> None:
    world = opened
    say(world, "one")
    world.later(minutes=2)
    held = world.run(claim, world.now, "slack/incident/1/log/")
    shown = world.render(held.key)

    say(world, "two")

    assert len(replies(world)) == 2
    assert world.render(held.key) == shown


def test_a_person_does_not_wait_for_the_machine(opened: Any) -> None:
    world = opened
    say(world, "by the machine")

    world.act(UpdateIncident(incident_id=1, by="U02BOB", text="by bob"))

    held = world.run(claim, world.now, "slack/incident/1/log/")
    assert held is not None
    assert held.urgent


def test_what_the_card_says_already_is_not_told_again(world: Any) -> None:
    world.record(world.rollout("41"))
    world.later(hours=2)
    world.record(world.rollout("42"))
    world.later(minutes=2)
    world.record(world.alert(kind="hard"))
    world.draw()

    world.act(AskRollback(incident_id=1, by="U02BOB"))

    assert replies(world) == []
    assert world.row(TimelineEntry).kind == "rollback_asked"


def test_the_threads_of_two_incidents_are_apart(opened: Any) -> None:
    world = opened
    for n in range(2, 13):
        world.record(world.alert(f"Slow{n}", model=f"m{n}", kind="hard"))
    world.draw()
    world.run(tell, world.now, 12, kind="update", text="of twelve")

    say(world, "of one")
    world.draw()

    (reply,) = [k for k in replies(world) if k.startswith("slack/incident/1/")]
    assert "of twelve" not in world.says(reply)


def test_the_story_stands_in_the_ticket_too(opened: Any) -> None:
    world = opened

    say(world, "line 0")
    world.draw()

    assert "line 0" in world.says("jira/incident/1")


def test_without_a_ticket_the_story_makes_none(opened: Any) -> None:
    world = opened
    world.run(lambda db: db.delete(db.get(Projection, "jira/incident/1")))

    say(world, "line 0")

    assert "jira/incident/1" not in world.generations()
