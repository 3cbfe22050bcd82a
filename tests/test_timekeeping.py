"""What is done because it is time."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlmodel import select

from bot.app.process import Process
from bot.app.timekeeping import Timekeeping
from bot.clock import Clock
from bot.config import Settings
from bot.ingest.rules import Rules
from bot.reconcile.lease import Leases
from bot.store.database import Database
from bot.store.tables import Delivery

EVENING = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
OLD = EVENING - timedelta(days=31)


async def test_a_bot_that_is_started_anew_every_day_forgets_what_is_old(database: Database) -> None:
    clock = Clock("http://127.0.0.1/")
    clock.set(EVENING, 0)
    process = Process(Settings(), clock, database, Leases(database, "here"), Rules(), None)

    async def nobody() -> None:
        """There is no Slack."""

    async def kept() -> list[str]:
        return await database.read(lambda db: list(db.exec(select(Delivery.digest).order_by(Delivery.digest))))

    for digest, at in (("a", OLD), ("b", EVENING)):
        row = Delivery(source="events", digest=digest, received_at=at, last_at=at)
        await database.write(lambda db, row=row: db.add(row))
    work = asyncio.create_task(Timekeeping(process, nobody).run())
    await asyncio.sleep(0)

    clock.set(EVENING + timedelta(hours=5), 0)

    async with asyncio.timeout(5):
        while await kept() != ["b"]:  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0.01)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
