"""The engine and the transaction runner; the only module that knows the dialect.

A transaction is a plain sync function `f(db, ...)`. All writes go through one thread with group commit: what queues up
during a commit becomes the next transaction, and every caller is answered after the commit that holds its work. So
`synchronous=FULL` costs little, nothing waits for a lock, and a transaction cannot span a network call. Reads run in a
small pool on their own connections and see the last commit.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from bot.domain.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger(__name__)

READERS = 4
MAX_BATCH = 256
"""Jobs in one commit: enough to make fsync cheap, few enough to keep the wait of the first one short."""

Job = tuple[Callable[[Session], Any], Future[Any]]


class Database:
    """One SQLite file with its writer thread and its readers. `close` it."""

    def __init__(self, url: str) -> None:
        """Open URL, `sqlite:///path`; raises ConfigError when it can't be one of ours."""
        self.path = _path(url)
        if not self.path.parent.is_dir():
            raise ConfigError(f"DATABASE_URL={url}: the folder {self.path.parent} does not exist; create it first")
        self.engine = _engine(url, "BEGIN IMMEDIATE")
        self._reading = _engine(url, "BEGIN")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write_loop, name="writer", daemon=True)
        self._writer.start()

    async def write(self, f: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run F in a transaction of the writer; returns after the commit, raises what F raises (rolled back)."""
        return await asyncio.wrap_future(self.submit(f, *args, **kwargs))

    def submit(self, f: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue F for the writer; for callers that are not on the event loop. Raises RuntimeError after `close`."""
        done: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise RuntimeError("the database is closed")
            self._jobs.put((lambda db: f(db, *args, **kwargs), done))
        return done

    async def read(self, f: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run F on a reader's connection; it sees the last commit and cannot write."""

        def job() -> T:
            with Session(self._reading, autoflush=False) as db:
                return f(db, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._readers, job)

    def waiting(self) -> int:
        """Return how many transactions wait for the writer: the measure of being too busy."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what is queued, then let go of every connection."""
        with self._gate:
            self._closed = True
            self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()
        self._reading.dispose()

    def _write_loop(self) -> None:
        while True:
            first = self._jobs.get()
            if first is None:
                return
            batch = [first]
            last = False
            while len(batch) < MAX_BATCH:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    last = True
                    break
                batch.append(job)
            self._commit(batch)
            if last:
                return

    def _commit(self, batch: list[Job]) -> None:
        """Run the jobs of BATCH in one transaction, each in a savepoint of its own; answer them after the commit."""
        wanted = [(job, done) for job, done in batch if done.set_running_or_notify_cancel()]
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with Session(self.engine, autoflush=True, expire_on_commit=False) as db:
                db.connection()  # begins: a locked database costs the batch one wait, not each job its own
                for job, done in wanted:
                    try:
                        with db.begin_nested():
                            result = job(db)
                        outcomes.append((done, result, None))  # only now: leaving the savepoint may fail, too
                    except Exception as e:  # noqa: BLE001 - the caller gets it; the others' work must go on
                        outcomes.append((done, None, e))
                    db.expunge_all()
                db.commit()
        except Exception as e:
            logger.exception("commit failed", extra={"jobs": len(wanted)})
            outcomes = [(done, None, e) for _, done in wanted]
        for done, result, error in outcomes:
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)


def _path(url: str) -> Path:
    if not url.startswith("sqlite:///"):
        raise ConfigError(f"DATABASE_URL={url.partition(':')[0]}:... is not supported; use sqlite:///bellwether.db")
    return Path(url.removeprefix("sqlite:///"))


def _engine(url: str, begin: str) -> sa.Engine:
    """Return an engine whose transactions start with BEGIN: the driver's own would start them too late."""
    engine = sa.create_engine(url, connect_args={"check_same_thread": False, "timeout": 5}, pool_size=READERS)

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        if begin == "BEGIN":
            connection.execute("PRAGMA query_only=ON")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
