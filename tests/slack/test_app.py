"""What people type, mention and press, over Socket Mode, and what they see of it."""

from datetime import timedelta
from typing import Any

import pytest
from slack_bolt.async_app import AsyncBoltRequest
from sqlmodel import Session, select

from bot.domain.actions import Cause, DeclareIncident, ResolveIncident
from bot.slack import commands
from bot.slack.workspace import Workspace
from bot.store.projection import touch
from bot.store.tables import AlertGroup, Change, Delivery, Incident, Triage
from tests.slack.live import FRAUD, MONDAY, Bot


def said(answer: dict[str, Any]) -> str:
    assert answer["ok"], answer["error"]
    return " ".join(str(one) for one in answer["ephemerals"])


def deliveries(db: Session) -> list[tuple[int, int]]:
    return [(d.repeats, d.recorded) for d in db.exec(select(Delivery).where(Delivery.source == "slack"))]


async def test_a_command_is_answered_for_its_asker_alone(bot: Bot, workspace: Workspace) -> None:
    answer = await bot.act("command", user="bob", channel="ml-fraud", text="/model status fraud-scorer")

    assert "fraud-scorer" in said(answer)
    assert bot.messages() == []


async def test_a_command_without_a_model_means_the_one_of_its_channel(bot: Bot, workspace: Workspace) -> None:
    here = await bot.act("command", user="bob", channel="ml-fraud", text="/model status")
    elsewhere = await bot.act("command", user="bob", channel="general", text="/model status")

    assert "churn" not in said(here)
    assert "churn" in said(elsewhere)


async def test_a_model_that_there_is_not_gets_the_nearest_names_as_buttons(bot: Bot, workspace: Workspace) -> None:
    answer = await bot.act("command", user="bob", channel="general", text="/model status frod-scorer")
    pressed = await bot.act(
        "action", user="bob", channel="general", ts=answer["ephemerals"][0]["ts"], action_id="run_1"
    )

    assert "Did you mean" in said(answer)
    assert "fraud-scorer" in said(pressed)


@pytest.mark.parametrize("text", ["/model frobnicate", "/model changes --since never churn", "/model what's “up”"])
async def test_words_that_mean_nothing_get_an_answer_that_helps(bot: Bot, workspace: Workspace, text: str) -> None:
    answer = await bot.act("command", user="bob", channel="general", text=text)

    assert len(said(answer)) > 20
    assert "failed on my side" not in said(answer)


async def test_no_character_that_a_database_refuses_is_kept_of_what_is_typed_or_sent(
    bot: Bot, workspace: Workspace
) -> None:
    answer = await bot.act("command", user="bob", channel="ml-fraud", text='/model log fraud-scorer "a\0b"')
    home = await bot.act("command", user="bob", channel="ml-fraud", text="/incident")
    form = await bot.act(
        "action", user="bob", channel="ml-fraud", ts=home["ephemerals"][0]["ts"], action_id="incident_declare"
    )
    await bot.act("submit", user="bob", view_id=form["view"]["id"], values={"title": "c\0d", "severity": "sev3"})

    assert "a\ufffdb" in said(answer)
    assert await workspace.ask(lambda db: [one.title for one in db.exec(select(Incident))]) == ["c\ufffdd"]


async def test_a_bare_alias_means_its_own_verb(bot: Bot, workspace: Workspace) -> None:
    on_call = await bot.act("command", user="bob", channel="general", text="/oncall")
    incidents = await bot.act("command", user="bob", channel="general", text="/incident")

    assert said(on_call) != said(incidents)


async def test_a_mention_in_a_channel_is_answered_for_its_asker_alone(bot: Bot, workspace: Workspace) -> None:
    answer = await bot.act("message", user="bob", channel="ml-fraud", text="@bellwether status fraud-scorer")

    assert "fraud-scorer" in said(answer)
    assert bot.messages() == []


