"""Rows and a place that keeps copies of them: the smallest world in which the loop can be watched.

The rows are heartbeats (a name and a number). The place is a Surface written here, with its own kinds of trouble.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete
from sqlmodel import Session, select

from bot.domain.errors import GoneError, NoBudget, PermanentError, TemporaryError, UncertainError
from bot.ports import Body, RemoteId, Work
from bot.reconcile.loop import Loop, reconcile_once
from bot.store.database import Database
from bot.store.projection import touch
from bot.store.tables import Heartbeat, Projection

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class Time:
    """A clock that stands still unless told."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def passes(self, span: timedelta) -> None:
        self.at += span


@dataclass
class Copy:
    key: str
    nonce: str
    value: int
    made: datetime
    deleted: bool = False


@dataclass
class Place:
    """Keeps copies. `trouble` is what happens to the next writes; a search lags by LAG."""

    time: Time
    look_again: Sequence[timedelta] = (3 * SECOND,)
    lag: timedelta = 2 * SECOND
    copies: list[Copy] = field(default_factory=list)
    trouble: deque[str] = field(default_factory=deque)
    calls: list[tuple[str, str]] = field(default_factory=list)
    hold: str | None = None
    """`before` or `after`: where a write stands still until `release`."""
    held: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def find(self, work: Work) -> RemoteId | None:
        self.calls.append(("find", work.key))
        for number, copy in enumerate(self.copies):
            seen = copy.made + self.lag <= self.time.now()
            if copy.nonce == work.nonce and seen and not copy.deleted:
                return RemoteId(str(number))
        return None

    async def create(self, work: Work) -> RemoteId:
        self.calls.append(("create", work.key))
        lost = await self._trouble()
        assert not [c for c in self.copies if c.key == work.key and not c.deleted], f"a second copy of {work.key}"
        self.copies.append(Copy(work.key, work.nonce, work.body.content["value"], self.time.now()))
        made = RemoteId(str(len(self.copies) - 1))
        await self._stand("after")
        if lost:
            raise UncertainError("the answer was lost", SECOND)
        return made

    async def update(self, work: Work, remote_id: RemoteId) -> RemoteId:
        self.calls.append(("update", work.key))
        lost = await self._trouble()
        copy = self.copies[int(remote_id)]
        if copy.deleted:
            raise GoneError("message_not_found")
        copy.value = work.body.content["value"]
        await self._stand("after")
        if lost:
            raise TemporaryError("the answer was lost, and that does not matter", SECOND)
        return remote_id

    def release(self) -> None:
        self.hold = None
        self.go.set()
        self.go = asyncio.Event()

    async def _trouble(self) -> bool:
        """Raise what is due; True: do it, but lose the answer."""
        await self._stand("before")
        match self.trouble.popleft() if self.trouble else "":
            case "429":
                raise NoBudget("Slack asks to wait", 7 * SECOND)
            case "down":
                raise TemporaryError("connection refused", 3 * SECOND)
            case "lost before":
                raise UncertainError("no answer", SECOND)
            case "lost after":
                return True
            case "refused":
                raise PermanentError("msg_too_long")
            case "no root":
                raise GoneError("thread_not_found")
            case "bug":
                raise KeyError("ts")
        return False

    async def _stand(self, where: str) -> None:
        if self.hold == where:
            self.held += 1
            try:
                await self.go.wait()
            finally:
                self.held -= 1


@dataclass
class World:
    """Rows, a place and the loop between them."""

    database: Database
    time: Time
    place: Place
    loop: Loop

    async def change(self, key: str, *, urgent: bool = True) -> None:
        """Count one up in the row behind KEY, as an event does."""
        await self.database.write(count_up, key, self.time.now(), urgent=urgent)

    async def work(self, *, workers: int = 1) -> None:
        """Let the workers do what is due now."""
        await asyncio.gather(*(work_off(self.loop) for _ in range(workers)))

    async def row(self, key: str) -> Projection:
        return await self.database.read(lambda db: db.get_one(Projection, key))

    async def wanted(self) -> dict[str, int]:
        return await self.database.read(lambda db: {h.source: h.deliveries for h in db.exec(select(Heartbeat))})

    def stands(self) -> dict[str, int]:
        """What somebody sees in the place; fails when a key stands there twice."""
        there = [c for c in self.place.copies if not c.deleted]
        assert len({c.key for c in there}) == len(there)
        return {c.key: c.value for c in there}

    def restart(self) -> None:
        """A new process: nothing of the old one's memory, and its calls are not held."""
        self.place.release()
        self.loop = a_loop(self.database, self.place, self.time)


async def work_off(loop: Loop) -> None:
    while await reconcile_once(loop):
        pass


def count_up(db: Session, key: str, now: datetime, *, urgent: bool) -> None:
    row = db.get(Heartbeat, key) or Heartbeat(source=key, last_at=now, deliveries=0)
    row.deliveries += 1
    db.add(row)
    touch(db, now, key, urgent=urgent)


def render(db: Session, key: str) -> Body | None:
    row = db.get(Heartbeat, key)
    return None if row is None or row.deliveries < 0 else Body({"value": row.deliveries})


def a_loop(database: Database, place: Place, time: Time, prefix: str = "slack/") -> Loop:
    async def sleep(span: timedelta) -> None:
        time.passes(span)
        await asyncio.sleep(0)

    return Loop(database, place, prefix, render, time.now, sleep)


def empty(db: Session) -> None:
    for table in (Heartbeat, Projection):
        db.exec(delete(table))


@pytest.fixture
def make_world(database: Database) -> Callable[[], World]:
    """Make a world anew over the same database, emptied."""

    def make() -> World:
        database.submit(empty).result(10)
        time = Time()
        place = Place(time)
        return World(database, time, place, a_loop(database, place, time))

    return make


@pytest.fixture
def world(make_world: Callable[[], World]) -> World:
    return make_world()
