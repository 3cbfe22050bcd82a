"""Touch, claim and settle of projections, against bare updates of the same rows in the same database.

The bare loop is the ceiling: one statement and one row a transaction, which group commit gathers as it does for us.
A turn is three transactions: touch, claim, settle. Interleaved rounds, in memory of this process; nothing is sent.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import text
from sqlmodel import Session

from benchmarks.figures import Figure
from bot.store import schema
from bot.store.database import Database
from bot.store.projection import claim, settle_shown, touch

KEYS, AT_ONCE, ROUNDS, ROUND_S = 1_000, 64, 3, 1.5
START = datetime(2026, 11, 20, 7, 40, tzinfo=UTC)
BARE = text("UPDATE projection SET generation = generation + 0 WHERE key = :key")


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bellwether.db'}")
        try:
            await database.write(schema.upgrade)
            await database.write(touch, START, *(key(n) for n in range(KEYS)))
            return await _compared(database)
        finally:
            await asyncio.to_thread(database.close)


async def _compared(database: Database) -> list[Figure]:
    at = START

    async def bare(n: int) -> None:
        await database.write(_update, key(n % KEYS))

    async def turn(n: int) -> None:
        nonlocal at
        at += timedelta(seconds=1)  # so that nothing has to wait for a calm moment
        now, name = at, f"slack/turn/{n % KEYS}"
        await database.write(touch, now, name, urgent=True)
        held = await database.write(claim, now, "slack/turn/")
        if held is not None:
            await database.write(settle_shown, now, held, remote_id=f"C1:{held.key}", shown=held.lease)

    bares, turns = [], []
    for _ in range(ROUNDS):
        bares.append(await _per_second(bare))
        turns.append(await _per_second(turn))
    share = median(3 * ours / ceiling for ours, ceiling in zip(turns, bares, strict=True))
    return [
        Figure("bare updates, a row each", f"{median(bares):,.0f}/s", "100%"),
        Figure(
            "touch, claim and settle",
            f"{median(turns):,.0f} turns/s",
            f"{share:.0%} of as many transactions",
        ),
    ]


async def _per_second(work: Callable[[int], Awaitable[None]]) -> float:
    """Do WORK again and again, AT_ONCE side by side; returns how often a second."""
    begun = time.monotonic()
    done = 0

    async def worker() -> None:
        nonlocal done
        while time.monotonic() - begun < ROUND_S:
            done += 1
            await work(done)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return done / (time.monotonic() - begun)


def _update(db: Session, name: str) -> None:
    db.connection().execute(BARE, {"key": name})


def key(n: int) -> str:
    return f"slack/group/{n}"
