"""What is measured on: a new SQLite file, or a new database on the PostgreSQL server that DATABASE_URL names."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

SERVER = os.environ.get("DATABASE_URL", "")


@asynccontextmanager
async def fresh(folder: Path) -> AsyncIterator[str]:
    """Yield the URL of an empty database, in FOLDER where it is a file; it is dropped afterwards."""
    if not SERVER:
        yield f"sqlite:///{folder / 'bellwether.db'}"
        return
    name = f"bellwether_{uuid4().hex}"
    await _tell(SERVER, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    finally:
        await _tell(SERVER, f"DROP DATABASE {name} WITH (FORCE)")


async def settled(url: str) -> None:
    """Have done what PostgreSQL does by itself, beside its work, after many rows were written; SQLite does nothing."""
    if SERVER:
        await _tell(url, "VACUUM ANALYZE")
        await _tell(url, "CHECKPOINT")


async def _tell(url: str, text: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(text)
    await connection.close()
