"""Opens the database for subcommands that need one: on the way they make no file and change no schema."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.config import Settings
from bot.domain.errors import ConfigError, StoreUnavailable
from bot.store import schema
from bot.store.database import Database


@dataclass(frozen=True)
class Refusal:
    """Why this program cannot use the database as it is, and what to do."""

    words: str
    mends_itself: bool
    """The next `bellwether run` mends it."""


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Open the database; raises ConfigError where there is none, or one of another version."""
    database = Database(settings.environment.database_url)
    try:
        if found := refusal(database):
            raise ConfigError(found.words)
        yield database
    finally:
        database.close()


def refusal(database: Database) -> Refusal | None:
    """Return why the database cannot be used, None when it can."""
    path = database.name
    if database.file is not None and not database.file.exists():
        return Refusal(f"there is no database {path} yet; `bellwether run` or `bellwether db upgrade` makes it", True)
    try:
        version = asyncio.run(database.read(schema.current))
    except StoreUnavailable as e:
        return Refusal(f"{e}; see DATABASE_URL, or restore a backup", False)
    if version is None:
        return Refusal(f"{path} has no tables yet; `bellwether run` or `bellwether db upgrade` makes them", True)
    if version > schema.HEAD:
        words = f"{path} has schema {version}, this program knows {schema.HEAD}; install the newer program"
        return Refusal(f"{words}, or restore an older backup", False)
    if version < schema.HEAD:
        words = f"{path} has schema {version}, this program needs {schema.HEAD}"
        return Refusal(f"{words}; `bellwether run` or `bellwether db upgrade` upgrades it", True)
    return None
