"""The raw inbox: every delivery as it came, before anybody makes something of it, and who was heard when."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Integer
from sqlmodel import Session, col, select

from bot.domain import keys
from bot.ports import Delivery as Request
from bot.store.many import Many, types_of
from bot.store.projection import touch, touch_existing
from bot.store.queries.sources import SILENT
from bot.store.tables import Delivery, Heartbeat, Incident

REPEAT = timedelta(minutes=2)
"""The same body from the same source within this time is the sender's retry, even when its events have no identity.

Alerts always have one, so they are read again.
"""

TOLD_OF = timedelta(days=30)
"""How old an incident may be whose list of changes still learns that a source speaks now."""

NEW = ("source", "digest", "received_at", "last_at", "content_type", "body", "recorded", "unmapped", "reason")
COUNTS = ("id", "recorded", "duplicate", "unmapped", "reason")

_same = Many(
    """
    SELECT j.column1, d.id, d.unmapped FROM (VALUES {rows}) AS j CROSS JOIN delivery AS d
    WHERE d.source = j.column2 AND d.digest = j.column3 AND d.last_at > :recent ORDER BY d.id
    """,
    Integer(),
    *types_of(Delivery, "source", "digest"),
    recent=types_of(Delivery, "last_at")[0],
)
_insert = Many(
    f"""
    INSERT INTO delivery ({", ".join(NEW)}, repeats, duplicate)
    SELECT j.*, 0, 0 FROM (VALUES {{rows}}) AS j WHERE NOT EXISTS (
        SELECT 1 FROM delivery AS d WHERE d.source = j.column1 AND d.digest = j.column2 AND d.last_at > :recent
    ) RETURNING id, source, digest
    """,  # noqa: S608 - only our own column names
    *types_of(Delivery, *NEW),
    recent=types_of(Delivery, "last_at")[0],
)
_repeat = Many(
    "UPDATE delivery SET repeats = repeats + 1, last_at = :now FROM (VALUES {rows}) AS j WHERE delivery.id = j.column1",
    *types_of(Delivery, "id"),
    now=types_of(Delivery, "last_at")[0],
)
_count = Many(
    """
    UPDATE delivery SET recorded = recorded + j.column2, duplicate = duplicate + j.column3, unmapped = j.column4,
        reason = j.column5
    FROM (VALUES {rows}) AS j WHERE delivery.id = j.column1
    """,
    *types_of(Delivery, *COUNTS),
)
_hear_again = Many(
    """
    UPDATE heartbeat SET last_at = :now, deliveries = deliveries + j.column2 FROM (VALUES {rows}) AS j
    WHERE heartbeat.source = j.column1 AND heartbeat.last_at >= :silent RETURNING source
    """,
    *types_of(Heartbeat, "source", "deliveries"),
    now=types_of(Heartbeat, "last_at")[0],
    silent=types_of(Heartbeat, "last_at")[0],
)
_hear = Many(
    """
    INSERT INTO heartbeat (source, last_at, deliveries) VALUES {rows}
    ON CONFLICT (source) DO UPDATE SET
        last_at = excluded.last_at, deliveries = heartbeat.deliveries + excluded.deliveries
    """,
    *types_of(Heartbeat, "source", "last_at", "deliveries"),
)


@dataclass(frozen=True)
class Kept:
    """A delivery in the inbox."""

    id: int
    source: str
    repeated: bool = False
    """The same body came a moment ago."""
    unmapped: int = 0
    """What of it could not be read when it came before."""
    presumed: int | None = None
    """How many facts its row counts as recorded, before anybody tried; None: it counts what became of it earlier."""


Said = tuple[int, int, str]
"""How many facts a delivery states, how much of it could not be read, and why."""


def keep(db: Session, requests: Sequence[Request], said: Sequence[Said], now: datetime) -> list[Kept]:
    """Store deliveries, no two of them equal; of one that a retry just repeats there is a row already.

    A new row counts all that was SAID as recorded: most news are, so few rows have to be written again.
    """
    digests = [sha256(request.body).hexdigest() for request in requests]
    rows = [
        (
            request.source,
            digest,
            now,
            now,
            request.headers.get("content-type", ""),
            zlib.compress(request.body, 1),
            *what,
        )
        for request, digest, what in zip(requests, digests, said, strict=True)
    ]
    recent = now - REPEAT
    created = {(source, digest): number for number, source, digest in _insert.run(db, rows, recent=recent)}
    named = [(n, request.source, digest) for n, (request, digest) in enumerate(zip(requests, digests, strict=True))]
    old = [row for row in named if row[1:] not in created]
    again = {
        n: Kept(number, requests[n].source, repeated=True, unmapped=unmapped)
        for n, number, unmapped in _same.run(db, old, recent=recent)
    }
    _repeat.run(db, [(row.id,) for row in again.values()], now=now)
    return [again.get(n) or Kept(created[source, digest], source, presumed=said[n][0]) for n, source, digest in named]


def count(db: Session, outcomes: Sequence[tuple[int, int, int, int, str]]) -> None:
    """Write what deliveries came to: (id, recorded, duplicate, unmapped, why), the first two are added."""
    _count.run(db, outcomes)


def hear(db: Session, sources: Counter[str], now: datetime) -> None:
    """Note that SOURCES speak; what shows who is heard is touched when one does for the first time, or again."""
    heard = {row[0] for row in _hear_again.run(db, sorted(sources.items()), now=now, silent=now - SILENT)}
    if silent := sorted(sources.keys() - heard):
        last = dict(db.exec(select(Heartbeat.source, Heartbeat.last_at).where(col(Heartbeat.source).in_(silent))).all())
        since = min(last[name] + SILENT if name in last else now - TOLD_OF for name in silent)
        shows = select(Incident.id).where(col(Incident.opened_at) > max(since, now - TOLD_OF))
        touch(db, now, *(keys.incident_changes(i) for i in db.exec(shows).all() if i is not None))
        touch_existing(db, now, keys.ALL_HOMES)
        _hear.run(db, [(name, now, sources[name]) for name in silent])
