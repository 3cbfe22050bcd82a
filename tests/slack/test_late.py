"""A database that is slow, or a thousand people at once: everybody is acknowledged in time, and answered once."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from slack_bolt.async_app import AsyncBoltRequest
from sqlmodel import Session, select

from bot.slack import app as slack_app
from bot.slack import inbox, late, owed
from bot.slack import kept as kept_module
from bot.slack.workspace import Workspace
from bot.store import leases
from bot.store.database import READERS, Database
from bot.store.tables import Change, Delivery, OwedAnswer
from tests.slack.live import FRAUD, MONDAY, SECOND, Bot


@asynccontextmanager
async def slow(database: Database, *, writing: bool = False) -> AsyncIterator[None]:
    """The database answers nobody who reads, or nobody who writes, while this lasts."""
    over, held = threading.Event(), threading.Semaphore(0)

    def hold(_db: Session) -> None:
        held.release()
        over.wait()

    run, threads = (database.write, 1) if writing else (database.read, READERS)
    waiting = [asyncio.create_task(run(hold)) for _ in range(threads)]
    for _ in range(threads):  # what comes before they are held is taken in with them
        assert await asyncio.to_thread(held.acquire, timeout=20)
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*waiting)


def asking(bot: Bot, text: str = "/model status fraud-scorer", user: str = "bob") -> asyncio.Task[dict[str, Any]]:
    return asyncio.create_task(bot.act("command", user=user, channel="ml-fraud", text=text))


async def acknowledged(bot: Bot, count: int = 1) -> None:
    """Wait until so many were acknowledged without their answers."""
    async with asyncio.timeout(10):
        while len(bot.inbound.late.pending) < count:  # noqa: ASYNC110 - another task's state
            await asyncio.sleep(0.01)


async def owing(bot: Bot, count: int) -> None:
    """Wait until so many answers are known to be owed, which on a slow machine can be after they were acknowledged."""
    async with asyncio.timeout(10):
        while len(await bot.database.write(lambda db: db.exec(select(OwedAnswer)).all())) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def answered(bot: Bot) -> None:
    async with asyncio.timeout(20):
        while bot.inbound.late.pending:
            await asyncio.wait(bot.inbound.late.pending)


async def kept(workspace: Workspace) -> list[Delivery]:
    """Return the commands in the inbox."""
    return await workspace.ask(lambda db: list(db.exec(select(Delivery)).all()))


def seen(bot: Bot) -> list[str]:
    """Return what only one person sees, and may still see."""
    return [str(one) for one in bot.sandbox.world.ephemerals if not one.get("gone")]


async def test_an_answer_that_is_ready_is_the_acknowledgement(
    bot: Bot, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "SOON_S", 20.0)
    await asking(bot)

    assert ["fraud-scorer" in said for said in seen(bot)] == [True]
    assert bot.calls("response_url") == []


async def test_an_answer_that_takes_longer_follows_the_acknowledgement_and_looks_the_same(
    bot: Bot, workspace: Workspace, words: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patient:
        patient.setattr(late, "SOON_S", 20.0)
        at_once = (await asking(bot))["ephemerals"]
    async with slow(bot.database):
        later = asking(bot)
        await acknowledged(bot)

    shown = (await later)["ephemerals"]

    assert [words(one) for one in shown] == [words(one) for one in at_once]
    assert (await later)["error"] is None
    assert len(bot.calls("response_url")) == 1


async def test_many_who_ask_at_once_are_all_acknowledged_kept_and_answered_once(bot: Bot, workspace: Workspace) -> None:
    async with slow(bot.database):
        asked = [asking(bot, user=user) for user in ("alice", "bob", "dana") for _ in range(10)]
        await acknowledged(bot, len(asked))
    await answered(bot)

    assert {(await one)["error"] for one in asked} == {None}
    assert len(seen(bot)) == len(asked)
    assert len(await workspace.ask(lambda db: db.exec(select(Delivery)).all())) == len(asked)


async def test_what_is_told_late_is_done_once_and_its_author_reads_a_receipt(bot: Bot, workspace: Workspace) -> None:
    async with slow(bot.database):
        later = asking(bot, '/model log fraud-scorer "filter: hide closed shops"')
        await acknowledged(bot)
    await later

    assert ["Noted" in said for said in seen(bot)] == [True]
    assert len(await workspace.ask(lambda db: db.exec(select(Change)).all())) == 1


async def test_who_presses_is_acknowledged_and_answered_once_too(bot: Bot, workspace: Workspace) -> None:
    button = {"type": "button", "action_id": "run_1", "value": "status fraud-scorer"}
    element = button | {"text": {"type": "plain_text", "text": "Status"}}
    blocks = [{"type": "actions", "elements": [element]}]
    ts = (await bot.client.chat_postMessage(channel=FRAUD, text="a card", blocks=blocks))["ts"]

    async with slow(bot.database):
        pressed = asyncio.create_task(bot.act("action", user="bob", channel="ml-fraud", ts=ts, action_id="run_1"))
        await acknowledged(bot)
    await answered(bot)

    assert (await pressed)["error"] is None
    assert ["fraud-scorer" in said for said in seen(bot)] == [True]


@pytest.mark.parametrize("fault", ["rate_limit", "server_error", "slack_down", "accept_then_reset"])
async def test_an_answer_that_slack_does_not_take_is_sent_again_and_seen_once(
    bot: Bot, workspace: Workspace, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "PAUSE_S", 0.01)
    await bot.fault(**{fault: {"methods": ["response_url"], "n": 2, "retry_after": 0}})

    async with slow(bot.database):
        later = asking(bot)
        await acknowledged(bot)
    await answered(bot)

    await later
    assert ["fraud-scorer" in said for said in seen(bot)] == [True]
    assert len(bot.calls("response_url")) == 3


async def test_an_answer_that_slack_refuses_is_given_up(bot: Bot, workspace: Workspace) -> None:
    async with slow(bot.database):
        asked = asking(bot)
        await acknowledged(bot)
        for url in bot.sandbox.response_urls._all.values():
            url.used = 5
    await answered(bot)

    await asked
    assert seen(bot) == []
    assert [call["error"] for call in bot.calls("response_url")] == ["used_url"]


async def test_a_question_that_is_answered_at_once_needs_no_database_that_can_be_written(
    bot: Bot, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "SOON_S", 20.0)
    async with slow(bot.database, writing=True):
        await asking(bot)

    assert ["fraud-scorer" in said for said in seen(bot)] == [True]
    assert await kept(workspace) == []


async def test_what_is_acknowledged_before_its_answer_is_stored_before_that(bot: Bot, workspace: Workspace) -> None:
    async with slow(bot.database):
        asked = [asking(bot, user=user) for user in ("alice", "bob")]
        await acknowledged(bot, len(asked))
        there = await bot.database.write(lambda db: db.exec(select(OwedAnswer)).all())
    await answered(bot)

    assert len(there) == len(asked)
    assert await bot.database.write(lambda db: db.exec(select(OwedAnswer)).all()) == []


async def test_what_is_asked_is_acknowledged_in_time_and_answered_though_it_can_be_stored_only_later(
    bot: Bot, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_module, "KEEP_S", 0.01)
    async with slow(bot.database, writing=True):
        async with slow(bot.database):
            asked = asking(bot)
            await acknowledged(bot)
        await answered(bot)
        assert ["fraud-scorer" in said for said in seen(bot)] == [True]
    await asked
    await bot.database.write(lambda _db: None)

    assert [d.repeats for d in await kept(workspace)] == [0]
    assert await bot.database.write(lambda db: db.exec(select(OwedAnswer)).all()) == []


async def test_a_command_that_came_before_is_not_done_again(bot: Bot, workspace: Workspace) -> None:
    told = {"command": "/model", "text": 'log fraud-scorer "filter: hide closed shops"', "trigger_id": "1.1"}
    told |= {"user_id": "U02BOB", "channel_id": FRAUD, "team_id": "T1"}

    answers = [
        await bot.inbound.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=dict(told))) for _ in range(2)
    ]

    assert ["Noted" in str(answer.body) for answer in answers] == [True, False]
    assert len(await workspace.ask(lambda db: db.exec(select(Change)).all())) == 1


async def kill(bot: Bot) -> None:
    """End what the process has under way."""
    died = list(bot.inbound.late.pending)
    for task in died:
        task.cancel()
    await asyncio.gather(*died, return_exceptions=True)


async def start(bot: Bot, workspace: Workspace) -> None:
    """Start the process again, a second later, and let it answer."""
    bot.sandbox.world.clock.advance(SECOND)
    bot.inbound = slack_app.build(bot.client, workspace, words=("/model",))
    await bot.inbound.answer_owed()
    await answered(bot)


async def test_what_was_acknowledged_and_not_answered_is_answered_after_the_next_start(
    bot: Bot, workspace: Workspace
) -> None:
    await asking(bot, user="alice")
    await answered(bot)
    async with slow(bot.database):
        asked = [asking(bot), asking(bot, '/model log fraud-scorer "filter: hide closed shops"')]
        await acknowledged(bot, len(asked))
        await owing(bot, len(asked))
        await kill(bot)

    for _ in range(2):
        await start(bot, workspace)

    assert {(await one)["error"] for one in asked} == {None}
    assert sorted("Noted" in said for said in seen(bot)) == [False, False, True]
    assert len(await workspace.ask(lambda db: db.exec(select(Change)).all())) == 1
    assert await workspace.ask(lambda db: db.exec(select(OwedAnswer)).all()) == []


async def test_what_was_done_before_a_crash_is_not_done_again(bot: Bot, workspace: Workspace) -> None:
    await bot.fault(slack_down={"methods": ["response_url"]})
    async with slow(bot.database):
        asked = asking(bot, '/model log fraud-scorer "filter: hide closed shops"')
        await acknowledged(bot)
    async with asyncio.timeout(10):
        while not bot.calls("response_url"):  # noqa: ASYNC110 - the other side's state
            await asyncio.sleep(0.01)

    await kill(bot)
    await start(bot, workspace)

    await asked
    assert len(await workspace.ask(lambda db: db.exec(select(Change)).all())) == 1


async def test_what_a_dead_replica_owes_is_taken_over_and_what_a_live_one_owes_is_not(
    bot: Bot, workspace: Workspace
) -> None:
    asked = (("living", MONDAY), ("dead", MONDAY), ("dead", MONDAY - timedelta(hours=1)), ("here", MONDAY + SECOND))

    def owe(db: Session) -> None:
        leases.take(db, "living", [f"{leases.PRESENCE}living"], timedelta(minutes=1))
        for number, (replica, at) in enumerate(asked, 1):
            body = {"command": "/model", "trigger_id": f"1.{number}", "response_url": "http://127.0.0.1:1/"}
            inbox.keep_commands(db, [body], at, replica)

    await bot.database.write(owe)

    found = await bot.database.write(owed.left, "here", MONDAY + SECOND, MONDAY + SECOND)

    assert [one.body["trigger_id"] for one in found] == ["1.2"]
    kept = await workspace.ask(lambda db: db.exec(select(OwedAnswer.replica).order_by(OwedAnswer.replica)).all())
    assert kept == ["here", "here", "living"]
