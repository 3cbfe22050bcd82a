"""What a listener needs: the store, the clock, and how things are presented; and the two things it does with them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from sqlmodel import Session

from bot.domain.actions import Action, StaleAction
from bot.ingest.people import record_action
from bot.ingest.rules import Rules
from bot.ports import Now
from bot.slack import inbox
from bot.slack.cards.look import Look
from bot.store.database import Database
from bot.store.projection import touch

ANSWERS = 2
"""So many answers are read and drawn at a time: half of the store's readers, the other half is for the loop."""
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Workspace:
    """One Slack workspace as listeners see it."""

    database: Database
    rules: Rules
    look: Callable[[Session], Look]
    now: Now
    wake: Callable[[], None]
    replica: str
    """The name of this process among those that serve the workspace."""
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ANSWERS), compare=False)
    """Who asks takes one; the others wait without a thread of the store."""

    async def act(self, action: Action, *, delivery_id: int | None = None) -> int:
        """Record what a person did, and that DELIVERY_ID is done with it, and have it drawn; raises UserError."""
        try:
            number = await self.database.write(_record, action, self.now(), self.rules, delivery_id)
        except StaleAction as e:
            if e.copies:
                await self.database.write(touch, self.now(), *e.copies)
                self.wake()
            raise
        self.wake()
        return number

    async def ask(self, f: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading transaction."""
        return await self.database.read(f, *args, **kwargs)


def _record(db: Session, action: Action, now: datetime, rules: Rules, delivery_id: int | None) -> int:
    number = record_action(db, action, now, rules)
    if delivery_id is not None:
        inbox.finish(db, delivery_id)
    return number
