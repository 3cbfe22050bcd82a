"""Answers that are owed: kept with the command until they are given, for a process that died in between.

It answers when it is started again, or else another replica does once it is known to be dead. What a command did is
committed together with its `paid`, so it is not done again.
"""

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import delete
from sqlmodel import Session, col, select

from bot.slack.late import GOOD
from bot.store import leases
from bot.store.tables import Delivery, OwedAnswer


@dataclass(frozen=True)
class Owed:
    """A command as Slack sent it, and its row in the inbox."""

    delivery_id: int
    body: dict[str, Any]


def owe(db: Session, delivery_id: int, replica: str, now: datetime, response_url: str) -> None:
    """Note that REPLICA is going to answer to RESPONSE_URL."""
    db.add(OwedAnswer(delivery_id=delivery_id, replica=replica, at=now, response_url=response_url))


def paid(db: Session, delivery_id: int) -> None:
    """Note that it need not be answered any more."""
    db.exec(delete(OwedAnswer).where(col(OwedAnswer.delivery_id) == delivery_id))


def left(db: Session, replica: str, begun: datetime, now: datetime) -> list[Owed]:
    """Return what was owed when its process died: REPLICA's from before it had BEGUN, and that of dead ones.

    It is REPLICA's from now on. What can't be answered any more is forgotten.
    """
    db.exec(delete(OwedAnswer).where(col(OwedAnswer.at) <= now - GOOD))
    living = {name.removeprefix(leases.PRESENCE) for name in leases.live(db)}
    earlier = (col(OwedAnswer.replica) == replica) & (col(OwedAnswer.at) < begun)
    dead = col(OwedAnswer.replica).not_in({replica, *living})
    owed = list(db.exec(select(OwedAnswer).where(earlier | dead).order_by(col(OwedAnswer.delivery_id))))
    for one in owed:
        one.replica = replica
    return [_asked(db.get_one(Delivery, one.delivery_id), one.response_url) for one in owed]


def _asked(row: Delivery, response_url: str) -> Owed:
    assert row.id is not None
    return Owed(row.id, from_json(zlib.decompress(row.body)) | {"response_url": response_url})
