"""The bell: a replica hears the others, not itself, also after the server was away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 10.0


class Hearing:
    """A replica that listens, and how often it heard something."""

    def __init__(self, bell: Any) -> None:
        self.bell = bell
        self.heard = asyncio.Event()

    async def hears(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.heard.wait()
        self.heard.clear()


@asynccontextmanager
async def replica(url: str) -> AsyncIterator[Hearing]:
    from bot.store.bell import NotifyBell

    one = Hearing(NotifyBell(url))
    listening = asyncio.create_task(one.bell.listen(one.heard.set))
    try:
        await one.hears()  # it listens now
        yield one
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@pytest.fixture
def url(postgresql: Any, tmp_path: Path) -> Iterator[str]:
    made = postgresql.make(tmp_path)
    yield made
    postgresql.drop(made)


async def test_a_replica_hears_the_others_but_not_itself(url: str) -> None:
    async with replica(url) as a, replica(url) as b:
        a.bell.ring()

        await b.hears()
        b.bell.ring()
        await a.hears()

        assert not b.heard.is_set()


async def test_it_is_heard_again_after_the_server_ended_the_connections(url: str, postgresql: Any) -> None:
    async with replica(url) as a, replica(url) as b:
        postgresql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            url,
        )
        await asyncio.gather(a.hears(), b.hears())  # each says so when it listens again

        a.bell.ring()

        await b.hears()
