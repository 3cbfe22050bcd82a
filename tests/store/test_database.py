"""The transaction runner: one writer that answers after the commit, readers that cannot write."""

import asyncio
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from bot.domain.errors import ConfigError, StoreUnavailable
from bot.store.database import MAX_BATCH, Database
from bot.store.many import Many, types_of
from bot.store.tables import Heartbeat, OwedAnswer

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PATIENCE_S = 60.0
COLUMNS = ("delivery_id", "replica", "at", "response_url")
ROWS = Many(f"INSERT INTO owed_answer ({', '.join(COLUMNS)}) VALUES {{rows}}", *types_of(OwedAnswer, *COLUMNS))


def add(db: Session, source: str) -> str:
    db.add(Heartbeat(source=source, last_at=NOW, deliveries=0))
    return source


def count_up(db: Session, source: str) -> None:
    bump = update(Heartbeat).where(col(Heartbeat.source) == source)
    db.exec(bump.values(deliveries=Heartbeat.deliveries + 1))


def sources(db: Session) -> list[str]:
    return list(db.exec(select(Heartbeat.source).order_by(col(Heartbeat.source))))


class Held:
    """Keeps the writer busy, so that what is submitted meanwhile goes into one batch."""

    def __init__(self, database: Database) -> None:
        self._go, self._busy = threading.Event(), threading.Event()
        self.answer: Future[bool] = database.submit(self._wait)
        assert self._busy.wait(PATIENCE_S)

    def _wait(self, _db: Session) -> bool:
        self._busy.set()
        return self._go.wait(PATIENCE_S)

    def release(self) -> None:
        self._go.set()


async def test_a_write_is_answered_after_the_commit(database: Database, other: Session) -> None:
    answer = await database.write(add, "events")

    assert (answer, sources(other)) == ("events", ["events"])


async def test_what_queues_up_during_a_commit_is_one_transaction(database: Database) -> None:
    begun: list[int] = []

    def note(db: Session, source: str) -> str:
        begun.append(id(db.connection().connection))
        return add(db, source)

    held = Held(database)
    answers = [database.submit(note, f"s{n}") for n in range(9)]
    waited = database.waiting()
    seen_before = await database.read(sources)

    held.release()
    done = [answer.result(PATIENCE_S) for answer in answers]

    assert (waited, seen_before) == (9, [])
    assert done == [f"s{n}" for n in range(9)]
    assert len(set(begun)) == 1


async def test_more_jobs_than_a_batch_holds_are_all_done(database: Database) -> None:
    held = Held(database)
    answers = [database.submit(add, f"s{n:04d}") for n in range(MAX_BATCH * 2 + 5)]

    held.release()
    for answer in answers:
        answer.result(PATIENCE_S)

    assert len(await database.read(sources)) == MAX_BATCH * 2 + 5


async def test_a_failing_job_rolls_back_only_itself(database: Database) -> None:
    def fail(db: Session) -> None:
        add(db, "half")
        db.flush()
        raise LookupError("on purpose")

    held = Held(database)
    before, failing, after = database.submit(add, "a"), database.submit(fail), database.submit(add, "b")
    held.release()

    assert (before.result(PATIENCE_S), after.result(PATIENCE_S)) == ("a", "b")
    with pytest.raises(LookupError, match="on purpose"):
        failing.result(PATIENCE_S)
    assert await database.read(sources) == ["a", "b"]


async def test_a_job_that_breaks_a_constraint_rolls_back_only_itself(database: Database) -> None:
    held = Held(database)
    first, twice, other = database.submit(add, "a"), database.submit(add, "a"), database.submit(add, "b")
    held.release()

    first.result(PATIENCE_S)
    assert twice.exception(PATIENCE_S) is not None
    other.result(PATIENCE_S)
    assert await database.read(sources) == ["a", "b"]


async def test_a_job_sees_what_the_job_before_it_wrote(database: Database) -> None:
    held = Held(database)
    database.submit(add, "a")
    seen = database.submit(sources)
    held.release()

    assert seen.result(PATIENCE_S) == ["a"]


