"""The transaction runner: one writer with group commit, a few readers; the same on every kind of database.

A transaction is a plain sync function `f(db, ...)`. All writes go through one thread with group commit: what queues up
during a commit becomes the next transaction, and every caller is answered after the commit that holds its work. So a
durable commit costs little, and a transaction cannot span a network call. Reads run in threads of their own and see one
moment: the last commit when they began. What only one kind of database does is in `sqlite` and `postgres`.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlmodel import Session

from bot.domain.errors import ConfigError, StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger(__name__)

READERS = 4
CLOSE_S = 6
MAX_BATCH = 256
"""Jobs in one commit: enough to make fsync cheap, few enough to keep the wait of the first one short."""

KINDS = {
    "sqlite": ("bot.store.sqlite", "Sqlite"),
    "postgresql": ("bot.store.postgres", "Postgres"),
    "postgres": ("bot.store.postgres", "Postgres"),
}
"""Imported when used: SQLAlchemy's asyncio half and asyncpg cost 200 ms at start."""

Job = tuple[Callable[[Session], Any], Future[Any]]
Jobs = queue.SimpleQueue[Job | None]
"""None ends the thread that takes it."""
Outcome = tuple[Future[Any], Any, BaseException | None]


class Bell(Protocol):
    """What wakes the other processes on a database."""

    def ring(self) -> None:
        """Wake them, soon; a hint that may be lost."""

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call HEARD when another process rang, until cancelled; has to run for `ring` to do anything."""


class Dialect(Protocol):
    """What one kind of database does in its own way."""

    name: str
    """Where the database is, for people: without a password."""
    file: Path | None
    """The file, where it is one."""
    pauses: tuple[float, ...]
    """Seconds before each further try when it is not available."""

    def run(self, body: Callable[[Session], None], *, writing: bool) -> None:
        """Run BODY in this thread, with a session that is this thread's own and opens a transaction when used."""

    def begin(self, db: Session) -> str:
        """Begin a transaction that is the only writing one; return a mark to ask for its fate by."""

    def committed(self, db: Session, mark: str) -> bool:
        """Return whether the transaction MARK, whose commit failed, took place. Raises StoreUnavailable for unknown."""

    def unavailable(self, error: Exception) -> bool:
        """Return whether ERROR says that the database can't be used now, and nothing of what was asked."""

    def size(self, db: Session) -> int:
        """Return how many bytes the database takes."""

    def number_on(self, db: Session) -> None:
        """Have new rows numbered after the highest number that there is, whoever gave it."""

    def bell(self) -> Bell | None:
        """Return what wakes the other processes, if there is such a thing."""

    def close(self) -> None:
        """Let go of what is left when all threads have ended."""


