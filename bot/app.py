"""The composition root: settings in, tasks out; the only module that knows everyone."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import Session
from starlette.applications import Starlette

from bot import catalogue, integrations
from bot.clock import Clock, is_loopback
from bot.config import Settings
from bot.digests import schedule
from bot.domain import keys
from bot.domain.errors import ConfigError, OutboundError, StoreUnavailable
from bot.domain.facts import TicketFact
from bot.ingest import deadlines
from bot.ingest.http import Endpoints, routes
from bot.ingest.receive import Inlet, Intake
from bot.ingest.rules import Rules
from bot.ingest.storms import close_quiet
from bot.ingest.tickets import record_ticket
from bot.metrics import Gauges
from bot.ports import RemoteId, Surface, TicketSystem
from bot.reconcile import loop as loops
from bot.reconcile.budget import Budget
from bot.reconcile.lease import Fence, Fenced, Leases
from bot.reconcile.replica import Replica
from bot.rendering import Rendering
from bot.slack import app as slack_app
from bot.slack import directory
from bot.slack.sockets import Sockets
from bot.slack.surface import SlackSurface
from bot.slack.workspace import Workspace
from bot.store import schema
from bot.store.database import Database
from bot.store.leases import forget_expired
from bot.store.projection import release_leases, touch, touch_open, try_again
from bot.store.queries.directory import channel_ids
from bot.store.retention import BATCH, forget_deliveries
from bot.store.tables import Capability, Heartbeat
from bot.tickets.poll import poll, read_back
from bot.tickets.surface import TicketSurface

logger = logging.getLogger(__name__)

SLACK, JIRA, TICKER = "slack", "jira", "ticker"
"""Leases: who writes to Slack, who writes to and reads from the ticket system, who says what time it is."""
WORKERS = {f"{SLACK}/": 4, f"{JIRA}/": 2}
UNREACHABLE = (SlackApiError, aiohttp.ClientError, OSError)
HOUSEKEEPING, DIRECTORY_EVERY, SWEEP_EVERY = timedelta(seconds=30), timedelta(hours=1), timedelta(days=1)
DRAIN_S = 8
"""How long what is under way may take after SIGTERM; what does not end is found again at the next start."""
CLOSE_S, READY_S = 2, 2
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
SWEPT_BACK = timedelta(days=30)


async def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT, then drain and let go of everything. Raises ConfigError before it starts."""
    environment = settings.environment
    if not environment.slack_bot_token:
        raise ConfigError("SLACK_BOT_TOKEN is not set; `bellwether manifest --open` makes the app, then copy its token")
    if not environment.slack_app_token and not environment.slack_signing_secret:
        raise ConfigError("neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP mode) is set; set one")
    if is_loopback(environment.slack_api_url):
        for name in PROXIES:  # the SDK ignores NO_PROXY, so a sandbox would be asked for through the proxy
            os.environ.pop(name, None)
    clock = Clock(environment.clock)
    inlets = integrations.inlets(settings)
    tickets = integrations.tickets(settings)
    database = Database(environment.database_url)
    replica = Replica(*environment.host_port)
    try:
        await database.write(schema.upgrade)
        leases = Leases(database, replica.name)
        fence = Fence(leases, SLACK)
        timeout = aiohttp.ClientTimeout(total=15, connect=5)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            aiohttp.ClientSession(timeout=timeout, trace_configs=[_last_look(fence)]) as fenced,
        ):
            client, outbound = (
                AsyncWebClient(
                    token=environment.slack_bot_token,
                    base_url=environment.slack_api_url,
                    session=one,
                    retry_handlers=[],
                )
                for one in (session, fenced)
            )
            await _Bot(settings, clock, inlets, tickets, database, leases, client, outbound).run()
    finally:
        if tickets is not None:
            await tickets.close()
        database.close()
        replica.close()


