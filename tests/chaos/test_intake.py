"""Intake under full load is killed again and again: what it answered 202 for is there, and nothing by halves."""

import asyncio
import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks.alerts import requests
from benchmarks.client import Connection
from benchmarks.programs import Program, free_port
from bot.store.database import Database
from tests.chaos.conftest import LONG

ROUNDS = 100 if LONG else 2
CONNECTIONS, ALERTS = 32, 5
FIRST_S = 30.0
START = datetime(2026, 11, 20, 7, 40, tzinfo=UTC)

TORN = {
    "alerts without their delivery": "SELECT count(*) FROM alert WHERE delivery_id NOT IN (SELECT id FROM delivery)",
    "deliveries without their alerts": """
        SELECT count(*) FROM delivery LEFT JOIN (SELECT delivery_id, count(*) AS alerts FROM alert GROUP BY delivery_id)
            AS a ON a.delivery_id = delivery.id WHERE recorded <> coalesce(alerts, 0)
    """,
    "deliveries that nobody counted": "SELECT count(*) FROM delivery WHERE recorded + duplicate <> 5",
    "groups that count otherwise": """
        SELECT count(*) FROM alert_group LEFT JOIN (SELECT group_id, count(*) AS alerts FROM alert GROUP BY group_id)
            AS a ON a.group_id = alert_group.id WHERE total <> coalesce(alerts, 0) OR firing <> total
    """,
    "groups that nobody draws": """
        SELECT count(*) FROM alert_group WHERE storm_id IS NULL
            AND 'slack/group/' || id NOT IN (SELECT key FROM projection)
    """,
}


async def test_what_was_answered_is_there_and_nothing_by_halves(
    database_url: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    terminal = pytestconfig.get_terminal_writer()
    port, dice = free_port(), random.Random(20261120)
    program = Program(
        (sys.executable, "-m", "benchmarks.server", "bot", str(port), database_url), port, tmp_path / "bot.log"
    )
    numbered = enumerate(requests(START))
    acknowledged: set[str] = set()
    try:
        for number in range(ROUNDS):
            await program.start()
            before = len(acknowledged)
            senders = [asyncio.create_task(_send(port, numbered, acknowledged)) for _ in range(CONNECTIONS)]
            async with asyncio.timeout(FIRST_S):
                while len(acknowledged) == before:  # noqa: ASYNC110 - the other side's state
                    await asyncio.sleep(0.01)
            await asyncio.sleep(dice.uniform(0, 1))
            await program.kill()
            await asyncio.gather(*senders)
            recorded, torn = await _found(database_url)
            assert acknowledged <= recorded
            assert not any(torn.values()), torn
            seen = f"{len(acknowledged):,} alerts acknowledged, {len(recorded):,} recorded"
            terminal.write(f"\r{number + 1}/{ROUNDS} kills under load: {seen}, 0 lost, 0 torn ", flush=True)
    finally:
        await program.kill()


async def _send(port: int, numbered: Iterator[tuple[int, bytes]], acknowledged: set[str]) -> None:
    """Send until the server is gone; note the fingerprints of the alerts for which there was an answer."""
    with suppress(OSError):
        connection = await Connection.open(port)
        while True:
            number, request = next(numbered)
            await connection.ask(request)
            acknowledged |= {f"{alert:016d}" for alert in range(number * ALERTS, (number + 1) * ALERTS)}


async def _found(url: str) -> tuple[set[str], dict[str, int]]:
    """Return the fingerprints in the database, and how many rows are torn, by what is wrong with them."""
    database = Database(url)
    try:
        recorded = await database.read(lambda db: set(db.execute(text("SELECT fingerprint FROM alert")).scalars()))
        torn = await database.read(lambda db: {what: db.execute(text(q)).scalar_one() for what, q in TORN.items()})
    finally:
        database.close()
    return recorded, torn
