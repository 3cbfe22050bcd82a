"""Several replicas at one Slack: never more than ten connections, and what two of them get is done once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp

from bot.reconcile.lease import Leases
from bot.slack import inbox
from bot.slack.sockets import SLOTS, Sockets, share
from bot.store.database import Database
from tests.slack.live import MONDAY, Bot

PATIENCE_S = 20.0
EVENT: dict[str, Any] = {"event_id": "Ev01", "event": {"type": "app_mention"}}
FORM: dict[str, Any] = {"type": "view_submission", "trigger_id": "1.1", "view": {"id": "V1"}}
CLICK: dict[str, Any] = {
    "type": "block_actions",
    "trigger_id": "1.2",
    "user": {"id": "U02BOB"},
    "container": {"channel_id": "C1", "message_ts": "1795420800.000100"},
    "actions": [{"action_id": "group_noise", "value": "1:1"}],
}


@asynccontextmanager
async def replica(bot: Bot, name: str) -> AsyncIterator[Leases]:
    """The part of a replica that connects to Slack."""

    async def sleep(_span: timedelta) -> None:
        await asyncio.sleep(0.05)

    async def back() -> None:
        pass

    leases = Leases(bot.database, name)
    sockets = Sockets(AsyncApp(client=bot.client), "xapp-sandbox", leases)
    tasks = [asyncio.create_task(task) for task in (leases.run(), sockets.run(sleep, back))]
    try:
        yield leases
    finally:
        leases.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await sockets.close()
        await leases.give_back()


async def test_replicas_share_ten_connections_and_use_what_another_leaves(bot: Bot) -> None:
    connections = bot.sandbox.sockets.connections

    async def settle(wanted: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(connections) != wanted:
                assert len(connections) <= len(SLOTS)
                await asyncio.sleep(0.01)

    async with AsyncExitStack() as first:
        for n in range(5):
            await first.enter_async_context(replica(bot, f"first-{n}"))
        await settle(10)
        async with replica(bot, "sixth") as sixth:
            async with asyncio.timeout(PATIENCE_S):
                while not [name for name in sixth.held if name in SLOTS]:  # noqa: ASYNC110 - another task's state
                    await asyncio.sleep(0.01)
            await settle(6)
        await settle(10)


def test_a_share_is_two_connections_while_there_are_enough() -> None:
    assert [share(replicas) for replicas in (1, 5, 6, 10, 11)] == [2, 2, 1, 1, 1]


@pytest.mark.parametrize("body", [EVENT, FORM], ids=["event", "form"])
async def test_what_a_replica_has_in_hand_another_leaves_until_it_is_let_go(
    database: Database, body: dict[str, Any]
) -> None:
    name = inbox.identity(body)
    assert name is not None

    first = await database.write(inbox.keep, name, body, MONDAY, "a")
    meanwhile = await database.write(inbox.keep, name, body, MONDAY, "b")
    await database.write(inbox.let_go, name.subject, "a")
    after_it_failed = await database.write(inbox.keep, name, body, MONDAY, "b")
    await database.write(inbox.finish, after_it_failed.id)
    after_it_was_done = await database.write(inbox.keep, name, body, MONDAY, "a")

    assert [one.in_hand for one in (first, meanwhile, after_it_failed)] == [False, True, False]
    assert after_it_was_done.finished


async def test_a_click_that_two_replicas_get_is_done_by_the_first(database: Database) -> None:
    name = inbox.identity(CLICK)
    assert name is not None

    both = [await database.write(inbox.keep, name, CLICK, MONDAY, replica) for replica in ("a", "b")]

    assert [(one.finished, one.in_hand) for one in both] == [(False, False), (True, False)]
