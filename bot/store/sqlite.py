"""SQLite: one file, nothing to set up, one process."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from bot.domain.errors import ConfigError
from bot.store.many import KEPT

BUSY_S = 2
"""Others write for milliseconds; a delivery may wait twice, and GitHub waits 10 s for its answer."""
UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
}
"""What is wrong with the file or its disk, not with what was asked. https://www.sqlite.org/rescode.html"""


class Sqlite:
    """One SQLite file, in WAL, with durable commits."""

    pauses = ()  # the driver has waited already

    def __init__(self, url: str) -> None:
        """Open URL, `sqlite:///path`; raises ConfigError when there is no folder for it."""
        self.file: Path | None = Path(url.removeprefix("sqlite:///"))
        self.name = str(self.file)
        if not self.file.parent.is_dir():
            raise ConfigError(f"DATABASE_URL={url}: the folder {self.file.parent} does not exist; create it first")
        self._writing = engine(url, "BEGIN IMMEDIATE")
        self._reading = engine(url, "BEGIN")

    def run(self, body: Callable[[Session], None], *, writing: bool) -> None:
        """Run BODY with a session; the engines are shared by the threads."""
        with Session(self._writing if writing else self._reading, autoflush=writing, expire_on_commit=False) as db:
            body(db)

    def begin(self, db: Session) -> str:
        """Begin by taking the file's lock: a locked database costs a batch one wait, not each job its own."""
        db.connection()
        return ""

    def committed(self, _db: Session, _mark: str) -> bool:
        """Return False: a commit that failed did not take place."""
        return False

    def unavailable(self, error: Exception) -> bool:
        """Return whether ERROR is about the file or its disk."""
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        return isinstance(cause, sqlite3.Error) and (getattr(cause, "sqlite_errorcode", 0) & 0xFF) in UNAVAILABLE

    def size(self, _db: Session) -> int:
        """Return the size of the file and its journal."""
        files = (Path(self.name), Path(f"{self.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def number_on(self, _db: Session) -> None:
        """Nothing to do: SQLite looks at the highest number itself."""

    def bell(self) -> None:
        """Return None: who shares a file looks now and then."""

    def close(self) -> None:
        """Close the connections."""
        self._writing.dispose()
        self._reading.dispose()


def engine(url: str, begin: str) -> sa.Engine:
    """Return an engine whose transactions start with BEGIN: the driver's own would start them too late.

    Its errors are logged, so they show no values: those may be secrets, or a whole payload.
    """
    given = {"check_same_thread": False, "timeout": BUSY_S, "cached_statements": KEPT}
    made = sa.create_engine(url, connect_args=given, hide_parameters=True)

    @sa.event.listens_for(made, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        if begin == "BEGIN":
            connection.execute("PRAGMA query_only=ON")

    @sa.event.listens_for(made, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return made
