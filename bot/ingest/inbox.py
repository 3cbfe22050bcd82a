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

NEW = ("source", "digest", "received_at", "last_at", "content_type", "body")
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
    INSERT INTO delivery ({", ".join(NEW)}, repeats, recorded, duplicate, unmapped, reason)
    SELECT j.*, 0, 0, 0, 0, '' FROM (VALUES {{rows}}) AS j RETURNING id, source, digest
    """,  # noqa: S608 - only our own column names
    *types_of(Delivery, *NEW),
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
_silent = Many(
    """
    SELECT j.column1 FROM (VALUES {rows}) AS j LEFT JOIN heartbeat AS h ON h.source = j.column1
    WHERE h.last_at IS NULL OR h.last_at < :silent
    """,
    *types_of(Heartbeat, "source"),
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


def keep(db: Session, requests: Sequence[Request], now: datetime) -> list[Kept]:
    """Store deliveries, no two of them equal; of one that a retry just repeats there is a row already."""
    digests = [sha256(request.body).hexdigest() for request in requests]
    named = [(n, request.source, digest) for n, (request, digest) in enumerate(zip(requests, digests, strict=True))]
    again = {
        n: Kept(number, requests[n].source, repeated=True, unmapped=unmapped)
        for n, number, unmapped in _same.run(db, named, recent=now - REPEAT)
    }
    _repeat.run(db, [(row.id,) for row in again.values()], now=now)
    rows = [
        (request.source, digests[n], now, now, request.headers.get("content-type", ""), zlib.compress(request.body, 1))
        for n, request in enumerate(requests)
        if n not in again
    ]
    created = {(source, digest): number for number, source, digest in _insert.run(db, rows)}
    return [again.get(n) or Kept(created[source, digest], source) for n, source, digest in named]


def count(db: Session, outcomes: Sequence[tuple[int, int, int, int, str]]) -> None:
    """Write what deliveries came to: (id, recorded, duplicate, unmapped, why), the first two are added."""
    _count.run(db, outcomes)


def hear(db: Session, sources: Counter[str], now: datetime) -> None:
    """Note that SOURCES speak; what shows who is heard is touched when one does for the first time, or again."""
    names = sorted(sources)
    if silent := {row[0] for row in _silent.run(db, [(name,) for name in names], silent=now - SILENT)}:
        last = dict(db.exec(select(Heartbeat.source, Heartbeat.last_at).where(col(Heartbeat.source).in_(silent))).all())
        since = min(last[name] + SILENT if name in last else now - TOLD_OF for name in silent)
        shows = select(Incident.id).where(col(Incident.opened_at) > max(since, now - TOLD_OF))
        touch(db, now, *(keys.incident_changes(i) for i in db.exec(shows).all() if i is not None))
        touch_existing(db, now, keys.ALL_HOMES)
    _hear.run(db, [(name, now, sources[name]) for name in names])
