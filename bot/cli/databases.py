"""`bellwether db upgrade`, and `backup` and `restore` of the whole database where it is one SQLite file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from bot.config import Settings
from bot.domain.errors import ConfigError
from bot.store import schema
from bot.store.database import Database

WAIT_S = 5
"""How long to wait for a writer in the middle of a commit."""


def upgrade(settings: Settings) -> int:
    """Make or upgrade the tables."""
    database = Database(settings.environment.database_url)
    try:
        before = database.submit(schema.upgrade).result()
    finally:
        database.close()
    if before == schema.HEAD:
        print(f"{database.name}: schema {before} already")
    else:
        print(f"{database.name}: schema {schema.HEAD}, was {before or 'empty'}")
    return 0


def backup(settings: Settings, target: Path) -> int:
    """Copy the database, of one moment, into the new file TARGET while the bot goes on; 1 when TARGET exists."""
    origin = _path(settings)
    if not origin.exists():
        raise ConfigError(f"there is no database {origin} to copy; see DATABASE_URL")
    try:
        target.open("xb").close()
    except FileExistsError:
        print(f"✗ {target} exists, and a backup never writes over a file; name another one")
        return 1
    except OSError as e:
        raise ConfigError(f"{target}: cannot be written: {e.strerror}") from e
    try:
        _copy(origin, target)
        trouble = _trouble(target)
    except sqlite3.DatabaseError as e:
        trouble = str(e)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if trouble:
        target.unlink(missing_ok=True)
        print(f"✗ {origin} cannot be copied to {target}: {trouble}")
        return 1
    print(f"✓ {target}: {target.stat().st_size:,} bytes, schema {_version(target)}")
    return 0


def restore(settings: Settings, origin: Path) -> int:
    """Put ORIGIN in place of the database, which is kept beside it; 1 when a process has the database open."""
    path = _path(settings)
    if not origin.exists():
        raise ConfigError(f"{origin}: no such file")
    if trouble := _trouble(origin):
        print(f"✗ {origin} is not restored: {trouble}")
        return 1
    arriving = path.with_name(path.name + ".restoring")
    arriving.unlink(missing_ok=True)
    try:
        _copy(origin, arriving)
        kept = _replace(path, arriving)
    except _InUseError:
        print(f"✗ a process has {path} open: stop the bot (and every other `bellwether`), then try again")
        return 1
    except (sqlite3.DatabaseError, OSError) as e:
        print(f"✗ {path} is left as it was: {e}")
        return 1
    finally:
        arriving.unlink(missing_ok=True)
    print(f"✓ {path} is {origin} now, schema {_version(path)}" + (f"; what it was is {kept}" if kept else ""))
    return 0


class _InUseError(Exception):
    """Another process has the database open."""


def _path(settings: Settings) -> Path:
    database = Database(settings.environment.database_url)
    database.close()
    if database.file is None:
        raise ConfigError(f"{database.name} is backed up by pg_dump and brought back by pg_restore, PostgreSQL's own")
    return database.file


def _copy(origin: Path, target: Path) -> None:
    """Copy a database of one moment into TARGET, as one file without a journal beside it."""
    with _connected(origin) as source, _connected(target) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")


def _replace(path: Path, arriving: Path) -> Path | None:
    """Move ARRIVING to PATH while nobody has PATH open; returns where the old file is. Raises _InUseError."""
    if not path.exists():
        arriving.replace(path)
        return None
    kept = next(k for n in count(1) if not (k := path.with_name(f"{path.name}.before-restore-{n}")).exists())
    with _connected(path) as old:
        try:
            # Leaving WAL needs to be the only connection and empties the journal; in WAL itself BEGIN EXCLUSIVE only
            # notices a commit that is under way. https://www.sqlite.org/pragma.html#pragma_journal_mode
            old.execute("PRAGMA journal_mode=DELETE")
            old.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise _InUseError from e
            raise
        except sqlite3.DatabaseError:
            _set_journal_aside(path, kept)  # broken: the very reason to restore
        kept.hardlink_to(path)
        arriving.replace(path)
    return kept


def _set_journal_aside(path: Path, kept: Path) -> None:
    """Move the journal of a broken database, which must not be applied to the next one."""
    for suffix in ("-wal", "-shm", "-journal"):
        journal = path.with_name(path.name + suffix)
        if journal.exists():
            journal.replace(kept.with_name(kept.name + suffix))


def _trouble(file: Path) -> str | None:
    """Return why FILE is not a whole database of ours that this program can use."""
    try:
        with _connected(file) as db:
            (result,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            if result != "ok":
                return f"it is damaged ({result})"
            if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
                return "it is not a database of Bellwether"
    except sqlite3.DatabaseError as e:
        return f"it is not a whole database ({e})"
    version = _version(file)
    if version is None or version > schema.HEAD:
        return f"it has schema {version}, this program knows {schema.HEAD}; run the newer program"
    return None


def _version(file: Path) -> str | None:
    with _connected(file) as db:
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


@contextmanager
def _connected(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, timeout=WAIT_S, isolation_level=None)) as connection:
        yield connection
