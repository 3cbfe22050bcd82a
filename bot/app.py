"""The composition root: settings in, tasks out; the only module that knows everyone."""

import asyncio
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
from bot.ingest.http import Endpoints, routes
from bot.ingest.receive import Inlet, Intake
from bot.ingest.rules import Rules
from bot.ingest.storms import close_quiet
from bot.ingest.tickets import record_ticket
from bot.ports import RemoteId, Surface, TicketSystem
from bot.reconcile import loop as loops
from bot.reconcile.budget import Budget
from bot.rendering import Rendering
from bot.slack import app as slack_app
from bot.slack import directory
from bot.slack.sockets import Sockets
from bot.slack.surface import SlackSurface
from bot.slack.workspace import Workspace
from bot.store import schema
from bot.store.database import Database
from bot.store.projection import release_leases, touch, touch_open, try_again
from bot.store.queries.directory import channel_ids
from bot.store.retention import BATCH, forget_deliveries
from bot.store.tables import Capability, Heartbeat
from bot.tickets.poll import poll, read_back
from bot.tickets.surface import TicketSurface

logger = logging.getLogger(__name__)

WORKERS = {"slack/": 4, "jira/": 2}
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
    try:
        await database.write(schema.upgrade)
        timeout = aiohttp.ClientTimeout(total=15, connect=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            client = AsyncWebClient(
                token=environment.slack_bot_token,
                base_url=environment.slack_api_url,
                session=session,
                retry_handlers=[],
            )
            await _Bot(settings, clock, inlets, tickets, database, client).run()
    finally:
        if tickets is not None:
            await tickets.close()
        database.close()


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
        client: AsyncWebClient,
    ) -> None:
        decisions = settings.decisions
        self.settings, self.clock, self.tickets, self.database, self.client = settings, clock, tickets, database, client
        self.rendering = Rendering(settings, ticket_url=tickets.browse_url("") if tickets is not None else "")
        self.swept = clock.now()
        self.ticket_state = "connecting" if tickets is not None else "not configured"
        self.rules = Rules(decisions.slack.channel, tickets=tickets is not None, admins=decisions.admins)
        surface = SlackSurface(client, Budget(), clock.now, resolve=self._channel_id, refuse=self._refuse)
        self.loops = [self._loop("slack/", surface, self.rendering.slack)]
        if tickets is not None:
            self.loops.append(self._loop("jira/", TicketSurface(tickets, self._written), self.rendering.ticket))
        self.intake = Intake(inlets, database, self.rules, clock.now, self.wake)
        workspace = Workspace(database, self.rules, self.rendering.look, clock.now, self.wake)
        words = (decisions.slack.command, *decisions.slack.aliases)
        environment = settings.environment
        self.bolt = slack_app.build(client, workspace, words=words, signing_secret=environment.slack_signing_secret)
        self.sockets = Sockets(self.bolt, environment.slack_app_token) if environment.slack_app_token else None

    async def run(self) -> None:
        """Answer HTTP first, then connect everything else; ends with the server, which ends with a signal."""
        await self.clock.settle()
        self.swept = now = self.clock.now()
        await self.database.write(catalogue.apply, self.settings.decisions, now)
        await self.database.write(release_leases, now)
        await self.database.write(try_again, now, "slack/")
        server = self._server()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
        workers = [asyncio.create_task(self._work(loop), name=f"worker {loop.prefix}") for loop in self.loops]
        tasks = [asyncio.create_task(task, name=f"{task!r}") for task in self._tasks()]
        scheduler = schedule.start(self._tick, self.settings.decisions.digests, real_clock=self.clock.url is None)
        tasks.append(asyncio.create_task(self._follow_jumps(scheduler), name="jumps"))
        for task in (*workers, *tasks):
            task.add_done_callback(_complain)
        logger.info("listening", extra={"address": self.settings.environment.listen})
        try:
            await server.serve()
        finally:
            logger.info("stopping")
            scheduler.shutdown(wait=False)
            await self._drain(workers, tasks)

    def wake(self) -> None:
        """Say that something was touched."""
        for loop in self.loops:
            loop.wake()

    def _loop(self, prefix: str, surface: Surface, render: loops.Render) -> loops.Loop:
        return loops.Loop(self.database, surface, prefix, render, self.clock.now, self.clock.sleep)

    def _tasks(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what runs beside the HTTP server."""
        if self.clock.url is not None:
            yield self.clock.follow()
        if self.sockets is not None:
            yield self.sockets.run(self.clock.sleep, partial(self._try_again, "slack/"))
        yield self._repeat(self._sync_directory, DIRECTORY_EVERY)
        if self.tickets is not None:
            every = timedelta(seconds=self.settings.decisions.jira.poll_seconds)
            now, sleep = self.clock.now, self.clock.sleep
            store, notice = self._store_ticket, self._notice_tickets
            yield poll(self.tickets, self.database, store, now=now, sleep=sleep, every=every, notice=notice)
        yield self._repeat(self._keep_house, HOUSEKEEPING)

    def _server(self) -> _Server:
        host, port = self.settings.environment.host_port
        endpoints = routes(Endpoints(self.intake, self._ready))
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

    async def _work(self, loop: loops.Loop) -> None:
        await loops.run(loop, workers=WORKERS[loop.prefix])

    async def _drain(self, workers: Sequence[asyncio.Task[None]], tasks: Sequence[asyncio.Task[None]]) -> None:
        """Let the calls to Slack and Jira that are under way end; what does not is found again at the next start."""
        for loop in self.loops:
            loop.closing = True
            loop.wake()
        await asyncio.wait(workers, timeout=DRAIN_S)
        if self.sockets is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self.sockets.close()
        for task in (*workers, *tasks):
            task.cancel()
        await asyncio.gather(*workers, *tasks, return_exceptions=True)

    async def _ready(self) -> dict[str, str]:
        slack = self.sockets.state if self.sockets is not None else "connected"
        try:
            async with asyncio.timeout(READY_S):
                await self.database.write(_beat, self.clock.now())
            db = "ok"
        except (TimeoutError, StoreUnavailable):
            db = "cannot commit"
        return {"db": db, "slack": slack, "jira": self.ticket_state}

    async def _channel_id(self, name: str) -> str | None:
        found = (await self.database.read(channel_ids, [name])).get(name)
        if found is None:
            await self._sync_directory()
            found = (await self.database.read(channel_ids, [name])).get(name)
        return found

    async def _refuse(self, kind: str, reason: str) -> None:
        logger.warning("slack refuses a block type", extra={"block": kind, "reason": reason})
        await self.database.write(_remember_refused, kind, reason, self.clock.now())

    async def _repeat(self, work: Callable[[], Awaitable[None]], every: timedelta) -> None:
        """Do WORK every so often until cancelled; that the database cannot be used for a while ends nothing."""
        while True:
            try:
                await work()
            except StoreUnavailable as e:
                logger.warning("the database cannot be used", extra={"for": work.__name__, "error": str(e)})
            await self.clock.sleep(every)

    async def _sync_directory(self) -> None:
        """Read who and what is in the workspace."""
        try:
            identity = await self.client.auth_test()
            self.rendering.workspace_url = str(identity.get("url") or self.rendering.workspace_url).rstrip("/")
            await directory.sync(self.client, self.database)
        except (SlackApiError, aiohttp.ClientError, OSError) as e:
            logger.warning("slack's directory cannot be read", extra={"error": str(e)})

    async def _written(self, remote_id: RemoteId, incident_id: int) -> None:
        """Read back a ticket that was just written; if that fails, the next poll does it."""
        assert self.tickets is not None
        with suppress(OutboundError):
            await read_back(self.tickets, {remote_id: incident_id}, partial(self._store_ticket, ours=True))

    async def _store_ticket(self, fact: TicketFact, remote_id: RemoteId, *, ours: bool = False) -> None:
        if await self.database.write(record_ticket, fact, remote_id, self.clock.now(), ours=ours):
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
        await schedule.tick(self.database.write, self.settings, self.clock.now())
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
