"""Leases: one holder at a time, whatever dies, stops, wakes up or loses its database."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.errors import NoBudget
from bot.ports import Body, Work
from bot.reconcile import lease
from bot.reconcile.lease import Fence, Fenced, Leases
from bot.reconcile.replica import Replica
from bot.store import leases
from bot.store.database import Database
from tests.reconcile.conftest import Place, Time

SPAN = timedelta(seconds=0.4)
PATIENCE_S = 10.0
LONG = timedelta(seconds=6 * PATIENCE_S)
"""Whoever waits for a lease of this span to lapse has no patience left."""


@asynccontextmanager
async def alive(database: Database, holder: str, span: timedelta = SPAN) -> AsyncIterator[Leases]:
    """A replica that runs until the end of the block, then dies without a word."""
    kept = Leases(database, holder, span=span)
    running = asyncio.create_task(kept.run())
    try:
        yield kept
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - another task's state
            await asyncio.sleep(0.005)


async def forever() -> None:
    await asyncio.Event().wait()


async def test_one_holds_and_the_others_wait(database: Database) -> None:
    async with alive(database, "a") as a, alive(database, "b") as b:
        tasks = [asyncio.create_task(one.while_held("slack", forever)) for one in (a, b)]
        await until(lambda: a.holds("slack") or b.holds("slack"))
        await asyncio.sleep(2 * SPAN.total_seconds())

        assert [a.holds("slack"), b.holds("slack")].count(True) == 1
        assert a.replicas == b.replicas == 2
        assert sorted([*a.held, *b.held]) == ["slack"]
        for task in tasks:
            task.cancel()


async def test_what_a_dead_replica_did_is_taken_over_when_its_lease_is_over(database: Database) -> None:
    async with alive(database, "b") as b:
        async with alive(database, "a") as a:
            doing = asyncio.create_task(a.while_held("slack", forever))
            await until(lambda: a.holds("slack"))
            waiting = asyncio.create_task(b.while_held("slack", forever))
        died = lease.elapsed()
        doing.cancel()

        await until(lambda: b.holds("slack"))

        assert lease.elapsed() - died <= SPAN.total_seconds() + 1
        waiting.cancel()


async def test_what_is_given_back_is_taken_by_whoever_waits_and_not_again(database: Database) -> None:
    async with alive(database, "a") as a, alive(database, "b") as b:
        ended = asyncio.Event()

        async def until_told() -> None:
            await ended.wait()

        doing = asyncio.create_task(a.while_held("slack", until_told))
        await until(lambda: a.holds("slack"))
        waiting = asyncio.create_task(b.while_held("slack", forever))
        ended.set()
        await doing

        await until(lambda: b.holds("slack"))

        assert not a.holds("slack")
        waiting.cancel()


async def test_work_stops_when_the_lease_cannot_be_renewed_in_time(database: Database) -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await forever()
        finally:
            stopped.set()

    async with alive(database, "a") as a:
        doing = asyncio.create_task(a.while_held("slack", work))
        await until(lambda: a.holds("slack"))
    async with asyncio.timeout(PATIENCE_S):
        await stopped.wait()

    assert not a.holds("slack")
    doing.cancel()


async def test_after_a_long_pause_a_replica_knows_by_itself_that_it_holds_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(Time())
    async with alive(database, "a") as a:
        doing = asyncio.create_task(a.while_held("slack", forever))
        await until(lambda: a.holds("slack"))
        surface = Fenced(place, Fence(a, "slack"))
        now = lease.elapsed()
        monkeypatch.setattr(lease, "elapsed", lambda: now + 60)

        with pytest.raises(NoBudget):
            await surface.create(Work("slack/note/1", "nonce", datetime(2026, 11, 23, tzinfo=UTC), Body({"value": 1})))

        assert place.calls == []
        doing.cancel()


async def test_whoever_is_started_again_in_the_same_place_has_at_once_what_it_had(database: Database) -> None:
    async with alive(database, "a", span=LONG) as before:
        doing = asyncio.create_task(before.while_held("slack", forever))
        await until(lambda: before.holds("slack"))
    doing.cancel()
    leases_of_long_ago = await database.read(leases.live)
    assert leases_of_long_ago["slack"] == "a"

    async with alive(database, "a", span=LONG) as after:
        again = asyncio.create_task(after.while_held("slack", forever))
        await until(lambda: after.holds("slack"))

        again.cancel()


async def test_no_more_are_taken_than_there_are(database: Database) -> None:
    names = ["socket/1", "socket/2", "socket/3"]
    async with alive(database, "a") as a, alive(database, "b") as b:
        taken = [name for _ in range(2) for name in await asyncio.gather(a.take_one(names), b.take_one(names))]

        assert sorted(name for name in taken if name) == names


async def test_a_replica_that_is_about_to_end_keeps_what_it_has_and_takes_nothing_more(database: Database) -> None:
    async with alive(database, "a") as a:
        doing = asyncio.create_task(a.while_held("slack", forever))
        await until(lambda: a.holds("slack"))
        a.close()
        wanting = asyncio.create_task(a.while_held("jira", forever))
        await asyncio.sleep(2 * SPAN.total_seconds())

        assert (a.holds("slack"), a.holds("jira")) == (True, False)

        await a.give_back()

        assert await database.read(leases.live) == {}
        doing.cancel()
        wanting.cancel()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a successor waits for the lease")
def test_a_successor_has_the_name_of_its_predecessor_and_nobody_else_has() -> None:
    first = Replica("127.0.0.1", 59_999)
    meanwhile = Replica("127.0.0.1", 59_999)
    elsewhere = Replica("127.0.0.1", 59_998)
    first.close()
    successor = Replica("127.0.0.1", 59_999)

    assert successor.name == first.name
    assert len({first.name, meanwhile.name, elsewhere.name}) == 3
    for one in (meanwhile, elsewhere, successor):
        one.close()