async def test_a_mention_in_a_thread_is_answered_in_the_thread_for_everybody(bot: Bot, workspace: Workspace) -> None:
    root = (await bot.act("message", user="bob", channel="ml-fraud", text="declines are up"))["ts"]

    await bot.act("message", user="bob", channel="ml-fraud", text="@bellwether status", thread_ts=root)

    (reply,) = bot.messages()
    assert reply["thread_ts"] == root
    assert "fraud-scorer" in str(reply)


async def test_a_mention_by_an_app_that_is_nobody_is_taken_and_left(bot: Bot, workspace: Workspace) -> None:
    event = {"type": "app_mention", "bot_id": "B09", "channel": FRAUD, "text": "<@U0BOT> status", "ts": "1.2"}
    body = {"type": "event_callback", "event_id": "Ev9", "event": event}

    answer = await bot.inbound.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))

    assert answer.status == 200
    assert await workspace.ask(deliveries) == [(0, 1)]
    assert bot.messages() == []


async def test_what_a_mention_says_is_kept_as_it_was_typed(bot: Bot, workspace: Workspace) -> None:
    summary = "R&D: hide if score < 0.2, see https://x.io/a?b=1&c=2 and #ml-fraud"

    answer = await bot.act("message", user="bob", channel="ml-fraud", text=f'@bellwether log "filter: {summary}"')

    assert "Noted" in said(answer)
    assert await workspace.ask(lambda db: [one.summary for one in db.exec(select(Change))]) == [summary]


async def test_an_event_that_comes_again_is_done_once(bot: Bot, workspace: Workspace) -> None:
    root = (await bot.act("message", user="bob", channel="ml-fraud", text="declines are up"))["ts"]
    await bot.fault(redeliver={"n": 1})

    await bot.act("message", user="bob", channel="ml-fraud", text="@bellwether status", thread_ts=root)

    assert len(bot.messages()) == 1
    assert await workspace.ask(deliveries) == [(1, 1)]


async def test_an_event_that_comes_twice_at_once_is_done_once(bot: Bot, workspace: Workspace) -> None:
    root = (await bot.act("message", user="bob", channel="ml-fraud", text="declines are up"))["ts"]
    await bot.fault(duplicate_events={"n": 1})

    await bot.act("message", user="bob", channel="ml-fraud", text="@bellwether status", thread_ts=root)

    assert len(bot.messages()) == 1


