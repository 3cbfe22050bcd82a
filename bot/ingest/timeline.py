"""The incident's story: entries that never change, and the thread replies that tell them.

A reply is a projection named after its first entry. Until it is claimed for sending, later entries join it; after that
the next entry starts a new reply. So a reply's text is settled before it is sent, and a burst is one message.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.incidents import UNTOLD
from bot.store.projection import touch
from bot.store.tables import Projection, TimelineEntry

FOLD = timedelta(seconds=3)
"""How long the machine's news waits for more of it; a person's words do not wait."""


def tell(db: Session, now: datetime, incident_id: int, *, kind: str, text: str, by: str | None = None) -> None:
    """Add an entry to the incident's timeline: to its ticket, and to its thread unless the card says it already."""
    entry = TimelineEntry(incident_id=incident_id, at=now, kind=kind, by=by, text=text)
    db.add(entry)
    db.flush()
    assert entry.id is not None
    touch_ticket(db, now, incident_id)
    if kind in UNTOLD:
        return
    open_reply = _unsent_reply(db, incident_id)
    touch(db, now, open_reply or keys.incident_log(incident_id, entry.id), urgent=by is not None, wait=FOLD)


def touch_ticket(db: Session, now: datetime, incident_id: int) -> None:
    """Touch the incident's ticket, if it has one or waits for one."""
    if db.get(Projection, keys.ticket(incident_id)) is not None:
        touch(db, now, keys.ticket(incident_id))


def _unsent_reply(db: Session, incident_id: int) -> str | None:
    """Return the newest reply that was never handed to Slack, if it is the newest reply of all."""
    query = select(Projection).where(col(Projection.key).startswith(keys.incident_logs(incident_id)))
    newest = max(db.exec(query).all(), key=lambda row: int(row.key.rpartition("/")[2]), default=None)
    return newest.key if newest and newest.nonce is None and newest.remote_id is None else None
