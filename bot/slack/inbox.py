"""What Slack sent us, stored before Bolt acknowledges it: what comes again is done once, none is lost.

Slack sends events again (platforms.md section 3), people press twice, and send a form again whose acknowledgement was
lost. What was stored and finished is acknowledged and dropped; an event that was stored but not finished, because we
died or failed, is done again. The rows are kept for longer than Slack sends again (`store.retention`).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.slack import owed
from bot.store import leases
from bot.store.prepared import prepared
from bot.store.tables import Delivery

SOURCE = "slack"
DOUBLE_CLICK = timedelta(seconds=3)
"""The same button of the same message, pressed by the same person this soon again, was pressed once."""
IN_HAND = timedelta(seconds=20)
"""Longer than any call of a listener: after that whoever had it died."""
LOOK_BACK = 5
"""So many earlier times of the same subject are compared."""


@dataclass(frozen=True)
class Stored:
    """One payload of Slack in the inbox."""

    id: int
    finished: bool
    in_hand: bool = False
    """Another replica does it at this moment."""


@dataclass(frozen=True)
class Name:
    """What names a payload: what it is about; where that may happen more than once, which time this is."""

    subject: str
    trigger: str = ""
    once: timedelta = timedelta(0)
    """Another time this soon after one that is finished is the same deed."""


def identity(body: Mapping[str, Any]) -> Name | None:
    """Return what names this payload; None for one that may come as often as it likes."""
    trigger = str(body.get("trigger_id") or "")
    if body.get("event_id"):
        return Name(str(body["event_id"]))
    if body.get("type") == "block_actions":
        return Name(_button(body), trigger, once=DOUBLE_CLICK)
    if body.get("type") == "view_submission":
        return Name(str(body["view"]["id"]), trigger, once=timedelta.max)
    return Name(trigger) if trigger else None


def takes_time(body: Mapping[str, Any]) -> bool:
    """Return whether it is done only when its listener says so; nobody sends anything else again."""
    return "event_id" in body or body.get("type") == "view_submission"


def keep(
    db: Session, name: Name, body: Mapping[str, Any], now: datetime, replica: str, *, answered: bool = False
) -> Stored:
    """Store a payload, or find it again, and take it in hand for REPLICA until it is let go.

    What takes no time counts as finished at once, and is in nobody's hand; a command is owed its answer, unless it is
    ANSWERED without having been stored.
    """
    slow = takes_time(body)
    ours = not slow or leases.take(db, replica, [_claim(name.subject)], IN_HAND)
    row = next((row for row in _newest(db, name.subject) if _is_same(row, name, now)), None)
    known = row is not None
    if row is None:
        safe = {k: v for k, v in body.items() if k not in ("token", "response_url", "response_urls")}
        packed = zlib.compress(to_json(safe), 1)
        row = Delivery(source=SOURCE, digest=name.subject, received_at=now, last_at=now, body=packed)
        row.content_type = "application/json"
        row.recorded = 0 if slow else 1
    else:
        row.repeats, row.last_at = row.repeats + 1, now
    db.add(row)
    db.flush()
    assert row.id is not None
    if answered:
        owed.paid(db, row.id)
    elif not known and "command" in body and body.get("response_url"):
        owed.owe(db, row.id, replica, now, body["response_url"])
    if row.recorded and slow:
        let_go(db, name.subject, replica)
    return Stored(row.id, finished=known and row.recorded > 0, in_hand=not ours)


@prepared
def _newest(subject: str) -> SelectOfScalar[Delivery]:
    times = select(Delivery).where(Delivery.source == SOURCE, Delivery.digest == subject)
    return times.order_by(col(Delivery.id).desc()).limit(LOOK_BACK)


def finish(db: Session, delivery_id: int) -> None:
    """Write that a payload was done."""
    db.exec(update(Delivery).where(col(Delivery.id) == delivery_id).values(recorded=1))
    owed.paid(db, delivery_id)


def let_go(db: Session, subject: str, replica: str) -> None:
    """Say that REPLICA does no more for what is about SUBJECT: whoever gets it again may do it."""
    leases.give_back(db, replica, [_claim(subject)])


def _claim(subject: str) -> str:
    return f"{leases.EVENT}{subject}"


def _button(body: Mapping[str, Any]) -> str:
    """Return what names a click: who, where, on which message, which button as it was shown."""
    action, container = body["actions"][0], body.get("container") or {}
    place = (container.get("channel_id"), container.get("message_ts"), container.get("view_id"))
    option = (action.get("selected_option") or {}).get("value")
    pressed = (body["user"]["id"], *place, action.get("action_id"), action.get("value"), option)
    return sha256(repr(pressed).encode()).hexdigest()


def _is_same(row: Delivery, name: Name, now: datetime) -> bool:
    """Return whether ROW is the deed NAME: sent again as it was, or done again too soon to be meant so."""
    if row.recorded and now - row.received_at < name.once:
        return True
    return not name.trigger or str(from_json(zlib.decompress(row.body)).get("trigger_id")) == name.trigger
