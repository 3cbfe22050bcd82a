"""The loop: whatever happens in between, one copy of each key stands there in the end and shows what the rows say."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text
from sqlmodel import Session

from bot.domain.errors import TemporaryError
from bot.ports import Body, RemoteId, Work
from bot.reconcile import loop as loops
from bot.reconcile.loop import LONGEST_BACK_OFF
from bot.store.projection import release_leases, touch
from tests.reconcile.conftest import START, Place, World, a_loop

KEY, OTHER, REPLY = "slack/group/1", "slack/group/2", "slack/group/1/log/1"
SECOND = timedelta(seconds=1)


async def test_a_copy_is_made_and_then_edited_where_it_stands(world: World) -> None:
    await world.change(KEY)
    await world.work()
    await world.change(KEY)
    await world.work()

    assert world.stands() == {KEY: 2}
    assert world.place.calls == [("create", KEY), ("update", KEY)]


async def test_an_equal_body_makes_no_call(world: World) -> None:
    await world.change(KEY)
    await world.work()
    world.place.calls.clear()

    await world.database.write(touch, world.time.now(), KEY, urgent=True)
    await world.work()

    assert world.place.calls == []
    assert not (await world.row(KEY)).lagging


async def test_what_cannot_be_shown_yet_makes_no_call_until_it_is_touched_again(world: World) -> None:
    await world.database.write(touch, world.time.now(), KEY, urgent=True)
    await world.work()
    nothing = list(world.place.calls)
    await world.change(KEY)
    await world.work()

    assert nothing == []
    assert world.stands() == {KEY: 1}


async def test_a_change_during_the_call_is_shown_afterwards(world: World) -> None:
    world.place.hold = "before"
    await world.change(KEY)
    working = asyncio.create_task(world.work())
    await until(lambda: world.place.held == 1)
    await world.change(KEY)

    world.place.release()
    await working

    assert world.stands() == {KEY: 2}


async def test_an_answer_that_was_lost_makes_no_second_copy(world: World) -> None:
    world.place.trouble.append("lost after")
    await world.change(KEY)
    await world.work()
    why = (await world.row(KEY)).error
    for _ in range(6):
        world.time.passes(SECOND)
        await world.work()

    assert why == "the answer was lost"
    assert world.stands() == {KEY: 1}
    assert (await world.row(KEY)).error == ""
    assert [call for call, _ in world.place.calls].count("create") == 1


async def test_a_call_that_did_not_arrive_is_made_again_after_looking_twice(world: World) -> None:
    world.place.trouble.append("lost before")
    await world.change(KEY)
    for _ in range(6):
        await world.work()
        world.time.passes(SECOND)

    assert world.stands() == {KEY: 1}
    assert [call for call, _ in world.place.calls] == ["create", "find", "find", "create"]


async def test_a_wait_for_budget_between_looking_and_creating_does_not_begin_the_looking_anew(world: World) -> None:
    world.place.trouble.extend(["lost before", "429"])
    await world.change(KEY)
    for _ in range(16):
        await world.work()
        world.time.passes(SECOND)

    assert world.stands() == {KEY: 1}
    assert [call for call, _ in world.place.calls] == ["create", "find", "find", "create", "find", "create"]


async def test_a_wait_for_budget_is_no_error_and_costs_no_search(world: World) -> None:
    world.place.trouble.append("429")
    await world.change(KEY)
    await world.work()
    waiting = await world.row(KEY)
    world.time.passes(7 * SECOND)
    await world.work()

    assert (waiting.error, waiting.attempts, waiting.lagging) == ("", 0, True)
    assert [call for call, _ in world.place.calls] == ["create", "create"]


async def test_every_try_in_vain_doubles_the_wait_up_to_a_limit(world: World) -> None:
    world.place.trouble.extend(["down"] * 12)
    await world.change(KEY)
    waits = []
    for _ in range(12):
        begun = world.time.now()
        await world.work()
        world.time.at = (await world.row(KEY)).not_before
        waits.append((world.time.now() - begun) / SECOND)
    await world.work()
    world.place.trouble.append("down")
    await world.change(KEY)
    await world.work()

    assert waits[:5] == [3, 6, 12, 24, 48]
    assert max(waits) * SECOND <= LONGEST_BACK_OFF
    assert (await world.row(KEY)).not_before - world.time.now() == 3 * SECOND  # a success forgets the others


async def test_a_wait_that_is_asked_for_is_kept_though_it_is_longer_than_the_limit(world: World) -> None:
    class Resting(Place):
        async def create(self, work: Work) -> RemoteId:
            raise TemporaryError("maintenance", timedelta(hours=1))

    world.loop.surface = Resting(world.time)
    await world.change(KEY)
    await world.work()

    assert (await world.row(KEY)).not_before == START + timedelta(hours=1)


async def test_a_copy_that_a_person_deleted_is_made_anew(world: World) -> None:
    await world.change(KEY)
    await world.work()
    world.place.copies[0].deleted = True

    await world.change(KEY)
    await world.work()

    assert world.stands() == {KEY: 2}


async def test_a_reply_whose_root_was_deleted_waits_while_the_root_is_made_anew(world: World) -> None:
    await world.change(KEY)
    await world.work()
    world.place.copies[0].deleted = True
    world.place.trouble.append("no root")

    await world.change(REPLY)
    await world.work()
    in_vain = len(world.place.calls)
    for _ in range(10):
        world.time.passes(SECOND)
        await world.work()

    assert in_vain <= 4  # no hot loop
    assert world.stands() == {KEY: 1, REPLY: 1}


async def test_a_refused_copy_is_tried_again_with_the_next_change_only(world: World) -> None:
    world.place.trouble.append("refused")
    await world.change(KEY)
    await world.work()
    world.time.passes(timedelta(hours=1))
    await world.work()
    refused = (world.stands(), (await world.row(KEY)).error)
    await world.change(KEY)
    await world.work()

    assert refused == ({}, "msg_too_long")
    assert world.stands() == {KEY: 2}


@pytest.mark.parametrize("workers", [1, 4])
async def test_a_bug_in_one_card_holds_up_no_other(world: World, workers: int) -> None:
    world.place.trouble.extend(["bug"] * workers)
    for n in range(workers + 3):
        await world.change(f"slack/group/{n}")
    world.loop.sleep = forever
    working = asyncio.create_task(loops.run(world.loop, workers=workers))
    async with patience(working):
        await until(lambda: len(world.stands()) == 3)

    for _ in range(3):
        world.time.passes(timedelta(minutes=1))
        await world.work()

    assert len(world.stands()) == workers + 3


async def test_rendering_that_fails_says_so_in_the_row_and_holds_up_no_other(world: World) -> None:
    def fails_for_one(db: Session, key: str) -> Body | None:
        if key == KEY:
            raise ZeroDivisionError("no n")
        return original(db, key)

    original, world.loop.render = world.loop.render, fails_for_one
    await world.change(KEY)
    await world.change(OTHER)
    await world.work()

    assert world.stands() == {OTHER: 1}
    assert "ZeroDivisionError" in (await world.row(KEY)).error


async def test_the_workers_outlive_a_database_that_cannot_be_read_for_a_while(world: World) -> None:
    slept: list[timedelta] = []

    async def sleep(span: timedelta) -> None:
        slept.append(span)
        await asyncio.sleep(0.01)

    def rename(db: Session, old: str, new: str) -> None:
        db.connection().execute(text(f"alter table {old} rename to {new}"))

    await world.change(KEY)
    await world.database.write(rename, "projection", "elsewhere")
    world.loop.sleep = sleep
    working = asyncio.create_task(loops.run(world.loop, workers=2))
    async with patience(working):
        await until(lambda: len(slept) >= 4)
        await world.database.write(rename, "elsewhere", "projection")
        await until(lambda: world.stands() == {KEY: 1})


async def test_a_surface_that_is_down_holds_up_nothing_else(world: World) -> None:
    class Down(Place):
        async def create(self, work: Work) -> RemoteId:
            await asyncio.Event().wait()
            raise AssertionError

    down = a_loop(world.database, Down(world.time), world.time, prefix="jira/")
    for loop in (down, world.loop):
        loop.sleep = forever
    for n in range(5):
        await world.change(f"jira/incident/{n}")
    tasks = [asyncio.create_task(loops.run(loop, workers=2)) for loop in (down, world.loop)]
    async with patience(*tasks):
        await until(lambda: len(down.in_flight) == 2)
        await world.change(KEY)
        world.loop.wake()
        await until(lambda: world.stands() == {KEY: 1})


async def test_being_woken_is_enough_nobody_has_to_wait_for_a_nap_to_end(world: World) -> None:
    world.loop.sleep = forever
    working = asyncio.create_task(loops.run(world.loop, workers=4))
    async with patience(working):
        for value in range(1, 6):
            await world.change(KEY)
            world.loop.wake()
            await until(partial(_stands, world, {KEY: value}))


async def test_who_closes_ends_what_is_under_way_and_begins_nothing_new(world: World) -> None:
    world.loop.sleep = forever
    world.place.hold = "before"
    await world.change(KEY)
    working = asyncio.create_task(loops.run(world.loop, workers=1))
    async with patience(working):
        await until(lambda: world.place.held == 1)
        await world.change(OTHER)
        world.loop.closing = True
        world.place.release()
        await asyncio.wait_for(working, 5)

    assert world.stands() == {KEY: 1}
    assert not (await world.row(KEY)).lagging
    assert (await world.row(OTHER)).lagging


async def test_a_process_that_died_after_the_call_leaves_no_double(world: World) -> None:
    world.place.hold = "after"
    await world.change(KEY)
    working = asyncio.create_task(world.work())
    await until(lambda: world.place.held == 1)
    await die(working)

    world.restart()
    await world.database.write(release_leases, world.time.now())
    for _ in range(5):
        await world.work(workers=4)
        world.time.passes(SECOND)

    assert world.stands() == {KEY: 1}
    assert [call for call, _ in world.place.calls].count("create") == 1


async def test_without_anybody_freeing_it_a_lease_costs_a_minute_and_no_double(world: World) -> None:
    world.place.hold = "after"
    await world.change(KEY)
    working = asyncio.create_task(world.work())
    await until(lambda: world.place.held == 1)
    await die(working)
    await world.change(KEY)
    world.restart()

    world.time.passes(59 * SECOND)
    await world.work()
    early = world.stands()
    world.time.passes(SECOND)
    await world.work()

    assert (early, world.stands()) == ({KEY: 1}, {KEY: 2})


async def die(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _stands(world: World, what: dict[str, int]) -> bool:
    return world.stands() == what


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is awaited is a state of the world, not an event
            await asyncio.sleep(0.001)


async def forever(_span: timedelta) -> None:
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def patience(*tasks: asyncio.Task[None]) -> AsyncIterator[None]:
    """Let TASKS run inside; afterwards they are ended."""
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
