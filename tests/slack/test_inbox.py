"""What comes again is done once: events, clicks and forms, over real sockets, and in the rows."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.slack import commands, inbox
from bot.slack.workspace import Workspace
from bot.store.tables import AlertGroup, Audit, Delivery, Incident, Triage
from tests.slack.live import FRAUD, MONDAY, SECOND, Bot


async def button(bot: Bot, action_id: str, value: str) -> str:
    """Post a message with one button; returns its ts."""
    element = {"type": "button", "action_id": action_id, "value": value, "text": {"type": "plain_text", "text": "N"}}
    blocks = [{"type": "actions", "elements": [element]}]
    return str((await bot.client.chat_postMessage(channel=FRAUD, text="a card", blocks=blocks))["ts"])


async def press(bot: Bot, user: str, ts: str, action_id: str) -> list[Any]:
    answer = await bot.act("action", user=user, channel="ml-fraud", ts=ts, action_id=action_id)
    assert answer["ok"], answer["error"]
    return list(answer["ephemerals"])


async def test_a_double_click_is_done_once_and_nobody_is_told_off(bot: Bot, workspace: Workspace) -> None:
    await workspace.database.write(_firing)
    ts = await button(bot, "group_noise", "1:1")

    said = await asyncio.gather(*(press(bot, "bob", ts, "group_noise") for _ in range(2)))

    assert said == [[], []]
    assert await workspace.ask(lambda db: [t.verdict for t in db.exec(select(Triage))]) == ["noise"]


async def test_a_double_click_asks_once_and_a_click_later_asks_again(bot: Bot, workspace: Workspace) -> None:
    ts = await button(bot, "run_1", "status fraud-scorer")

    first = await press(bot, "bob", ts, "run_1")
    second = await press(bot, "bob", ts, "run_1")
    bot.sandbox.world.clock.advance(10 * SECOND)
    later = await press(bot, "bob", ts, "run_1")

    assert [len(said) for said in (first, second, later)] == [1, 0, 1]


async def test_two_people_press_twice_and_are_both_answered(bot: Bot, workspace: Workspace) -> None:
    ts = await button(bot, "run_1", "status fraud-scorer")

    assert [len(await press(bot, user, ts, "run_1")) for user in ("alice", "bob")] == [1, 1]


async def test_feedback_that_is_pressed_twice_counts_once(bot: Bot, workspace: Workspace) -> None:
    ts = await button(bot, "digest_feedback", "useful")
    for _ in range(2):
        await press(bot, "dana", ts, "digest_feedback")

    assert await workspace.ask(lambda db: len(db.exec(select(Audit)).all())) == 1


async def test_a_form_that_is_sent_again_because_its_ack_was_lost_is_done_once(bot: Bot, workspace: Workspace) -> None:
    def sent(db: Session, trigger: str) -> inbox.Stored:
        body = {"type": "view_submission", "trigger_id": trigger, "view": {"id": "V1"}}
        name = inbox.identity(body)
        assert name is not None
        return inbox.keep(db, name, body, MONDAY + 20 * SECOND, "here")

    first = await workspace.database.write(sent, "1.1")
    refused_and_corrected = await workspace.database.write(sent, "1.2")
    await workspace.database.write(inbox.finish, refused_and_corrected.id)
    again = await workspace.database.write(sent, "1.3")

    assert [first.finished, refused_and_corrected.finished, again.finished] == [False, False, True]


async def test_an_incident_is_declared_once_though_its_form_is_sent_twice(bot: Bot, workspace: Workspace) -> None:
    ts = await button(bot, "incident_declare", "fraud-scorer")
    await press(bot, "bob", ts, "incident_declare")
    form = await bot.form("U02BOB")
    view = bot.sandbox.world.views[form]
    given = {"user": "bob", "view_id": form, "values": {"title": "Declines are up"}}

    await bot.act("submit", **given)
    bot.sandbox.world.views[form] = view  # to bob it looked as if nothing came of it
    again = await bot.act("submit", **given)

    assert again["ok"], again["error"]
    assert await workspace.ask(lambda db: [i.title for i in db.exec(select(Incident))]) == ["Declines are up"]


@pytest.mark.parametrize("kind", ["click", "event"])
async def test_what_is_sent_again_as_it_was_is_known_after_a_day_and_a_restart(bot: Bot, kind: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "event": {"event_id": "Ev01", "event": {"type": "app_mention"}},
        "click": {
            "type": "block_actions",
            "trigger_id": "1.2",
            "user": {"id": "U02BOB"},
            "container": {"channel_id": FRAUD, "message_ts": "1795420800.000100"},
            "actions": [{"action_id": "group_noise", "value": "1:1"}],
        },
    }
    name = inbox.identity(bodies[kind])
    assert name is not None

    first = await bot.database.write(inbox.keep, name, bodies[kind], MONDAY, "here")
    await bot.database.write(inbox.finish, first.id)
    again = await bot.database.write(inbox.keep, name, bodies[kind], MONDAY + timedelta(hours=26), "here")

    assert (first.finished, again.finished, again.id) == (False, True, first.id)


async def test_a_command_that_is_sent_again_is_known_after_a_day_and_a_restart(bot: Bot) -> None:
    def keep(db: Session, at: datetime, *triggers: str) -> list[inbox.Stored]:
        return inbox.keep_commands(db, [{"command": "/model", "trigger_id": one} for one in triggers], at, "here")

    first = await bot.database.write(keep, MONDAY, "1.1", "1.2")
    again = await bot.database.write(keep, MONDAY + timedelta(hours=26), "1.2", "1.3")

    assert [one.finished for one in (*first, *again)] == [False, False, True, False]
    assert again[0].id == first[1].id


async def test_an_event_that_comes_while_it_is_being_done_is_not_begun_again(
    bot: Bot, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answer = 0, commands.answer

    async def slowly(*given: Any) -> Any:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.3)
        return await answer(*given)

    root = (await bot.act("message", user="bob", channel="ml-fraud", text="declines are up"))["ts"]
    monkeypatch.setattr(commands, "answer", slowly)
    await bot.fault(duplicate_events={"n": 1})

    await bot.act("message", user="bob", channel="ml-fraud", text="@bellwether status", thread_ts=root)

    assert (begun, len(bot.messages())) == (1, 1)


async def test_events_in_another_order_come_to_the_same(bot: Bot, workspace: Workspace) -> None:
    root = (await bot.act("message", user="bob", channel="ml-fraud", text="declines are up"))["ts"]
    await bot.fault(reorder_events=True)

    def mention() -> Any:
        return bot.act("message", user="bob", channel="ml-fraud", text="@bellwether status", thread_ts=root)

    await asyncio.gather(mention(), mention())

    assert len(bot.messages()) == 2
    done = await workspace.ask(lambda db: [d.recorded for d in db.exec(select(Delivery))])
    assert done == [1, 1]


def _firing(db: Session) -> None:
    times: dict[str, Any] = {"opened_at": MONDAY, "recorded_at": MONDAY, "lookback_s": 0}
    kind: dict[str, Any] = {"symptom": "FeatureDrift", "alert_class": "soft", "severity": "warning"}
    db.add(AlertGroup(model_id=1, channel="#ml-fraud", status="firing", firing=1, total=1, **kind, **times))
