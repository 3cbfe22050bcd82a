"""What a push contains: only what changed, for the one who looks."""

from typing import Any

import pytest

from bot.sandbox.box import Sandbox
from bot.sandbox.feed import Feed
from bot.sandbox.look import Look, read_look, viewer_of
from bot.sandbox.settings import Settings
from bot.sandbox.stream import Window, stamp, version_in
from bot.sandbox.world import BOT_ID, BOT_USER
from tests.sandbox.page.samples import NOW, mrkdwn

FRAUD = "C02MLFRAUD"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(Settings(started=NOW, speed=0))


def look_of(sandbox: Sandbox, **query: str) -> Look:
    return read_look(sandbox.world, {"user": "alice", "channel": "ml-fraud"} | query)


def say(sandbox: Sandbox, text: str, **more: Any) -> dict[str, Any]:
    said = {"type": "message", "user": "U02BOB", "text": text, **more}
    return sandbox.world.add_message(more.pop("channel", FRAUD), said, "person")


def card(sandbox: Sandbox, text: str, **more: Any) -> dict[str, Any]:
    blocks = [{"type": "section", "text": mrkdwn(text)}]
    return say(sandbox, text, user=BOT_USER, bot_id=BOT_ID, blocks=blocks, **more)


def opened(sandbox: Sandbox, **query: str) -> Window:
    """A window that has the whole page, as the browser has when it opens the stream."""
    window = Window(sandbox, look_of(sandbox, **query), version_in(sandbox.world, stamp(sandbox.world)))
    window.catch_up()
    return window


def rows(push: dict[str, Any], pane: str = "log") -> list[str]:
    return [ident for ident, _ in push.get(pane, {}).get("rows", [])]


def test_a_window_that_has_the_page_is_sent_no_rows(sandbox: Sandbox) -> None:
    say(sandbox, "one")
    window = Window(sandbox, look_of(sandbox), version_in(sandbox.world, stamp(sandbox.world)))

    assert rows(window.catch_up()) == []


def test_a_window_that_missed_something_gets_only_that(sandbox: Sandbox) -> None:
    for number in range(5):
        card(sandbox, f"card {number}")
    mark = stamp(sandbox.world)
    late = card(sandbox, "late")

    push = Window(sandbox, look_of(sandbox), version_in(sandbox.world, mark)).catch_up()

    assert rows(push) == [f"m-{late['ts']}"]
    assert push["log"]["full"] is False


@pytest.mark.parametrize("mark", ["", "other-1", "x", "-5"])
def test_a_window_of_another_run_gets_everything(sandbox: Sandbox, mark: str) -> None:
    message = card(sandbox, "card")

    push = Window(sandbox, look_of(sandbox), version_in(sandbox.world, mark)).catch_up()

    assert rows(push) == [f"m-{message['ts']}"]
    assert push["log"]["full"] is True


def test_an_edit_is_one_row(sandbox: Sandbox) -> None:
    messages = [card(sandbox, f"card {number}") for number in range(50)]
    window = opened(sandbox)

    messages[20]["blocks"] = [{"type": "section", "text": mrkdwn("changed")}]
    sandbox.world.touch("message", "app", channel=FRAUD, ref=messages[20]["ts"])
    push = window.changes()

    assert rows(push) == [f"m-{messages[20]['ts']}"]
    assert "regions" not in push


def test_a_change_elsewhere_is_not_sent(sandbox: Sandbox) -> None:
    window = opened(sandbox)

    say(sandbox, "hello", channel="C01GENERAL")
    push = window.changes()

    assert rows(push) == []
    assert list(push["regions"]) == ["channels"]


def test_a_reply_changes_its_root_and_the_thread(sandbox: Sandbox) -> None:
    root = card(sandbox, "INC-118")
    channel, thread = opened(sandbox), opened(sandbox, thread=root["ts"])

    reply = say(sandbox, "I look", thread_ts=root["ts"])

    assert rows(channel.changes()) == [f"m-{root['ts']}"]
    push = thread.changes()
    assert rows(push, "thread-log") == [f"t-{root['ts']}", f"t-{reply['ts']}"]


def test_a_deleted_message_goes(sandbox: Sandbox) -> None:
    message = say(sandbox, "oops")
    window = opened(sandbox)

    sandbox.world.remove_message(FRAUD, message, "person")

    assert window.changes()["log"]["gone"] == [f"m-{message['ts']}"]


def test_a_deleted_root_with_replies_leaves_a_trace(sandbox: Sandbox) -> None:
    root = say(sandbox, "oops")
    say(sandbox, "what?", thread_ts=root["ts"])
    window = opened(sandbox)

    sandbox.world.remove_message(FRAUD, root, "person")

    assert "This message was deleted." in window.changes()["log"]["rows"][0][1]