async def test_an_event_whose_first_handling_failed_is_done_when_it_comes_again(
    bot: Bot, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        monkeypatch.undo()
        raise LookupError("on purpose")

    root = (await bot.act("message", user="bob", channel="ml-fraud", text="declines are up"))["ts"]
    monkeypatch.setattr(commands, "answer", fail)

    await bot.act("message", user="bob", channel="ml-fraud", text="@bellwether status", thread_ts=root)

    assert len(bot.messages()) == 1
    assert await workspace.ask(deliveries) == [(1, 1)]


async def test_a_command_that_fails_says_so_and_does_not_leave_people_waiting(
    bot: Bot, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise LookupError("on purpose")

    monkeypatch.setattr(commands, "answer", fail)

    answer = await bot.act("command", user="bob", channel="general", text="/model")

    assert "failed on my side" in said(answer)


async def test_an_event_that_nobody_asked_for_is_taken_and_finished(bot: Bot, workspace: Workspace) -> None:
    bot.sandbox.world.channels[FRAUD].members.discard("U03DANA")
    await bot.act("member", user="alice", channel="ml-fraud", invite="dana")

    assert await workspace.ask(deliveries) == [(0, 1)]


async def test_opening_the_home_draws_it_once(bot: Bot, workspace: Workspace) -> None:
    await bot.act("home", user="alice")
    await bot.act("home", user="alice")
    await bot.work()

    assert "fraud-scorer" in str(bot.sandbox.world.homes["U01ALICE"])
    assert len(bot.calls("views.publish")) == 1


async def test_a_button_on_a_card_that_changed_meanwhile_changes_nothing_and_says_who_did(
    bot: Bot, workspace: Workspace
) -> None:
    await workspace.database.write(_firing)
    await bot.database.write(_touch_group)
    await bot.later(2)
    (card,) = bot.messages("slack/group/1")
    shown_to_both = card["attachments"]
    await bot.act("action", user="bob", channel="ml-fraud", ts=card["ts"], action_id="group_noise")
    await bot.work()
    (card,) = bot.messages("slack/group/1")
    card["attachments"] = shown_to_both  # alice's screen had not caught up yet

    answer = await bot.act("action", user="alice", channel="ml-fraud", ts=card["ts"], action_id="group_acted")

    told = said(answer)
    assert "Nothing done" in told
    assert "noise" in told
    assert await workspace.ask(lambda db: [t.verdict for t in db.exec(select(Triage))]) == ["noise"]


async def test_a_form_opens_from_its_button_and_what_was_written_stands_in_the_rows(
    bot: Bot, workspace: Workspace
) -> None:
    number = await workspace.act(DeclareIncident(by="U01ALICE", title="Declines are up", model="fraud-scorer"))
    await bot.later(5)
    (card,) = [m for m in bot.messages("slack/incident/1") if not m.get("thread_ts") or m["thread_ts"] == m["ts"]]

    await bot.act("action", user="bob", channel="ml-fraud", ts=card["ts"], action_id="incident_update")
    sent = await bot.act(
        "submit", user="bob", view_id=await bot.form("U02BOB"), values={"text": "x", "status": "fixing"}
    )

    assert sent["ok"], sent["error"]
    assert await workspace.ask(lambda db: db.get_one(Incident, number).status) == "fixing"


async def test_a_form_for_what_changed_meanwhile_says_who_did_it_in_plain_words(bot: Bot, workspace: Workspace) -> None:
    number = await workspace.act(DeclareIncident(by="U01ALICE", title="Declines are up", model="fraud-scorer"))
    await bot.later(5)
    (card,) = [m for m in bot.messages("slack/incident/1") if not m.get("thread_ts") or m["thread_ts"] == m["ts"]]
    await bot.act("action", user="bob", channel="ml-fraud", ts=card["ts"], action_id="incident_resolve")
    await workspace.act(ResolveIncident(incident_id=number, by="U01ALICE", cause=Cause.DEPLOY))

    sent = await bot.act("submit", user="bob", view_id=await bot.form("U02BOB"), values={"cause": "labels"})

    (problem,) = sent["view"]["errors"].values()
    assert "@alice" in problem
    assert "<" not in problem


async def test_a_button_whose_value_is_not_ours_is_answered(bot: Bot, workspace: Workspace) -> None:
    foreign = {"type": "button", "action_id": "group_noise", "value": "x", "text": {"type": "plain_text", "text": "N"}}
    blocks = [{"type": "actions", "elements": [foreign]}]
    posted = await bot.client.chat_postMessage(channel=FRAUD, text="an old card", blocks=blocks)

    answer = await bot.act("action", user="bob", channel="ml-fraud", ts=posted["ts"], action_id="group_noise")

    assert "Nothing done" in said(answer)


@pytest.mark.parametrize("how", ["abort", "close", "refresh"])
async def test_people_are_heard_again_after_the_sockets_were_lost(bot: Bot, workspace: Workspace, how: str) -> None:
    await bot.fault(drop_sockets={"how": how, "n": 1})

    answer = await bot.act("command", user="bob", channel="ml-fraud", text="/model status fraud-scorer")

    assert "fraud-scorer" in said(answer)


def _firing(db: Session) -> None:
    times: dict[str, Any] = {"opened_at": MONDAY, "recorded_at": MONDAY, "lookback_s": 0}
    counts: dict[str, Any] = {"firing": 1, "total": 1, "status": "firing"}
    what: dict[str, Any] = {
        "symptom": "FeatureDrift",
        "alert_class": "soft",
        "severity": "warning",
        "stage": "production",
    }
    db.add(AlertGroup(model_id=1, channel="#ml-fraud", **times, **counts, **what))


def _touch_group(db: Session) -> None:
    touch(db, MONDAY - timedelta(minutes=1), "slack/group/1", urgent=True)
