"""Commands, kept in the inbox once they have to outlive this process.

Slack never sends a command again, and an answer that is its acknowledgement leaves nothing to lose. So a question that
is answered at once is not written down; whatever does something, fails, or is acknowledged before its answer is.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncBoltContext

from bot.ports import Now
from bot.slack import inbox
from bot.slack.inbox import Stored
from bot.store.database import Database

logger = logging.getLogger(__name__)

KEPT = "kept"
"""Where the context of a command holds it."""

KEEP_S = 1.5
"""So long we wait for the database, of the 3 s that Slack gives us."""

MOST = 256
"""Commands in one transaction."""


class DoneBefore(Exception):
    """This command came before, and was done or is being done."""


class Keeper:
    """Keeps commands: those that come while some are being kept, together after them."""

    def __init__(self, database: Database, now: Now, replica: str) -> None:
        self._database = database
        self._now = now
        self._replica = replica
        self._waiting: list[tuple[Mapping[str, Any], asyncio.Future[Stored]]] = []
        self._writing: asyncio.Task[None] | None = None

    def keep(self, command: Mapping[str, Any]) -> asyncio.Future[Stored]:
        """Have COMMAND kept; returns what to wait for."""
        done: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return done

    async def _write(self) -> None:
        while batch := self._waiting[:MOST]:
            del self._waiting[:MOST]
            commands = [command for command, _ in batch]
            try:
                stored = await self._database.write(inbox.keep_commands, commands, self._now(), self._replica)
            except Exception as e:  # noqa: BLE001 - who waits for it gets it
                for _, done in batch:
                    done.set_exception(e)
            else:
                for (_, done), one in zip(batch, stored, strict=True):
                    done.set_result(one)


class Kept:
    """One command, which is kept by the first who needs that."""

    def __init__(self, keeper: Keeper, body: Mapping[str, Any]) -> None:
        self._keeper = keeper
        self._body = body
        self._keeping: asyncio.Future[Stored] | None = None

    def begin(self) -> asyncio.Future[Stored]:
        """Have it kept, if that was not begun yet; returns what to wait for."""
        if self._keeping is None:
            self._keeping = self._keeper.keep(self._body)
        return self._keeping

    async def number(self) -> int:
        """Return its number in the inbox, once it is there; raises DoneBefore and StoreUnavailable."""
        stored = await asyncio.shield(self.begin())
        if stored.finished:
            raise DoneBefore
        return stored.id

    def when_kept(self, done: Callable[[int], object]) -> None:
        """Call DONE with its number as soon as it is kept; never when nobody needed that."""

        def kept(keeping: asyncio.Future[Stored]) -> None:
            if not keeping.cancelled() and keeping.exception() is None and not keeping.result().finished:
                done(keeping.result().id)

        if self._keeping is not None:
            self._keeping.add_done_callback(kept)


async def number(context: AsyncBoltContext) -> int | None:
    """Return the number in the inbox of what came with CONTEXT, None for what is not kept; raises as `Kept.number`."""
    kept: Kept | None = context.get(KEPT)
    return context.get("delivery_id") if kept is None else await kept.number()


async def kept_soon(context: AsyncBoltContext) -> None:
    """Have the command kept that came with CONTEXT, before it is acknowledged; do not wait for long."""
    if (kept := context.get(KEPT)) is not None:
        done, _ = await asyncio.wait((kept.begin(),), timeout=KEEP_S)
        if not any(one.exception() is None for one in done):
            logger.warning("acknowledging a command that is not stored yet")