def test_a_private_answer_reaches_one_person_and_can_vanish(sandbox: Sandbox) -> None:
    alice, bob = opened(sandbox), opened(sandbox, user="bob")

    answer = sandbox.world.add_ephemeral("U01ALICE", FRAUD, {"text": "only you"})

    push = alice.changes()
    assert rows(push) == [f"m-e{answer['ts']}"]
    assert "Only visible to you" in push["log"]["rows"][0][1]
    assert rows(bob.changes()) == []
    answer["gone"] = True
    sandbox.world.touch("ephemeral", "app", channel=FRAUD, user="U01ALICE", ref=answer["ts"])
    assert alice.changes()["log"]["gone"] == [f"m-e{answer['ts']}"]


def test_a_modal_and_a_home_are_regions_of_their_user(sandbox: Sandbox) -> None:
    alice, bob = opened(sandbox, home="1"), opened(sandbox, user="bob", home="1")
    view = {
        "id": "V1",
        "type": "modal",
        "user": "U01ALICE",
        "title": {"type": "plain_text", "text": "Form"},
        "blocks": [],
    }
    sandbox.world.views["V1"] = view
    sandbox.world.homes["U01ALICE"] = {"id": "V2", "blocks": [{"type": "header", "text": {"text": "Your models"}}]}
    sandbox.world.touch("view", "app", user="U01ALICE", ref="V1")

    drawn = alice.changes()["regions"]

    assert set(drawn) == {"view", "home"}
    assert "Form" in drawn["view"]
    assert "Your models" in drawn["home"]
    assert bob.changes() == {}


def test_the_clock_is_sent_when_it_jumps_and_not_when_it_goes_on(sandbox: Sandbox) -> None:
    window = opened(sandbox)

    still = window.changes()
    sandbox.world.clock.run_at(30)

    assert still == {}
    assert list(window.changes()["regions"]) == ["clock"]


def test_plain_talk_stands_under_one_name_and_a_card_under_its_own(sandbox: Sandbox) -> None:
    say(sandbox, "one")
    say(sandbox, "two")
    card(sandbox, "a card")
    card(sandbox, "another")

    look = look_of(sandbox)
    html = Feed(sandbox.world).all(look, viewer_of(sandbox.world, look))

    assert html.count('class="author"') == 3
    assert html.count(">Today<") == 1


def test_edited_is_said_where_slack_says_it(sandbox: Sandbox) -> None:
    talk, shown = say(sandbox, "talk"), card(sandbox, "card")
    talk["edited"] = shown["edited"] = {"user": "U02BOB", "ts": "1"}

    look = look_of(sandbox)
    html = Feed(sandbox.world).all(look, viewer_of(sandbox.world, look))

    assert html.count("(edited)") == 1


def test_calls_are_counted_once_and_anew_after_they_were_emptied(sandbox: Sandbox) -> None:
    window = opened(sandbox)

    for method in ("chat.postMessage", "chat.update", "users.info"):
        sandbox.world.record_call({"method": method})
    counted = window.changes()["regions"]["counter"]
    sandbox.world.calls.clear()
    sandbox.world.record_call({"method": "chat.update"})

    assert "<b>2</b> Slack calls out" in counted
    assert "<b>1</b> Slack call out" in window.changes()["regions"]["counter"]


def test_events_are_counted_without_a_story_to_play(sandbox: Sandbox) -> None:
    window = opened(sandbox)

    sandbox.world.story |= {"events_in": 7}
    regions = window.changes()["regions"]

    assert "<b>7</b> events in" in regions["counter"]
    assert "Story" not in regions.get("story", "")


def test_the_story_hints_only_while_a_step_runs(sandbox: Sandbox) -> None:
    window = opened(sandbox)
    steps = [{"n": 1, "title": "Roll back", "state": "running"}]

    sandbox.world.story |= {"title": "A bad release", "steps": steps, "hint": "Press it", "can_kill": True}
    running_now = window.changes()["regions"]["story"]
    sandbox.world.story |= {
        "steps": [steps[0] | {"state": "done", "note": "all green"}],
        "kill": False,
        "can_kill": False,
    }
    over = window.changes()["regions"]["story"]

    assert "Press it" in running_now
    assert "Kill the bot" in running_now
    assert "Press it" not in over
    assert "all green" in over
    assert "starting again" in over


def test_the_same_call_many_times_is_one_line(sandbox: Sandbox) -> None:
    for method in ("chat.update", "users.info", "users.info", "users.info"):
        sandbox.world.record_call({"api": "slack", "method": method, "at": 0, "args": {}, "status": 200, "error": None})

    shown = opened(sandbox, calls="1").shown["calls"]

    assert shown.count("<tr id=") == 2
    assert "×3" in shown
