"""What the ticket system says of our tickets: read back as facts, never reverted."""

from datetime import datetime

from sqlmodel import Session, select

from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES
from bot.domain.facts import StatusCategory, TicketFact
from bot.store.projection import touch, touch_existing
from bot.store.tables import Incident, Ticket


def record_ticket(db: Session, fact: TicketFact, remote_id: str, now: datetime) -> bool:
    """Write what a ticket showed when we asked, at NOW; False when we knew that, or have seen it later than that.

    What is done when we know of it only after its incident's end, is our doing.
    """
    incident = db.get(Incident, fact.incident_id)
    if incident is None:
        return False
    row = db.exec(select(Ticket).where(Ticket.incident_id == fact.incident_id)).first()
    shown = (fact.key, fact.status, fact.category.value, fact.summary, fact.priority, fact.assignee)
    if row is not None and now < row.updated_at:
        return False
    if row is not None and shown == (
        row.key,
        row.status,
        row.status_category,
        row.summary,
        row.priority,
        row.assignee,
    ):
        return False
    if row is None:
        row = Ticket(
            incident_id=fact.incident_id,
            remote_id=remote_id,
            key=fact.key,
            url=fact.url,
            status=fact.status,
            status_category=fact.category,
            created_at=now,
            updated_at=now,
        )
    row.key, row.url, row.remote_id = fact.key, fact.url, remote_id
    row.status, row.status_category, row.updated_at = fact.status, fact.category, now
    row.summary, row.priority, row.assignee = fact.summary, fact.priority, fact.assignee
    done, over = fact.category is StatusCategory.DONE, incident.status not in OPEN_STATUSES
    if over and not done and _was_left_done(row, incident):
        row.taken_back_at = now
    row.closed_by_us = done and (row.closed_by_us if row.closed_at else over)
    row.closed_at = (row.closed_at or now) if done else None
    db.add(row)
    touch(db, now, keys.incident(fact.incident_id), keys.incident_ticket(fact.incident_id))
    touch(db, now, keys.ticket(fact.incident_id), keys.ticket_link(fact.incident_id))
    touch_existing(db, now, keys.ALL_HOMES)
    return True


def _was_left_done(row: Ticket, incident: Incident) -> bool:
    """Whether it was done at INCIDENT's end, or since, and not only when an earlier end of it was taken back."""
    if row.closed_at is None or incident.resolved_at is None:
        return False
    return not row.closed_by_us or row.closed_at >= incident.resolved_at
