"""What is forgotten: raw deliveries after a while. What was made of them (alerts, evaluations, incidents) stays.

Slack's event ids are among them: Slack sends an event again within minutes, and nobody may keep them for less than
26 hours. A source's delivery that is gone can't be replayed any more.
"""

from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from bot.store.tables import Delivery

BATCH = 500
"""Deliveries forgotten in one transaction, so that intake never waits long."""


def forget_deliveries(db: Session, before: datetime) -> int:
    """Delete up to BATCH deliveries that last came BEFORE; returns how many there were.

    The newest one stays however old it is: SQLite would give its number out again, and numbers name facts.
    """
    newest = select(func.max(Delivery.id)).scalar_subquery()
    old = select(Delivery.id).where(col(Delivery.received_at) < before, col(Delivery.last_at) < before)
    batch = old.where(col(Delivery.id) < newest).order_by(col(Delivery.received_at)).limit(BATCH)
    return int(db.exec(delete(Delivery).where(col(Delivery.id).in_(batch))).rowcount)
