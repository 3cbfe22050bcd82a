"""Leases: work that one replica does at a time, and how this one gets, keeps and loses it.

A lease is ours for LEASE from before we asked for it, measured on our own clock, which goes on while the process is
paused; the database counts from after that. So a process that wakes up from a long pause knows that it lost everything
before it is told. `Fenced` asks before each call to another system.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.errors import NoBudget, StoreUnavailable
from bot.ports import RemoteId, Surface, Work
from bot.store import leases
from bot.store.database import Database

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
"""How long what a dead replica did lies still, at most."""
RENEW, WATCH, MARGIN = 0.3, 0.05, 0.05
"""As parts of a lease: how often its holder renews it, how often others look whether it is free, and by how much
less than the database we believe in it, because no two clocks run equally fast."""

CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux' monotonic clock stands still while the machine is suspended, this one does not."""


class Leases:
    """What this replica holds. `run` keeps it up."""

    def __init__(self, database: Database, holder: str, *, span: timedelta = LEASE) -> None:
        """`holder` names this replica; no other live one may have the same name. `span` is the same for all."""
        self.holder = holder
        self.span = span
        self.seen: Mapping[str, str] = {}
        """Who held what when the database was last asked."""
        self._database = database
        self._wanted = {f"{leases.PRESENCE}{holder}"}
        self._until: dict[str, float] = {}
        self._renewed = 0.0
        self._closing = False
        self._changed = asyncio.Event()
        self._hurry = asyncio.Event()

    @property
    def held(self) -> list[str]:
        """What is ours now, by name, without what says only that we are there."""
        return sorted(name for name in self._until if self.holds(name) and not name.startswith(leases.PRESENCE))

    @property
    def replicas(self) -> int:
        """How many replicas live, this one included."""
        return max(1, len(leases.by_replica(self.seen)))

    def holds(self, name: str) -> bool:
        """Return whether NAME is certainly ours at this moment."""
        return elapsed() < self._until.get(name, 0.0)

    def hurry(self) -> None:
        """Look at once: somebody may have given something back."""
        self._hurry.set()

    async def run(self) -> None:
        """Renew what we have and take what we want and nobody has, until cancelled."""
        away = False
        while True:
            try:
                async with asyncio.timeout(self._part(1)):
                    await self._look()
                if away:
                    logger.info("leases are renewed again")
                away = False
            except (StoreUnavailable, TimeoutError) as e:
                if not away:
                    logger.warning("leases cannot be renewed", extra={"error": repr(e)})
                away = True
            patient = all(self.holds(name) for name in self._wanted)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._part(RENEW if patient else WATCH)):
                    await self._hurry.wait()
            self._hurry.clear()

    def close(self) -> None:
        """Keep what we have, take nothing more; whoever only waits for a lease stops waiting."""
        self._closing = True
        self._tell()

    async def take_one(self, names: Iterable[str]) -> str | None:
        """Take, and from now on keep, one of NAMES that nobody has; None when all are taken."""
        self.seen = await self._database.read(leases.live)
        for name in () if self._closing else names:
            if name not in self.seen and await self._take({name}):
                self._wanted.add(name)
                return name
        return None

    async def give_back(self, *names: str) -> None:
        """Give back NAMES at once, or everything; what was given back is not wanted any more."""
        given = names or tuple(self._wanted)
        self._wanted.difference_update(given)
        for name in given:
            self._until.pop(name, None)
        self._tell()
        await self._database.write(leases.give_back, self.holder, given)

    async def while_held(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do WORK whenever NAME is ours, and cancel it when it no longer is.

        Returns, with NAME given back, when WORK does or `close` came first. Work that fails moves on to whoever waits
        for it, and we wait behind them.
        """
        while True:
            self._wanted.add(name)
            self.hurry()
            try:
                if await self._worked(name, work):
                    await self.give_back(name)
                    return
            except Exception:
                logger.exception("work failed", extra={"lease": name})
                with suppress(StoreUnavailable):
                    await self.give_back(name)
                await asyncio.sleep(self._part(1))

    async def _worked(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Do WORK when NAME is ours; False when NAME was lost before it ended."""
        while not self.holds(name):
            if self._closing:
                return True
            await self._changed.wait()
        logger.info("lease taken", extra={"lease": name})
        doing = asyncio.create_task(work(), name=f"work of {name}")
        try:
            while not doing.done() and (left := self._until.get(name, 0.0) - elapsed()) > 0:
                changed = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait((doing, changed), timeout=left, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
            if doing.done():
                doing.result()
                return True
        finally:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
        logger.warning("lease lost", extra={"lease": name})
        return False

    async def _look(self) -> None:
        """Renew when it is time; take what we want and nobody has."""
        self.seen = await self._database.read(leases.live)
        ours = {name for name in self._wanted if self.seen.get(name, self.holder) == self.holder}
        for name in self._wanted - ours:
            self._until.pop(name, None)
        if self._closing:
            ours = {name for name in ours if self.holds(name)}
        if elapsed() - self._renewed >= self._part(RENEW) or not all(self.holds(name) for name in ours):
            self._renewed = elapsed()
            await self._take(ours)
        self._tell()

    async def _take(self, names: set[str]) -> set[str]:
        sure = elapsed() + self._part(1 - MARGIN)
        taken = await self._database.write(leases.take, self.holder, names, self.span)
        for name in names:
            self._until.pop(name, None)
        self._until |= dict.fromkeys(taken, sure)
        return taken

    def _part(self, part: float) -> float:
        return self.span.total_seconds() * part

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass(frozen=True)
class Fence:
    """Stops whoever lost a lease and does not know yet."""

    leases: Leases
    name: str

    def check(self) -> None:
        """Raise NoBudget when the lease is not ours."""
        if not self.leases.holds(self.name):
            raise NoBudget("another replica does this now", timedelta(0))


@dataclass(frozen=True)
class Fenced:
    """A place that only whoever holds its lease reads and writes."""

    surface: Surface
    fence: Fence

    @property
    def look_again(self) -> Sequence[timedelta]:
        """The place's own pauses."""
        return self.surface.look_again

    async def find(self, work: Work) -> RemoteId | None:
        """Find the copy."""
        self.fence.check()
        return await self.surface.find(work)

    async def create(self, work: Work) -> RemoteId:
        """Make the copy."""
        self.fence.check()
        return await self.surface.create(work)

    async def update(self, work: Work, remote_id: RemoteId) -> RemoteId:
        """Make the copy equal to the body."""
        self.fence.check()
        return await self.surface.update(work, remote_id)


def elapsed() -> float:
    """Seconds on a clock that nobody sets."""
    return time.clock_gettime(CLOCK)
