"""A ticket system as a Surface: one copy is the ticket itself, the other the link on it back to the thread."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.facts import StatusCategory
from bot.ports import Body, RemoteId, TicketLink, TicketSystem, TicketView, Work
from bot.reconcile.loop import RECOVERED

Changed = Callable[[RemoteId, int], Awaitable[None]]
"""Called with a ticket that we just wrote, and its incident's number: read it back at once."""


@dataclass(frozen=True)
class TicketSurface:
    """Adapts TICKETS to what the loop drives."""

    tickets: TicketSystem
    changed: Changed

    @property
    def look_again(self) -> Sequence[timedelta]:
        """The ticket system's own pauses: its search lags."""
        return self.tickets.look_again

    async def find(self, work: Work) -> RemoteId | None:
        """Return the ticket that an earlier create made; a link is an upsert, which nobody has to look for."""
        if _is_link(work.key):
            return RemoteId(TicketLink(**work.body.content["link"]).global_id)
        found = await self.tickets.find(_view(work.body), work.nonce)
        if found is not None:
            RECOVERED.labels("jira").inc()
            await self.changed(found, _incident(work.key))
        return found

    async def create(self, work: Work) -> RemoteId:
        """Create the ticket, or set the link."""
        if _is_link(work.key):
            return await self._set_link(work.body)
        made = await self.tickets.create(_view(work.body), key=work.key, nonce=work.nonce)
        await self.changed(made, _incident(work.key))
        return made

    async def update(self, work: Work, remote_id: RemoteId) -> RemoteId:
        """Write our fields, or set the link again."""
        if _is_link(work.key):
            return await self._set_link(work.body)
        await self.tickets.update(remote_id, _view(work.body))
        await self.changed(remote_id, _incident(work.key))
        return remote_id

    async def _set_link(self, body: Body) -> RemoteId:
        link = TicketLink(**body.content["link"])
        await self.tickets.link(RemoteId(body.content["ticket"]), link)
        return RemoteId(link.global_id)


def _view(body: Body) -> TicketView:
    fields: dict[str, Any] = dict(body.content)
    category = fields.pop("category")
    return TicketView(**fields, category=StatusCategory(category) if category else None)


def _is_link(key: str) -> bool:
    return key.endswith("/link")


def _incident(key: str) -> int:
    return int(key.split("/")[2])