async def test_a_reader_sees_the_last_commit_and_not_what_is_under_way(database: Database) -> None:
    await database.write(add, "committed")
    under_way, go = threading.Event(), threading.Event()

    def slow(db: Session) -> None:
        add(db, "not yet")
        db.flush()
        under_way.set()
        go.wait(PATIENCE_S)

    writing = database.submit(slow)
    assert under_way.wait(PATIENCE_S)
    meanwhile = await database.read(sources)
    go.set()
    writing.result(PATIENCE_S)

    assert meanwhile == ["committed"]
    assert await database.read(sources) == ["committed", "not yet"]


async def test_a_reader_cannot_write(database: Database) -> None:
    def write(db: Session) -> None:
        add(db, "sneaky")
        db.flush()

    with pytest.raises((DBAPIError, StoreUnavailable), match=r"readonly|read-only"):
        await database.read(write)

    assert await database.read(sources) == []


async def test_readers_work_beside_each_other(database: Database) -> None:
    together = threading.Barrier(4)

    def meet(_db: Session) -> int:
        return together.wait(PATIENCE_S)

    assert sorted(await asyncio.gather(*(database.read(meet) for _ in range(4)))) == [0, 1, 2, 3]


async def test_increments_from_many_threads_are_not_lost(database: Database) -> None:
    await database.write(add, "events")

    def hammer() -> None:
        for answer in [database.submit(count_up, "events") for _ in range(200)]:
            answer.result(PATIENCE_S)

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)

    assert await database.read(lambda db: db.get_one(Heartbeat, "events").deliveries) == 800


async def test_a_caller_that_gave_up_before_its_turn_is_not_done(database: Database) -> None:
    held = Held(database)
    asking = asyncio.create_task(database.write(add, "given up"))
    staying = asyncio.create_task(database.write(add, "wanted"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    held.release()
    await staying

    assert await database.read(sources) == ["wanted"]


async def test_close_finishes_what_is_queued(database_url: str) -> None:
    database = Database(database_url)
    held = Held(database)
    answers = [database.submit(add, f"s{n}") for n in range(5)]
    closing = asyncio.create_task(asyncio.to_thread(database.close))

    held.release()
    await closing

    assert [answer.result(0) for answer in answers] == [f"s{n}" for n in range(5)]


async def test_a_write_after_close_is_refused_and_does_not_wait_for_ever(database_url: str) -> None:
    database = Database(database_url)
    database.close()

    with pytest.raises(RuntimeError, match="closed"):
        await database.write(add, "late")


async def test_a_locked_database_costs_a_batch_one_wait_and_then_works_again(
    locked: Session, database: Database
) -> None:
    answers = [database.submit(add, f"s{n}") for n in range(50)]
    errors = [await asyncio.to_thread(answer.exception, PATIENCE_S) for answer in answers]
    locked.rollback()

    assert all(isinstance(error, StoreUnavailable) for error in errors)
    assert len(set(map(id, errors))) < 10  # one for the first job, one for the 49 behind it: as many waits as errors
    assert await database.write(add, "again") == "again"
    assert await database.read(sources) == ["again"]


def test_an_address_that_is_not_ours_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="mysql"):
        Database("mysql://somewhere/else")


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-such-folder"):
        Database(f"sqlite:///{tmp_path}/no-such-folder/bellwether.db")


async def test_commits_survive_a_power_cut(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'durable.db'}")
    modes = await database.write(
        lambda db: [
            db.connection().execute(text(f"pragma {name}")).scalar() for name in ("journal_mode", "synchronous")
        ]
    )
    database.close()

    assert modes == ["wal", 2]  # 2 = FULL


@pytest.mark.parametrize(
    "write", [lambda db, row: db.add(OwedAnswer(**row)), lambda db, row: ROWS.run(db, [tuple(row.values())])]
)
async def test_an_error_that_is_logged_shows_no_values(database: Database, write: Callable[..., None]) -> None:
    answer = {"delivery_id": 1, "replica": "here", "at": NOW, "response_url": "https://hooks.slack.com/commands/s3cret"}
    await database.write(write, answer)

    with pytest.raises(DBAPIError) as refused:
        await database.write(write, answer)

    shown = "".join(traceback.format_exception(refused.value))
    assert "INSERT INTO owed_answer" in shown
    assert "s3cret" not in shown
