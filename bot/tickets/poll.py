"""Reading our tickets back: works with no inbound webhook, and what people did there is never reverted."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import String, cast, literal
from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.errors import OutboundError
from bot.domain.facts import TicketFact
from bot.ports import Now, RemoteId, Sleep, TicketSystem
from bot.store.database import Database
from bot.store.tables import Incident, Projection

logger = logging.getLogger(__name__)

STILL_READ = timedelta(days=7)
"""A ticket is read back until this long after its incident ended."""

Store = Callable[[TicketFact, RemoteId, datetime], Awaitable[None]]
"""Called with a ticket, and when we asked for it: two that read the same one may store it in the other order."""


def watched(db: Session, now: datetime) -> dict[RemoteId, int]:
    """Return the tickets worth reading: of open incidents, and of those that ended within the last week."""
    ticket = literal(keys.TICKETS) + cast(col(Incident.id), String)
    query = select(Incident.id, Projection.remote_id).join(Projection, col(Projection.key) == ticket)
    query = query.where(col(Projection.remote_id).is_not(None))
    recent = query.where(col(Incident.resolved_at).is_(None) | (col(Incident.resolved_at) > now - STILL_READ))
    return {RemoteId(remote or ""): number or 0 for number, remote in db.exec(recent)}


async def read_back(tickets: TicketSystem, which: dict[RemoteId, int], store: Store, now: Now) -> int:
    """Read these tickets and store what they say; returns how many were read."""
    by_incident = {number: remote for remote, number in which.items()}
    asked = now()
    facts = await tickets.read(which) if which else ()
    for fact in facts:
        await store(fact, by_incident[fact.incident_id], asked)
    return len(facts)


async def poll(
    tickets: TicketSystem,
    database: Database,
    store: Store,
    *,
    now: Now,
    sleep: Sleep,
    every: timedelta,
    notice: Callable[[str], Awaitable[None]],
) -> None:
    """Read back every so often until cancelled; an outage is logged once when it begins and once when it ends.

    `notice` is told `connected` or `down` each time.
    """
    down = False
    while True:
        try:
            wrong = await _trouble(tickets, await database.read(watched, now()), store, now)
            if wrong and not down:
                logger.warning("ticket system cannot be used", extra={"error": wrong})
            if down and not wrong:
                logger.info("ticket system is back")
            down = wrong is not None
            await notice("down" if down else "connected")
        except Exception:  # the rows could not be read or written: the next round does it
            logger.exception("tickets were not read back")
        await sleep(every)


async def _trouble(tickets: TicketSystem, which: dict[RemoteId, int], store: Store, now: Now) -> str | None:
    """Read these tickets back, or where there are none ask whether one would be taken; return why that fails."""
    if not which:
        return await tickets.check()
    try:
        await read_back(tickets, which, store, now)
    except OutboundError as e:
        return str(e)
    return None
