"""What every part of the running bot shares."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.config import Settings
from bot.domain.errors import StoreUnavailable
from bot.ingest.rules import Rules
from bot.ports import Deployer, TicketSystem
from bot.reconcile.lease import Leases
from bot.reconcile.loop import Loop
from bot.store.database import Bell, Database
from bot.store.projection import try_again

SLACK, JIRA, TICKER = "slack", "jira", "ticker"
"""Leases: who writes to Slack, who writes to and reads from the ticket system, who says what time it is; and
`deploy/<name>`: who gives orders to that deployer."""


@dataclass(frozen=True)
class Partners:
    """The systems besides Slack that are written to."""

    tickets: TicketSystem | None
    deployers: Mapping[str, Deployer]

    async def close(self) -> None:
        """Let go of them."""
        for deployer in self.deployers.values():
            await deployer.close()
        if self.tickets is not None:
            await self.tickets.close()


@dataclass(frozen=True)
class Process:
    """This process: what it was told, its clock, its store, and what it keeps up to date."""

    settings: Settings
    clock: Clock
    database: Database
    leases: Leases
    rules: Rules
    bell: Bell | None
    loops: dict[str, Loop] = field(default_factory=dict)
    """By lease; empty until Slack and the ticket system are connected."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Say that something was touched, also to the replica whose business it is."""
        self.wake_loops()
        if self.bell is not None and not all(self.leases.holds(name) for name in self.loops):
            self.bell.ring()

    def wake_loops(self) -> None:
        """Say it to our own loops only."""
        for loop in self.loops.values():
            loop.wake()

    async def try_again(self, prefix: str) -> None:
        """What failed or was refused goes on at once: the other side is there again, or somebody mended it."""
        with suppress(StoreUnavailable):  # it goes on later, when its back-off ends
            await self.database.write(try_again, self.clock.now(), prefix)
            self.wake()
