"""The ceiling on PostgreSQL: asyncpg alone stores deliveries and alerts, many in one commit, and does nothing else."""

import asyncio
import zlib
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import asyncpg
from pydantic_core import to_json

from bot.domain.facts import AlertFact, Fact, Unmapped
from bot.ports import Delivery

LANES, MOST = 2, 64
STORE = """
    INSERT INTO delivery (source, digest, received_at, last_at, body, content_type, repeats, recorded, duplicate,
        unmapped, reason)
    SELECT source, digest, at, at, body, 'application/json', 0, 5, 0, 0, ''
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bytea[]) AS given (source, digest, at, body)
"""
RECORD = """
    INSERT INTO alert (source, fingerprint, starts_at, group_id, name, status, stage, feature, summary, unit,
        runbook_url, source_url, labels, updated_at)
    SELECT source, fingerprint, starts_at, 1, name, status, stage, feature, summary, '', runbook_url, source_url,
        labels::json, at
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::timestamptz[])
        AS given (source, fingerprint, starts_at, name, status, stage, feature, summary, runbook_url, source_url,
        labels, at)
    ON CONFLICT (source, fingerprint, starts_at)
    DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at
"""

Waiting = tuple[Delivery, Sequence[Fact | Unmapped], asyncio.Future[None]]


class Raw:
    """What waits for the database; whoever comes while two commits are under way is part of the next one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue()
        self._lanes: list[asyncio.Task[None]] = []

    async def take(self, delivery: Delivery, facts: Sequence[Fact | Unmapped]) -> None:
        """Return after the commit."""
        if not self._lanes:
            self._lanes = [asyncio.create_task(self._work()) for _ in range(LANES)]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((delivery, facts, done))
        await done

    async def _work(self) -> None:
        connection = await asyncpg.connect(self._url)
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < MOST and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            async with connection.transaction():
                await connection.execute(STORE, *_columns([_stored(delivery) for delivery, _, _ in batch]))
                alerts = [_alert(d, f) for d, facts, _ in batch for f in facts if isinstance(f, AlertFact)]
                await connection.execute(RECORD, *_columns(sorted(alerts)))
            for _, _, done in batch:
                done.set_result(None)


def _stored(delivery: Delivery) -> tuple[Any, ...]:
    digest = sha256(delivery.body).hexdigest()
    return delivery.source, digest, delivery.received_at, zlib.compress(delivery.body, 1)


def _alert(delivery: Delivery, fact: AlertFact) -> tuple[Any, ...]:
    return (
        delivery.source,
        fact.fingerprint,
        fact.starts_at,
        fact.name,
        fact.status.value,
        fact.stage,
        fact.feature,
        fact.summary,
        fact.runbook_url,
        fact.source_url,
        to_json(fact.labels).decode(),
        delivery.received_at,
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))
