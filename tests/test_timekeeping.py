"""What is done because it is time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import apscheduler.schedulers.base
import pytest
from sqlmodel import select

from bot.app.process import Process
from bot.app.timekeeping import Timekeeping
from bot.clock import Clock
from bot.config import Settings, parse
from bot.ingest.rules import Rules
from bot.reconcile.lease import Leases
from bot.store.database import Database
from bot.store.tables import Delivery, Heartbeat

EVENING = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
OLD = EVENING - timedelta(days=31)


SETTINGS = Settings(decisions=parse("sources: {events: {auth: {type: none}}}"))


@asynccontextmanager
async def timekeeping(database: Database, clock: Clock) -> AsyncIterator[None]:
    process = Process(SETTINGS, clock, database, Leases(database, "here"), Rules(), None)

    async def nobody() -> None:
        """There is no Slack."""

    work = asyncio.create_task(Timekeeping(process, nobody).run())
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(5):
            yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_a_bot_that_is_started_anew_every_day_forgets_what_is_old(database: Database) -> None:
    clock = Clock("http://127.0.0.1/")
    clock.set(EVENING, 0)
    for digest, at in (("a", OLD), ("b", EVENING)):
        row = Delivery(source="events", digest=digest, received_at=at, last_at=at)
        await database.write(lambda db, row=row: db.add(row))

    async def kept() -> list[str]:
        return await database.read(lambda db: list(db.exec(select(Delivery.digest).order_by(Delivery.digest))))

    async with timekeeping(database, clock):
        clock.set(EVENING + timedelta(hours=5), 0)

        while await kept() != ["b"]:  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0.01)


async def test_what_is_late_is_noticed_though_the_machines_clock_is_set_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Back(datetime):
        """It says what it was eight hours ago; what the scheduler is to do was planned before that."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(hours=8)

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Back)
    clock = Clock("http://127.0.0.1/")
    clock.set(EVENING, 3600)
    heard = Heartbeat(source="events", last_at=EVENING - timedelta(days=3))
    await database.write(lambda db: db.add(heard))

    async def silent() -> bool:
        return await database.read(lambda db: db.get_one(Heartbeat, "events").silent_since is not None)

    async with timekeeping(database, clock):
        while not await silent():  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0.01)
