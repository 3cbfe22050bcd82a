"""Any interleaving of changes, calls, crashes and deletions over two processes with two workers each ends well.

Every call stands still twice, before the other side does it and before it answers; the steps say which one goes on.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from bot.domain.errors import GoneError, TemporaryError, UncertainError
from bot.ports import Body, RemoteId, Work
from bot.reconcile.loop import Loop, reconcile_once
from bot.store.projection import touch_open
from bot.store.tables import Heartbeat, Projection
from tests.reconcile.conftest import Place, World, a_loop, count_up, render, work_off

SECOND = timedelta(seconds=1)
ANSWER = 15 * SECOND
"""Who asked gives up then; a lease is four times as long."""
ROOTS = ("slack/group/1", "slack/group/2")
REPLIES = ("slack/group/1/log/1",)
PROCESSES, WORKERS = 2, 2


@dataclass(eq=False)
class Call:
    """A call that stands still."""

    since: datetime
    going_on: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass
class Gates(Place):
    """A place where calls stand still until told, and where a reply needs the root of its thread."""

    standing: list[Call] = field(default_factory=list)
    open: bool = False
    """No call stands still any more."""

    async def create(self, work: Work) -> RemoteId:
        root = work.key.partition("/log/")[0]
        if root != work.key and root not in self.keys():
            self.calls.append(("create", work.key))
            raise GoneError("thread_not_found")
        try:
            return await super().create(work)
        except TimeoutError as e:
            raise UncertainError("no answer", SECOND) from e

    async def update(self, work: Work, remote_id: RemoteId) -> RemoteId:
        try:
            return await super().update(work, remote_id)
        except TimeoutError as e:
            raise TemporaryError("no answer", SECOND) from e

    def keys(self) -> set[str]:
        return {copy.key for copy in self.copies if not copy.deleted}

    async def _stand(self, where: str) -> None:
        if self.open:
            return
        call = Call(self.time.now())
        self.standing.append(call)
        try:
            await call.going_on
        finally:
            self.standing.remove(call)


class Interleaving:
    """Two processes over one place, and the calls that are under way."""

    def __init__(self, world: World) -> None:
        self.world, self.time, self.place = world, world.time, Gates(world.time)
        world.place = self.place
        self.processes = [self._process() for _ in range(PROCESSES)]
        self.workers: dict[asyncio.Task[Any], int] = {}

    def _process(self) -> Loop:
        loop = a_loop(self.world.database, self.place, self.time)
        loop.render = _render
        return loop

    async def live_through(self, deeds: list[tuple[str, Any]]) -> None:
        for deed, what in deeds:
            await getattr(self, deed)(what)
            self.world.stands()

    async def change(self, key: str) -> None:
        await self.world.change(key)

    async def change_in_passing(self, key: str) -> None:
        await self.world.change(key, urgent=False)

    async def work(self, number: int) -> None:
        """A worker of process NUMBER takes what is due, until its call stands still or it is done."""
        if list(self.workers.values()).count(number) < WORKERS:
            self.workers[asyncio.create_task(reconcile_once(self.processes[number]))] = number
        await self._quiet()

    async def go_on(self, which: int) -> None:
        """A call is carried out, or one that was is answered."""
        if self.place.standing:
            self.place.standing[which % len(self.place.standing)].going_on.set_result(None)
            await self._quiet()

    async def lose(self, which: int) -> None:
        """A call breaks off where it stands: not carried out yet, or not answered yet."""
        if self.place.standing:
            self.place.standing[which % len(self.place.standing)].going_on.set_exception(TimeoutError())
            await self._quiet()

    async def die(self, number: int) -> None:
        """Process NUMBER is killed; what it holds is free only when its leases run out."""
        for worker in [worker for worker, whose in self.workers.items() if whose == number]:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker
            del self.workers[worker]
        self.processes[number] = self._process()

    async def pass_time(self, seconds: float) -> None:
        """Time passes; who waited too long for an answer gives up."""
        self.time.passes(timedelta(seconds=seconds))
        for call in list(self.place.standing):
            if call.since + ANSWER <= self.time.now():
                call.going_on.set_exception(TimeoutError())
        await self._quiet()

    async def trouble(self, kind: str) -> None:
        self.place.trouble.append(kind)

    async def delete(self, key: str) -> None:
        """Somebody deletes a copy; a root takes its thread with it."""
        for copy in self.place.copies:
            copy.deleted = copy.deleted or copy.key == key or copy.key.startswith(f"{key}/")

    async def sweep(self, _nothing: None) -> None:
        now = self.time.now()
        await self.world.database.write(touch_open, now, now - timedelta(days=30))

    async def converge(self) -> None:
        """Let everything go on, and look whether it comes to rest, equal to the rows."""
        self.place.open = True
        self.place.trouble.clear()
        for call in list(self.place.standing):
            call.going_on.set_result(None)
        await asyncio.gather(*self.workers)
        await self.world.database.write(_change_all, self.time.now())
        for _ in range(30):
            self.time.passes(30 * SECOND)
            await self._work_off()

        assert self.world.stands() == await self.world.wanted()
        self.place.calls.clear()
        await self.sweep(None)
        self.time.passes(timedelta(hours=1))
        await self._work_off()
        assert self.place.calls == []

    async def _work_off(self) -> None:
        await asyncio.gather(*(work_off(process) for process in self.processes for _ in range(WORKERS)))

    async def _quiet(self) -> None:
        """Wait until every worker is done, or stands still in a call."""
        async with asyncio.timeout(10):
            while self._moving():  # noqa: ASYNC110 - what is awaited is a state of the world, not an event
                await asyncio.sleep(0.0005)
        for worker in [worker for worker in self.workers if worker.done()]:
            del self.workers[worker]
            worker.result()

    def _moving(self) -> bool:
        still = [call for call in self.place.standing if not call.going_on.done()]
        return sum(not worker.done() for worker in self.workers) != len(still)


def deed(name: str, *choices: Any) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.just(name), st.sampled_from(choices))


PROCESS, CALL = range(PROCESSES), range(PROCESSES * WORKERS)
DEEDS = st.lists(
    st.one_of(
        deed("change", *ROOTS, *REPLIES),
        deed("change_in_passing", *ROOTS, *REPLIES),
        deed("work", *PROCESS),
        deed("work", *PROCESS),
        deed("go_on", *CALL),
        deed("go_on", *CALL),
        deed("lose", *CALL),
        deed("die", *PROCESS),
        deed("pass_time", 0.3, 1.5, 4, 14, 61),
        deed("pass_time", 0.3, 1.5, 4, 14, 61),
        deed("trouble", "429", "down", "refused", "bug"),
        deed("delete", *ROOTS, *REPLIES),
        deed("sweep", None),
    ),
    min_size=10,
    max_size=60,
)


def _render(db: Session, key: str) -> Body | None:
    """A reply has nothing to show while its thread has no root."""
    root = db.get(Projection, key.partition("/log/")[0])
    return None if "/log/" in key and (root is None or root.remote_id is None) else render(db, key)


def _change_all(db: Session, now: datetime) -> None:
    """Change every row once more, so that what somebody deleted or refused is noticed: nobody else would tell us."""
    for key in {*ROOTS, *db.exec(select(Heartbeat.source))}:
        count_up(db, key, now, urgent=False)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=DEEDS)
@example(deeds=[("change", ROOTS[0]), ("work", 0), ("go_on", 0), ("die", 0), ("pass_time", 61), ("work", 1)])
@example(deeds=[("change", ROOTS[0]), ("work", 0), ("go_on", 0), ("lose", 0), ("pass_time", 4), ("work", 1)])
@example(deeds=[("change", ROOTS[0]), ("work", 0), ("lose", 0), *[("pass_time", 4), ("work", 1), ("go_on", 0)] * 3])
@example(deeds=[("change", ROOTS[0]), ("work", 0), ("go_on", 0), ("change", ROOTS[0]), ("go_on", 0)])
def test_any_interleaving_converges_to_one_copy_a_key_equal_to_the_rows(
    make_world: Callable[[], World], deeds: list[tuple[str, Any]]
) -> None:
    async def live() -> None:
        life = Interleaving(make_world())
        await life.live_through(deeds)
        await life.converge()

    asyncio.run(live())
