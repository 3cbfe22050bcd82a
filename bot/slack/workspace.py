"""What a listener needs: the store, the clock, and how things are presented; and the two things it does with them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from sqlmodel import Session

from bot.domain.actions import Action
from bot.ingest.people import record_action
from bot.ingest.rules import Rules
from bot.ports import Now
from bot.slack.cards.look import Look
from bot.store.database import Database

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

    async def act(self, action: Action) -> int:
        """Record what a person did and have it drawn; raises UserError."""
        number = await self.database.write(record_action, action, self.now(), self.rules)
        self.wake()
        return number

    async def ask(self, f: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading transaction."""
        return await self.database.read(f, *args, **kwargs)
