"""What Slack sent us, stored before Bolt acknowledges it: an event that comes again is done once, none is lost.

Only events are sent again by Slack (platforms.md section 3). One that was stored and finished is acknowledged and
dropped; one that was stored but not finished, because we died or failed, is done again.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import update
from sqlmodel import Session, col, select

from bot.store.tables import Delivery

SOURCE = "slack"


@dataclass(frozen=True)
class Stored:
    """One payload of Slack in the inbox."""

    id: int
    finished: bool


def identity(body: Mapping[str, Any]) -> str | None:
    """Return what names this payload: the event id, or the trigger id of a command, click or submission."""
    name = body.get("event_id") or body.get("trigger_id")
    return str(name) if name else None


def keep(db: Session, name: str, body: Mapping[str, Any], now: datetime) -> Stored:
    """Store a payload, or find it again."""
    row = db.exec(select(Delivery).where(Delivery.source == SOURCE, Delivery.digest == name)).first()
    if row is None:
        safe = {k: v for k, v in body.items() if k not in ("token", "response_url", "response_urls")}
        packed = zlib.compress(to_json(safe), 1)
        row = Delivery(source=SOURCE, digest=name, received_at=now, last_at=now, body=packed)
        row.content_type = "application/json"
    else:
        row.repeats, row.last_at = row.repeats + 1, now
    db.add(row)
    db.flush()
    assert row.id is not None
    return Stored(row.id, finished=row.recorded > 0)


def finish(db: Session, delivery_id: int) -> None:
    """Write that a payload was done."""
    db.exec(update(Delivery).where(col(Delivery.id) == delivery_id).values(recorded=1))
