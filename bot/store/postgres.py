"""PostgreSQL: for several replicas. asyncpg under SQLAlchemy's async engine, an event loop in each of our threads.

The writers of all replicas take turns by one advisory lock, so a transaction may read and then write as on SQLite
(docs/decisions/0007-postgresql-writers-take-turns.md). What fails because a connection was lost, or because of what
another session did, is tried again as a whole; when a commit's answer was lost, the server knows whether it took place.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlmodel import Session, SQLModel

from bot.domain.errors import ConfigError, StoreUnavailable
from bot.store.bell import NotifyBell
from bot.store.many import KEPT

WRITERS = 0x42454C4C  # "BELL"
"""The advisory lock of all who write."""
CONNECT_S, ANSWER_S, CLOSE_S = 5, 60, 2
SETTINGS = {
    "application_name": "bellwether",
    "idle_in_transaction_session_timeout": "5s",  # a replica that stands still must not hold up the others
    "jit": "off",  # it pays for statements of seconds; ours take milliseconds, and compiling takes longer
}
SEEKING = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off")
"""Who writes asks for few rows of large tables, by an index. The server makes the plan of a statement that stays
prepared while the tables are still small, and then goes through all of a table that has grown, until it is analyzed."""
WRITING = {"lock_timeout": "6s", **SEEKING}
STILL_S = 5.0
"""Whoever has its turn and says nothing for so long stands still."""
READING = {"default_transaction_read_only": "on", "default_transaction_isolation": "repeatable read"}
UNAVAILABLE = ("08", "28", "3D", "40", "53", "55", "57", "58", "25006", "25P03")
"""How the SQLSTATE begins when a connection, the server or another session is at fault, not what was asked.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""
WAITED_LONG = "55P03"
"""The SQLSTATE of `lock_timeout`."""
FATE_S = 30.0
"""How long to ask what became of a commit whose answer was lost."""

TURN = f"SELECT pg_advisory_xact_lock({WRITERS}), CAST(pg_current_xact_id() AS text)"
END_WHO_STANDS_STILL = sa.text(
    f"""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE datname = current_database() AND locktype = 'advisory' AND objid = {WRITERS} AND granted
        AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - make_interval(secs => :still)
    """  # noqa: S608 - a number of ours
)
"""`idle_in_transaction_session_timeout` misses who stopped between the halves of a question: asyncpg sends one that it
asks for the first time in two, and the server takes it as busy until the second has come."""


class Postgres:
    """One PostgreSQL database."""

    pauses = (0.1, 1.0)
    file = None

    def __init__(self, url: str) -> None:
        """Connect later, when first used; raises ConfigError when URL names no database."""
        parts = urlsplit(url)
        if not parts.path.strip("/"):
            raise ConfigError("DATABASE_URL=postgresql://... names no database; use postgresql://user@host/name")
        self._url = url
        self.name = f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def run(self, body: Callable[[Session], None], *, writing: bool) -> None:
        """Run BODY with a session on an event loop of this thread, over a connection that is its own."""
        asyncio.run(self._run(body, writing=writing))

    async def _run(self, body: Callable[[Session], None], *, writing: bool) -> None:
        own = engine(self._url, SETTINGS | (WRITING if writing else READING))
        made = AsyncSession(own, sync_session_class=Session, autoflush=writing, expire_on_commit=False)
        try:
            async with made as session:
                await session.run_sync(lambda db: body(cast(Session, db)))
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await own.dispose()

    def begin(self, db: Session) -> str:
        """Wait for our turn among the writers of all replicas, and no longer for one that stands still."""
        try:
            return str(db.connection().exec_driver_sql(TURN).one()[1])
        except sa.exc.DBAPIError as e:
            if _state(e) == WAITED_LONG:
                db.rollback()
                db.connection().execute(END_WHO_STANDS_STILL, {"still": STILL_S})
            raise

    def committed(self, db: Session, mark: str) -> bool:
        """Ask the server, once it answers again, what became of transaction MARK."""
        until = time.monotonic() + FATE_S
        fate = sa.text("SELECT pg_xact_status(CAST(CAST(:mark AS text) AS xid8))")
        while time.monotonic() < until:
            db.rollback()
            try:
                status = db.connection().execute(fate, {"mark": mark}).scalar()
            except Exception as e:
                if not self.unavailable(e):
                    raise
            else:
                if status != "in progress":
                    return status == "committed"
            time.sleep(self.pauses[0])
        raise StoreUnavailable(f"nobody knows whether transaction {mark} took place")

    def unavailable(self, error: Exception) -> bool:
        """Return whether ERROR is about the connection, the server, or another session."""
        if not isinstance(error, sa.exc.DBAPIError):
            return isinstance(error, OSError)  # of connecting; TimeoutError is one, too
        lost = error.connection_invalidated or isinstance(error, sa.exc.InterfaceError)
        return lost or _state(error).startswith(UNAVAILABLE)

    def size(self, db: Session) -> int:
        """Return the size of the database on the server."""
        query = sa.select(sa.func.pg_database_size(sa.func.current_database()))
        return int(db.connection().execute(query).scalar_one())

    def number_on(self, db: Session) -> None:
        """Set the sequence of each table."""
        for table in SQLModel.metadata.sorted_tables:
            if (number := table.autoincrement_column) is not None:
                sequence = sa.func.pg_get_serial_sequence(sa.func.quote_ident(table.name), number.name)
                highest = sa.select(sa.func.max(number)).scalar_subquery()
                db.connection().execute(sa.select(sa.func.setval(sequence, highest)))

    def bell(self) -> NotifyBell:
        """Return what wakes other replicas."""
        return NotifyBell(self._url)

    def close(self) -> None:
        """Nothing is left: each thread closed its connection."""


def _state(error: sa.exc.DBAPIError) -> str:
    """Return the SQLSTATE."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def engine(url: str, settings: Mapping[str, str]) -> AsyncEngine:
    """Return an engine with one connection, for one event loop; asyncpg reads URL as libpq does."""

    async def connect(*_: Any, **__: Any) -> Any:
        return await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=ANSWER_S, server_settings=dict(settings))

    def create() -> Any:  # as `async_creator` would, which takes no size
        driver: Any = made.dialect.dbapi
        return driver.connect(async_creator_fn=connect, prepared_statement_cache_size=KEPT)

    made = create_async_engine(
        "postgresql+asyncpg://", creator=create, pool_size=1, max_overflow=0, hide_parameters=True
    )
    return made
