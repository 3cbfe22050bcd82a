"""The side that speaks to Slack and to the ticket system; imported once deliveries are taken already."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot import memory
from bot.app.chat import Chat
from bot.app.front import Front, Outward
from bot.app.process import JIRA, SLACK, TICKER, Partners, Process
from bot.app.ticketing import Ticketing
from bot.app.timekeeping import DIRECTORY_EVERY, Timekeeping, repeat
from bot.clock.following import follow
from bot.domain import keys
from bot.domain.errors import StoreUnavailable
from bot.ingest.outcomes import note_ordered
from bot.metrics import Gauges
from bot.ports import RemoteId, Surface
from bot.reconcile import loop as loops
from bot.reconcile.lease import Fence, Fenced
from bot.reconcile.orders import DeploySurface
from bot.rendering import Rendering
from bot.slack.http import http_endpoint
from bot.store.projection import release_leases, try_again
from bot.tickets.surface import TicketSurface

logger = logging.getLogger(__name__)

WORKERS = {SLACK: 4, JIRA: 2}
"""How many bring copies up to date at a time; one where it is not said."""
DRAIN_S = 8
"""How long what is under way may take after SIGTERM; what does not end is found again at the next start."""
CLOSE_S = 2
OWED_EVERY = timedelta(minutes=1)
"""How often it is looked whether a dead replica left people without an answer."""


async def run(process: Process, front: Front, partners: Partners) -> None:
    """Connect, tell FRONT, and keep Slack and PARTNERS equal to the rows until the process is closing; then drain."""
    environment = process.settings.environment
    timeout = aiohttp.ClientTimeout(total=15, connect=5)
    look = _last_look(Fence(process.leases, SLACK))
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        aiohttp.ClientSession(timeout=timeout, trace_configs=[look]) as fenced,
    ):
        client, outbound = (
            AsyncWebClient(
                token=environment.slack_bot_token, base_url=environment.slack_api_url, session=one, retry_handlers=[]
            )
            for one in (session, fenced)
        )
        tickets = partners.tickets
        rendering = Rendering(process.settings, ticket_url=tickets.browse_url("") if tickets is not None else "")
        outside = _Outside(process, Chat(process, rendering, client, outbound), partners, rendering)
        front.outward.set_result(outside.outward())
        await outside.run()


def _last_look(fence: Fence) -> aiohttp.TraceConfig:
    """Look at FENCE once more when a request is written to its connection, which may have taken long to get."""

    async def look(*_about: object) -> None:
        fence.check()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(look)
    return trace


class _Outside:
    """Slack, the ticket system, the deployers, and the loops that write to them."""

    def __init__(self, process: Process, chat: Chat, partners: Partners, rendering: Rendering) -> None:
        self._process, self._chat = process, chat
        tickets = partners.tickets
        self._ticketing = Ticketing(process, tickets) if tickets is not None else None
        self._add_loop(SLACK, chat.surface, rendering.slack)
        if tickets is not None and self._ticketing is not None:
            self._add_loop(JIRA, TicketSurface(tickets, self._ticketing.written), rendering.ticket)
        for name, deployer in partners.deployers.items():
            place = keys.orders(name).rstrip("/")
            self._add_loop(place, DeploySurface(deployer, self._ordered), rendering.order)

    def outward(self) -> Outward:
        gauges = Gauges(self._process.database, self._chat.budget, self._chat.sockets, self._process.clock.now)
        secret = self._process.settings.environment.slack_signing_secret or ""
        return Outward(self._states, gauges.read, http_endpoint(self._chat.bolt, secret))

    async def run(self) -> None:
        """Keep everything up to date until the process is closing, then drain."""
        workers = [asyncio.create_task(self._hold(name), name=f"worker {name}") for name in self._process.loops]
        tasks = [asyncio.create_task(task, name=f"{task!r}") for task in self._tasks()]
        for task in (*workers, *tasks):
            task.add_done_callback(_complain)
        memory.settle()
        try:
            await self._process.closing.wait()
        finally:
            await self._drain(workers, tasks)

    def _states(self) -> dict[str, str]:
        ticketing = self._ticketing
        return {"slack": self._chat.state, "jira": ticketing.state if ticketing is not None else "not configured"}

    def _add_loop(self, name: str, surface: Surface, render: loops.Render) -> None:
        process, fenced = self._process, Fenced(surface, Fence(self._process.leases, name))
        now, sleep = process.clock.now, process.clock.sleep
        process.loops[name] = loops.Loop(process.database, fenced, f"{name}/", render, now, sleep)

    def _tasks(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what runs beside the loops."""
        process, chat, clock = self._process, self._chat, self._process.clock
        yield process.leases.run()
        if process.bell is not None:
            yield process.bell.listen(process.wake_loops)
        if clock.url is not None:
            yield follow(clock)
        if chat.sockets is not None:
            yield chat.sockets.run(clock.sleep, partial(process.try_again, f"{SLACK}/"))
        yield repeat(chat.bolt.answer_owed, OWED_EVERY, clock.sleep)
        yield repeat(chat.introduce, DIRECTORY_EVERY, clock.sleep)
        yield process.leases.while_held(TICKER, Timekeeping(process, chat.sync_directory).run)

    async def _ordered(self, proposal_id: int, run: RemoteId) -> None:
        await self._process.database.write(note_ordered, proposal_id, run, self._process.clock.now())
        self._process.wake()

    async def _hold(self, name: str) -> None:
        await self._process.leases.while_held(name, partial(self._work, name))

    async def _work(self, name: str) -> None:
        """Keep one place up to date, from where whoever did it before us stopped."""
        process, now = self._process, self._process.clock.now()
        await process.database.write(release_leases, now, f"{name}/")
        await process.database.write(try_again, now, f"{name}/")
        polling = asyncio.create_task(self._ticketing.poll()) if name == JIRA and self._ticketing else None
        try:
            await loops.run(process.loops[name], workers=WORKERS.get(name, 1))
        finally:
            if polling is not None:
                polling.cancel()

    async def _drain(self, workers: Sequence[asyncio.Task[None]], tasks: Sequence[asyncio.Task[None]]) -> None:
        """Let the calls to Slack and Jira that are under way end; what does not is found again by whoever is next."""
        leases = self._process.leases
        leases.close()
        for loop in self._process.loops.values():
            loop.closing = True
            loop.wake()
        await asyncio.wait((*workers, *self._chat.bolt.late.pending), timeout=DRAIN_S)
        with suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(CLOSE_S):
                if self._chat.sockets is not None:
                    await self._chat.sockets.close()
        for task in (*workers, *tasks, *self._chat.bolt.late.pending):
            task.cancel()
        await asyncio.gather(*workers, *tasks, return_exceptions=True)
        with suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(CLOSE_S):
                await leases.give_back()


def _complain(task: asyncio.Task[None]) -> None:
    """A task of ours never ends by itself: if one does, say so loudly; the process goes on with the rest."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("task died", exc_info=error, extra={"task": task.get_name()})
