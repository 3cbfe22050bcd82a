"""What is done because it is time, rather than because something came; by one replica at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.app.chat import UNREACHABLE
from bot.app.process import Process
from bot.digests import schedule
from bot.domain.errors import StoreUnavailable
from bot.ingest import deadlines
from bot.ingest.storms import close_quiet
from bot.ports import Sleep
from bot.store.leases import forget_expired
from bot.store.projection import touch_open
from bot.store.retention import BATCH, forget_deliveries

logger = logging.getLogger(__name__)

HOUSEKEEPING, DIRECTORY_EVERY = timedelta(seconds=30), timedelta(hours=1)
SWEPT_BACK = timedelta(days=30)
Work = Callable[[], Awaitable[None]]


class Timekeeping:
    """The regular work of this process while it has the lease for it."""

    def __init__(self, process: Process, sync_directory: Work) -> None:
        """`sync_directory` reads who and what is in the workspace."""
        self._process, self._sync_directory = process, sync_directory
        self._swept = self._looked = process.clock.now()

    async def run(self) -> None:
        """Do what is due until cancelled."""
        clock, digests = self._process.clock, self._process.settings.decisions.digests
        real = clock.url is None
        every = schedule.EVERY if real else schedule.EVERY_IN_SANDBOX
        scheduler = schedule.start(self._tick, digests, real_clock=real)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_jumps(scheduler))
                tasks.create_task(repeat(self._sync_directory, DIRECTORY_EVERY, clock.sleep))
                tasks.create_task(repeat(self._keep_house, HOUSEKEEPING, clock.sleep))
                tasks.create_task(repeat(self._tick, every, _in_real_time))
        finally:
            scheduler.shutdown(wait=False)

    async def _tick(self) -> None:
        process, now = self._process, self._process.clock.now()
        await schedule.tick(process.database.write, process.settings, now)
        if abs(now - self._looked) >= deadlines.EVERY:
            self._looked = now
            sources = tuple(process.settings.decisions.sources)
            await process.database.write(deadlines.look, now, process.rules, sources)
        process.wake()

    async def _follow_jumps(self, scheduler: AsyncIOScheduler) -> None:
        while True:
            await self._process.clock.jumped()
            schedule.wake(scheduler, self._tick)
            self._process.wake()

    async def _keep_house(self) -> None:
        """End quiet storms; every night do what somebody may have forgotten, and forget what is old.

        At midnight UTC, because a bot that is started anew every day never has run for a whole one.
        """
        process, now = self._process, self._process.clock.now()
        if await process.database.write(close_quiet, now):
            process.wake()
        await process.database.write(forget_expired)
        if now.date() != self._swept.date():
            await process.database.write(touch_open, now, now - SWEPT_BACK)
            await process.try_again("")
            kept = timedelta(days=process.settings.decisions.retention.deliveries_days)
            while await process.database.write(forget_deliveries, now - kept) == BATCH:
                pass  # intake has its turn in between
            self._swept = now


async def repeat(work: Work, every: timedelta, sleep: Sleep) -> None:
    """Do WORK every so often until cancelled, and soon again while the database or Slack cannot be reached."""
    while True:
        pause = every
        try:
            await work()
        except (StoreUnavailable, *UNREACHABLE) as e:
            logger.warning("not done", extra={"what": work.__name__.strip("_"), "error": str(e)})
            pause = min(every, HOUSEKEEPING)
        await sleep(pause)


async def _in_real_time(span: timedelta) -> None:
    await asyncio.sleep(span.total_seconds())
