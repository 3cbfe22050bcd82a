"""Answers that are owed: kept with the command until they are given, for a process that died in between.

It answers when it is started again, or else another replica does once it is known to be dead. What a command did is
committed together with its `paid`, so it is not done again.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import delete
from sqlmodel import Session, col, select

from bot.slack.late import GOOD
from bot.store import leases
from bot.store.many import Many, types_of
from bot.store.tables import Delivery, OwedAnswer

_insert = Many(
    "INSERT INTO owed_answer (delivery_id, replica, at, response_url) VALUES {rows}",
    *types_of(OwedAnswer, "delivery_id", "replica", "at", "response_url"),
)
_delete = Many(
    "DELETE FROM owed_answer WHERE delivery_id IN (SELECT j.column1 FROM (VALUES {rows}) AS j)",
    *types_of(OwedAnswer, "delivery_id"),
)


@dataclass(frozen=True)
class Owed:
    """A command as Slack sent it, and its row in the inbox."""

    delivery_id: int
    body: dict[str, Any]


def owe(db: Session, response_urls: Mapping[int, str], replica: str, now: datetime) -> None:
    """Note that REPLICA is going to answer: the number of each command in the inbox, and where its answer goes."""
    _insert.run(db, [(number, replica, now, url) for number, url in response_urls.items()])


def paid(db: Session, delivery_id: int) -> None:
    """Note that it need not be answered any more."""
    _delete.run(db, [(delivery_id,)])


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
