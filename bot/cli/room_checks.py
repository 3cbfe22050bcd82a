"""What doctor says of writing: nobody else holds the database, and its disk has room."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import Session

from bot.cli.checks import Check, good, problem, warning
from bot.domain.errors import StoreUnavailable
from bot.store.database import Database

MEGABYTE = 1_000_000
FULL, LITTLE = 16, 512
"""Megabytes: with less than FULL free a commit may fail at any moment, less than LITTLE is gone in a bad night."""
REFUSED = "Deliveries are answered 503 until then, their senders try again, and the bot goes on by itself"


def checks(database: Database) -> Iterator[Check]:
    """Yield what would keep the bot from writing; nothing is written."""
    try:
        asyncio.run(database.write(_nothing))
    except StoreUnavailable as e:
        yield problem("database writes", f"{e}. {_advice(database.file)}. {REFUSED}")
        return
    if database.file is None:
        yield good("database writes", "can be written")
    else:
        yield _room(database.file.resolve().parent)


def _room(folder: Path) -> Check:
    """Return whether a database in FOLDER can grow."""
    free = shutil.disk_usage(folder).free / MEGABYTE
    left = f"{free:,.0f} MB free in {folder}"
    if free < FULL:
        return problem("database writes", f"only {left}: make room there. {REFUSED}")
    if free < LITTLE:
        return warning("database writes", f"only {left}; when it is full, deliveries are refused (503)")
    return good("database writes", f"can be written, {left}")


def _advice(file: Path | None) -> str:
    """Return what to do about a database that cannot be written."""
    if file is None:
        return "Look after the server, and DATABASE_URL"
    if not os.access(file, os.W_OK):
        return f"Let the bot's user write {file}"
    return f"End what holds it (`fuser {file}` names the processes), or make room on its disk"


def _nothing(_db: Session) -> None:
    """Change nothing: to begin is enough to know that one may write."""
