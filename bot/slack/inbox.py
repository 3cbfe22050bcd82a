"""What Slack sent us, stored so that what comes again is done once, and none is lost.

Slack sends events again (platforms.md section 3), people press twice, and send a form again whose acknowledgement was
lost. What was stored and finished is acknowledged and dropped; an event that was stored but not finished, because we
died or failed, is done again. The rows are kept for longer than Slack sends again (`store.retention`).
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import Update, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from bot.ingest.receive import without_nul
from bot.slack import owed
from bot.store import leases
from bot.store.many import Many, types_of
from bot.store.prepared import prepared
from bot.store.tables import Delivery

SOURCE = "slack"
DOUBLE_CLICK = timedelta(seconds=3)
"""The same button of the same message, pressed by the same person this soon again, was pressed once."""
IN_HAND = timedelta(seconds=20)
"""Longer than any call of a listener: after that whoever had it died."""
LOOK_BACK = 5
"""So many earlier times of the same subject are compared."""


NEW = ("digest", "received_at", "last_at", "body", "recorded")
_insert = Many(
    f"""
    INSERT INTO delivery ({", ".join(NEW)}, source, content_type, repeats, duplicate, unmapped, reason)
    SELECT j.*, '{SOURCE}', 'application/json', 0, 0, 0, '' FROM (VALUES {{rows}}) AS j RETURNING id, digest
    """,  # noqa: S608 - only our own names
    *types_of(Delivery, *NEW),
)
_known = Many(
    f"""
    SELECT j.column1, d.id FROM (VALUES {{rows}}) AS j JOIN delivery AS d
    ON d.source = '{SOURCE}' AND d.digest = j.column1
    """,  # noqa: S608 - only our own name
    *types_of(Delivery, "digest"),
)


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


def storable(body: dict[str, Any]) -> dict[str, Any]:
    """Return BODY with marks for NULs and for halves of a character: databases cut text there or refuse it."""
    came = json.dumps(body, ensure_ascii=False)
    clean = without_nul(came.encode(errors="replace")).decode()
    return body if clean == came else dict(json.loads(clean))


def takes_time(body: Mapping[str, Any]) -> bool:
    """Return whether it is done only when its listener says so; nobody sends anything else again."""
    return "event_id" in body or body.get("type") == "view_submission"


def keep(db: Session, name: Name, body: Mapping[str, Any], now: datetime, replica: str) -> Stored:
    """Store a payload, or find it again, and take it in hand for REPLICA until it is let go.

    What takes no time counts as finished at once, and is in nobody's hand.
    """
    slow = takes_time(body)
    ours = not slow or leases.take(db, replica, [_claim(name.subject)], IN_HAND)
    known = next((row for row in _newest(db, name.subject) if _is_same(row, name, now)), None)
    if known is None:
        [(number, _)] = _insert.run(db, [(name.subject, now, now, _packed(body), 0 if slow else 1)])
        return Stored(number, finished=False, in_hand=not ours)
    assert known.id is not None
    _came_again(db, known.id, now)
    if known.recorded and slow:
        let_go(db, name.subject, replica)
    return Stored(known.id, finished=known.recorded > 0, in_hand=not ours)


def keep_commands(db: Session, commands: Sequence[Mapping[str, Any]], now: datetime, replica: str) -> list[Stored]:
    """Store commands, no two of them the same; REPLICA owes their answers. One that came before counts as done."""
    names = [str(command["trigger_id"]) for command in commands]
    before = {name: Stored(number, finished=True) for name, number in _known.run(db, [(name,) for name in names])}
    new = {name: command for name, command in zip(names, commands, strict=True) if name not in before}
    rows = [(name, now, now, _packed(command), 1) for name, command in new.items()]
    stored = {name: Stored(number, finished=False) for number, name in _insert.run(db, rows)}
    urls = {stored[name].id: command.get("response_url") for name, command in new.items()}
    owed.owe(db, {number: url for number, url in urls.items() if url}, replica, now)
    return [before.get(name) or stored[name] for name in names]


class _Earlier(NamedTuple):
    """A payload in the inbox that is about the same."""

    id: int | None
    recorded: int
    received_at: datetime
    body: bytes


def _newest(db: Session, subject: str) -> list[_Earlier]:
    return [_Earlier(*row) for row in _earlier(db, subject)]


@prepared
def _earlier(subject: str) -> Select[int | None, int, datetime, bytes]:
    times = select(Delivery.id, Delivery.recorded, Delivery.received_at, Delivery.body)
    same = times.where(Delivery.source == SOURCE, Delivery.digest == subject)
    return same.order_by(col(Delivery.id).desc()).limit(LOOK_BACK)


def _packed(body: Mapping[str, Any]) -> bytes:
    """Return what is kept of BODY: nothing that gives access."""
    safe = {k: v for k, v in body.items() if k not in ("token", "response_url", "response_urls")}
    return zlib.compress(to_json(safe), 1)


@prepared
def _came_again(number: int, at: datetime) -> Update:
    again = update(Delivery).where(col(Delivery.id) == number)
    return again.values(repeats=Delivery.repeats + 1, last_at=at)


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


def _is_same(row: _Earlier, name: Name, now: datetime) -> bool:
    """Return whether ROW is the deed NAME: sent again as it was, or done again too soon to be meant so."""
    if row.recorded and now - row.received_at < name.once:
        return True
    return not name.trigger or str(from_json(zlib.decompress(row.body)).get("trigger_id")) == name.trigger
