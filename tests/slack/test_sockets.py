"""A connection that looks well, but on which nobody listens any more, is replaced."""

import asyncio

from bot.store.database import Database
from tests.slack.live import connected, living


async def test_deaf_connections_are_replaced_and_people_are_heard_again(database: Database) -> None:
    async with living(database) as bot, connected(bot, deaf_s=0.3):
        for task in asyncio.all_tasks():
            if "process_messages" in repr(task.get_coro()):
                task.cancel()  # as if the SDK had failed: the sockets stay open, and answer pings
        async with asyncio.timeout(10):
            while bot.sandbox.sockets.opened < 4:  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.01)

        answer = await bot.act("command", user="bob", channel="ml-fraud", text="/model status fraud-scorer")

    assert answer["ok"], answer["error"]
    assert len(answer["ephemerals"]) == 1
