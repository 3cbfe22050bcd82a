"""The ticket system's side: read back what we wrote and what people did there; say when it goes away."""

from contextlib import suppress
from datetime import datetime, timedelta

from bot.app.process import JIRA, Process
from bot.domain import keys
from bot.domain.errors import OutboundError
from bot.domain.facts import TicketFact
from bot.ingest.tickets import record_ticket
from bot.ports import RemoteId, TicketSystem
from bot.store.projection import touch
from bot.tickets.poll import poll, read_back


class Ticketing:
    """What this process knows of the ticket system."""

    def __init__(self, process: Process, system: TicketSystem) -> None:
        """`poll` reads; `written` is to be told of what was written."""
        self._process, self._system = process, system
        self._state = "connecting"

    @property
    def state(self) -> str:
        """How it is, or that another replica knows."""
        return self._state if self._process.leases.holds(JIRA) else "elsewhere"

    async def poll(self) -> None:
        """Read what people did there, now and then, until cancelled."""
        self._state = "connecting"
        process = self._process
        now, sleep = process.clock.now, process.clock.sleep
        every = timedelta(seconds=process.settings.decisions.jira.poll_seconds)
        await poll(self._system, process.database, self._store, now=now, sleep=sleep, every=every, notice=self._notice)

    async def written(self, remote_id: RemoteId, incident_id: int) -> None:
        """Read back a ticket that was just written; if that fails, the next poll does it."""
        with suppress(OutboundError):
            await read_back(self._system, {remote_id: incident_id}, self._store, self._process.clock.now)

    async def _store(self, fact: TicketFact, remote_id: RemoteId, asked: datetime) -> None:
        if await self._process.database.write(record_ticket, fact, remote_id, asked):
            self._process.wake()

    async def _notice(self, state: str) -> None:
        """Tell admins when the ticket system goes away, and in the same message when it is back."""
        process = self._process
        if state == "connected" != self._state:
            await process.try_again(f"{JIRA}/")
        if "down" in (state, self._state) and process.rules.admins:
            notes = [keys.operator_note(admin, JIRA) for admin in process.rules.admins]
            await process.database.write(touch, process.clock.now(), *notes)
            process.wake()
        self._state = state