def _last_look(fence: Fence) -> aiohttp.TraceConfig:
    """Look at FENCE once more when a request is written to its connection, which may have taken long to get."""

    async def look(*_about: object) -> None:
        fence.check()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(look)
    return trace


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which would end the process with the signal's own exit code."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Bot:
    """Everything wired together; lives as long as the process."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        inlets: dict[str, Inlet],
        tickets: TicketSystem | None,
        database: Database,
        leases: Leases,
        client: AsyncWebClient,
        outbound: AsyncWebClient,
    ) -> None:
        """`outbound` is what the loop writes to Slack with: only while this replica has the lease."""
        decisions = settings.decisions
        self.settings, self.clock, self.tickets, self.database, self.client = settings, clock, tickets, database, client
        self.leases = leases
        self.rendering = Rendering(settings, ticket_url=tickets.browse_url("") if tickets is not None else "")
        self.swept = self.looked = clock.now()
        self.ticket_state = "connecting" if tickets is not None else "not configured"
        self.rules = Rules(decisions.slack.channel, tickets=tickets is not None, admins=decisions.admins)
        budget = Budget()
        surface = SlackSurface(outbound, budget, clock.now, resolve=self._channel_id, refuse=self._refuse)
        self.loops = {SLACK: self._loop(SLACK, surface, self.rendering.slack)}
        if tickets is not None:
            self.loops[JIRA] = self._loop(JIRA, TicketSurface(tickets, self._written), self.rendering.ticket)
        self.bell = database.dialect.bell()
        self.intake = Intake(inlets, database, self.rules, clock.now, self.wake)
        workspace = Workspace(database, self.rules, self.rendering.look, clock.now, self.wake, leases.holder)
        words = (decisions.slack.command, *decisions.slack.aliases)
        environment = settings.environment
        self.bolt = slack_app.build(client, workspace, words=words, signing_secret=environment.slack_signing_secret)
        token = environment.slack_app_token
        self.sockets = Sockets(self.bolt, token, leases) if token else None
        self.gauges = Gauges(database, budget, self.sockets, clock.now)

    async def run(self) -> None:
        """Answer HTTP first, then connect everything else; ends with the server, which ends with a signal."""
        await self.clock.settle()
        self.swept = self.looked = now = self.clock.now()
        await self.database.write(catalogue.apply, self.settings.decisions, now)
        server = self._server()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
        workers = [asyncio.create_task(self._hold(name), name=f"worker {name}") for name in self.loops]
        tasks = [asyncio.create_task(task, name=f"{task!r}") for task in self._tasks()]
        for task in (*workers, *tasks):
            task.add_done_callback(_complain)
        logger.info("listening", extra={"address": self.settings.environment.listen, "replica": self.leases.holder})
        try:
            gc.freeze()  # what was made so far stays: every full collection would go through all of it again
            await server.serve()
        finally:
            logger.info("stopping")
            await self._drain(workers, tasks)

    def wake(self) -> None:
        """Say that something was touched, also to the replica whose business it is."""
        self._wake_loops()
        if self.bell is not None and not all(self.leases.holds(name) for name in self.loops):
            self.bell.ring()

    def _wake_loops(self) -> None:
        for loop in self.loops.values():
            loop.wake()

    def _loop(self, name: str, surface: Surface, render: loops.Render) -> loops.Loop:
        fenced = Fenced(surface, Fence(self.leases, name))
        return loops.Loop(self.database, fenced, f"{name}/", render, self.clock.now, self.clock.sleep)

    def _tasks(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what runs beside the HTTP server."""
        yield self.leases.run()
        if self.bell is not None:
            yield self.bell.listen(self._wake_loops)
        if self.clock.url is not None:
            yield self.clock.follow()
        if self.sockets is not None:
            yield self.sockets.run(self.clock.sleep, partial(self._try_again, "slack/"))
        yield self._repeat(self._introduce, DIRECTORY_EVERY)
        yield self.leases.while_held(TICKER, self._keep_time)

    def _server(self) -> _Server:
        host, port = self.settings.environment.host_port
        endpoints = routes(Endpoints(self.intake, self._ready, self.gauges.read))
        if self.settings.environment.slack_signing_secret:
            endpoints.append(slack_app.http_route(self.bolt))
        config = uvicorn.Config(
            Starlette(routes=endpoints),
            host=host,
            port=port,
            http="httptools",
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        return _Server(config)

    async def _hold(self, name: str) -> None:
        await self.leases.while_held(name, partial(self._work, self.loops[name]))

    async def _work(self, loop: loops.Loop) -> None:
        """Keep one place up to date, from where whoever did it before us stopped."""
        now = self.clock.now()
        await self.database.write(release_leases, now, loop.prefix)
        await self.database.write(try_again, now, loop.prefix)
        polling = asyncio.create_task(self._poll()) if loop.prefix == f"{JIRA}/" else None
        try:
            await loops.run(loop, workers=WORKERS[loop.prefix])
        finally:
            if polling is not None:
                polling.cancel()

    async def _poll(self) -> None:
        assert self.tickets is not None
        self.ticket_state = "connecting"
        every = timedelta(seconds=self.settings.decisions.jira.poll_seconds)
        now, sleep = self.clock.now, self.clock.sleep
        store, notice = self._store_ticket, self._notice_tickets
        await poll(self.tickets, self.database, store, now=now, sleep=sleep, every=every, notice=notice)

    async def _keep_time(self) -> None:
        """Do what is due at a time rather than because something came."""
        scheduler = schedule.start(self._tick, self.settings.decisions.digests, real_clock=self.clock.url is None)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_jumps(scheduler))
                tasks.create_task(self._repeat(self._sync_directory, DIRECTORY_EVERY))
                tasks.create_task(self._repeat(self._keep_house, HOUSEKEEPING))
        finally:
            scheduler.shutdown(wait=False)

    async def _drain(self, workers: Sequence[asyncio.Task[None]], tasks: Sequence[asyncio.Task[None]]) -> None:
        """Let the calls to Slack and Jira that are under way end; what does not is found again by whoever is next."""
        self.leases.close()
        for loop in self.loops.values():
            loop.closing = True
            loop.wake()
        await asyncio.wait(workers, timeout=DRAIN_S)
        with suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(CLOSE_S):
                if self.sockets is not None:
                    await self.sockets.close()
        for task in (*workers, *tasks):
            task.cancel()
        await asyncio.gather(*workers, *tasks, return_exceptions=True)
        with suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(CLOSE_S):
                await self.leases.give_back()

    async def _ready(self) -> dict[str, Any]:
        slack = self.sockets.state if self.sockets is not None else "connected"
        try:
            async with asyncio.timeout(READY_S):
                await self.database.write(_beat, self.clock.now())
            db = "ok"
        except (TimeoutError, StoreUnavailable):
            db = "cannot commit"
        jira = self.ticket_state if self.tickets is None or self.leases.holds(JIRA) else "elsewhere"
        return {"db": db, "slack": slack, "jira": jira, "replica": self.leases.holder, "holds": self.leases.held}

    async def _channel_id(self, name: str) -> str | None:
        found = (await self.database.read(channel_ids, [name])).get(name)
        if found is None:
            with suppress(*UNREACHABLE):  # it is asked for again
                await self._sync_directory()
            found = (await self.database.read(channel_ids, [name])).get(name)
        return found

    async def _refuse(self, kind: str, reason: str) -> None:
        logger.warning("slack refuses a block type", extra={"block": kind, "reason": reason})
        await self.database.write(_remember_refused, kind, reason, self.clock.now())

    async def _repeat(self, work: Callable[[], Awaitable[None]], every: timedelta) -> None:
        """Do WORK every so often until cancelled, and soon again while the database or Slack cannot be reached."""
        while True:
            pause = every
            try:
                await work()
            except (StoreUnavailable, *UNREACHABLE) as e:
                logger.warning("not done", extra={"what": work.__name__.strip("_"), "error": str(e)})
                pause = min(every, HOUSEKEEPING)
            await self.clock.sleep(pause)

    async def _introduce(self) -> None:
        """Learn the address of the workspace."""
        identity = await self.client.auth_test()
        self.rendering.workspace_url = str(identity.get("url") or self.rendering.workspace_url).rstrip("/")

    async def _sync_directory(self) -> None:
        """Read who and what is in the workspace."""
        await directory.sync(self.client, self.database)

    async def _written(self, remote_id: RemoteId, incident_id: int) -> None:
        """Read back a ticket that was just written; if that fails, the next poll does it."""
        assert self.tickets is not None
        with suppress(OutboundError):
            await read_back(self.tickets, {remote_id: incident_id}, self._store_ticket, self.clock.now)

    async def _store_ticket(self, fact: TicketFact, remote_id: RemoteId, asked: datetime) -> None:
        if await self.database.write(record_ticket, fact, remote_id, asked):
            self.wake()

    async def _notice_tickets(self, state: str) -> None:
        """Tell admins when the ticket system goes away, and in the same message when it is back."""
        if state == "connected" != self.ticket_state:
            await self._try_again("jira/")
        if "down" in (state, self.ticket_state) and self.rules.admins:
            notes = [keys.operator_note(admin, "jira") for admin in self.rules.admins]
            await self.database.write(touch, self.clock.now(), *notes)
            self.wake()
        self.ticket_state = state

    async def _try_again(self, prefix: str) -> None:
        """What failed or was refused goes on at once: the other side is there again, or somebody mended it."""
        with suppress(StoreUnavailable):  # it goes on later, when its back-off ends
            await self.database.write(try_again, self.clock.now(), prefix)
            self.wake()

    async def _tick(self) -> None:
        now = self.clock.now()
        await schedule.tick(self.database.write, self.settings, now)
        if abs(now - self.looked) >= deadlines.EVERY:
            self.looked = now
            await self.database.write(deadlines.look, now, self.rules, tuple(self.settings.decisions.sources))
        self.wake()

    async def _follow_jumps(self, scheduler: AsyncIOScheduler) -> None:
        while True:
            await self.clock.jumped()
            schedule.wake(scheduler, self._tick)
            self.wake()

    async def _keep_house(self) -> None:
        """End quiet storms; once a day do what somebody may have forgotten, and forget what is old."""
        now = self.clock.now()
        if await self.database.write(close_quiet, now):
            self.wake()
        await self.database.write(forget_expired)
        if now - self.swept >= SWEEP_EVERY:
            await self.database.write(touch_open, now, now - SWEPT_BACK)
            await self._try_again("")
            kept = timedelta(days=self.settings.decisions.retention.deliveries_days)
            while await self.database.write(forget_deliveries, now - kept) == BATCH:
                pass  # intake has its turn in between
            self.swept = now


def _complain(task: asyncio.Task[None]) -> None:
    """A task of ours never ends by itself: if one does, say so loudly; the process goes on with the rest."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("task died", exc_info=error, extra={"task": task.get_name()})


def _beat(db: Session, now: datetime) -> None:
    """Write something, because an empty transaction commits on a full disk, too; the name is no source's."""
    db.merge(Heartbeat(source="bot:ready", last_at=now))


def _remember_refused(db: Session, kind: str, reason: str, now: datetime) -> None:
    db.merge(Capability(name=kind, refused_at=now, reason=reason[:500]))