class Database:
    """One database with its writer and its readers. `close` it."""

    def __init__(self, url: str) -> None:
        """Open URL, `sqlite:///path` or `postgresql://...`; raises ConfigError when it can't be one of ours."""
        self.dialect = _dialect(url)
        self.name, self.file = self.dialect.name, self.dialect.file
        self._writes: Jobs = queue.SimpleQueue()
        self._reads: Jobs = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._away = False
        self._threads = [
            threading.Thread(target=self.dialect.run, args=(loop,), kwargs={"writing": writing}, name=name, daemon=True)
            for name, loop, writing in (
                ("writer", self._write_loop, True),
                *((f"reader {n}", self._read_loop, False) for n in range(READERS)),
            )
        ]
        for thread in self._threads:
            thread.start()

    async def write(self, f: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run F in a transaction of the writer; returns after the commit, raises what F raises (rolled back).

        Raises StoreUnavailable when the database can't be written now: nothing of F stays.
        """
        return await asyncio.wrap_future(self.submit(f, *args, **kwargs))

    def submit(self, f: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue F for the writer; for callers that are not on the event loop. Raises RuntimeError after `close`."""
        return self._queue(self._writes, lambda db: f(db, *args, **kwargs))

    async def read(self, f: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run F on a reader's connection; it sees the last commit and cannot write. Raises StoreUnavailable, too."""
        return await asyncio.wrap_future(self._queue(self._reads, lambda db: f(db, *args, **kwargs)))

    def waiting(self) -> int:
        """Return how many transactions wait for the writer: the measure of being too busy."""
        return self._writes.qsize()

    def close(self) -> None:
        """Finish what is queued, then let go of every connection; wait CLOSE_S at most, for a database that is away."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._writes.put(None)
                for _ in range(READERS):
                    self._reads.put(None)
        until = time.monotonic() + CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self.dialect.close()

    def _queue(self, jobs: Jobs, job: Callable[[Session], T]) -> Future[T]:
        done: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise RuntimeError("the database is closed")
            jobs.put((job, done))
        return done

    def _read_loop(self, db: Session) -> None:
        while (queued := self._reads.get()) is not None:
            job, done = queued
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(self._patiently(db, job))
                except Exception as e:  # noqa: BLE001 - the caller gets it
                    done.set_exception(self._in_our_words(e))

    def _write_loop(self, db: Session) -> None:
        last = False
        while not last and (first := self._writes.get()) is not None:
            batch = [first]
            while len(batch) < MAX_BATCH and not self._writes.empty():
                if (queued := self._writes.get()) is None:
                    last = True
                    break
                batch.append(queued)
            self._answer(db, [(job, done) for job, done in batch if done.set_running_or_notify_cancel()])

    def _answer(self, db: Session, batch: list[Job]) -> None:
        """Commit BATCH and tell everybody what became of their job."""
        try:
            outcomes = self._patiently(db, lambda db: self._commit(db, batch))
            self._notice(None)
        except Exception as e:
            told = self._in_our_words(e)
            if isinstance(told, StoreUnavailable):
                self._notice(told)
            else:
                logger.exception("commit failed", extra={"jobs": len(batch)})
            outcomes = [(done, None, told) for _, done in batch]
        for done, result, error in outcomes:
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

    def _commit(self, db: Session, batch: list[Job]) -> list[Outcome]:
        """Run the jobs of BATCH in one transaction, each in a savepoint of its own when there are several."""
        outcomes: list[Outcome] = []
        mark = self.dialect.begin(db)
        for job, done in batch:
            try:
                with db.begin_nested() if len(batch) > 1 else nullcontext():
                    result = job(db)
                    db.flush()
                outcomes.append((done, result, None))  # only now: leaving the savepoint may fail, too
            except Exception as e:
                if self.dialect.unavailable(e):
                    raise
                if len(batch) == 1:
                    db.rollback()
                outcomes.append((done, None, e))
            db.expunge_all()
        try:
            db.commit()
        except Exception:
            if not self.dialect.committed(db, mark):
                raise
        return outcomes

    def _patiently(self, db: Session, job: Callable[[Session], T]) -> T:
        """Run JOB as a whole, and again when the database was not available."""
        for pause in self.dialect.pauses:
            try:
                with db:
                    return job(db)
            except Exception as e:
                if not self.dialect.unavailable(e):
                    raise
            time.sleep(pause)
        with db:
            return job(db)

    def _in_our_words(self, error: Exception) -> Exception:
        if not self.dialect.unavailable(error):
            return error
        unavailable = StoreUnavailable(f"{self.name} cannot be used: {getattr(error, 'orig', error)}")
        unavailable.__cause__ = error
        return unavailable

    def _notice(self, error: Exception | None) -> None:
        """Say once that the database went away, and once that it is back."""
        if (error is not None) != self._away:
            self._away = error is not None
            if error is not None:
                logger.error("the database cannot be written", extra={"database": self.name, "error": str(error)})
            else:
                logger.info("the database can be written again", extra={"database": self.name})


def _dialect(url: str) -> Dialect:
    scheme = url.partition(":")[0]
    if scheme not in KINDS:
        raise ConfigError(
            f"DATABASE_URL={scheme}:... is not supported; use sqlite:///bellwether.db or postgresql://user@host/name"
        )
    module, name = KINDS[scheme]
    made: Dialect = getattr(import_module(module), name)(url)
    return made
