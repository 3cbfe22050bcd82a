"""The HTTP side: deliveries are taken from its first moment on; what it asks of the other side, when that is there."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uvicorn
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.app.process import Process
from bot.domain.errors import StoreUnavailable
from bot.ingest.http import REFUSALS, Endpoints, routes
from bot.ingest.receive import Inlet, Intake
from bot.store.tables import Heartbeat

READY_S = 2


@dataclass(frozen=True)
class Outward:
    """What the HTTP side asks of the side that speaks to Slack and to the ticket system."""

    states: Callable[[], dict[str, str]]
    """How `slack` and `jira` are."""
    measure: Callable[[], Awaitable[None]]
    """Bring up to date what /metrics tells."""
    slack_events: Callable[[Request], Awaitable[Response]]
    """Answer Slack in HTTP mode."""


class Front:
    """The HTTP server of this process."""

    def __init__(self, process: Process, inlets: Mapping[str, Inlet]) -> None:
        """Prepare; `serve` listens."""
        self.listening = asyncio.Event()
        self.outward: asyncio.Future[Outward] = asyncio.get_running_loop().create_future()
        """Known once everything is connected."""
        self._process = process
        environment = process.settings.environment
        intake = Intake(inlets, process.database, process.rules, process.clock.now, process.wake)
        endpoints = routes(Endpoints(intake, self._ready, self._measure))
        if environment.slack_signing_secret:
            endpoints.append(Route("/slack/events", self._slack_events, methods=["POST"]))
        host, port = environment.host_port
        config = uvicorn.Config(
            Starlette(routes=endpoints, exception_handlers=REFUSALS),
            host=host,
            port=port,
            http="httptools",
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        self._server = _Server(config, self.listening)

    async def serve(self) -> None:
        """Answer until `stop`."""
        await self._server.serve()

    def stop(self) -> None:
        """Take nothing more and end."""
        self._server.should_exit = True

    async def _ready(self) -> dict[str, Any]:
        process = self._process
        try:
            async with asyncio.timeout(READY_S):
                await process.database.write(_beat, process.clock.now())
            db = "ok"
        except (TimeoutError, StoreUnavailable):
            db = "cannot commit"
        if self.outward.done():
            states = self.outward.result().states()
        else:
            states = {"slack": "connecting", "jira": "connecting" if process.rules.tickets else "not configured"}
        return {"db": db, **states, "replica": process.leases.holder, "holds": process.leases.held}

    async def _measure(self) -> None:
        if self.outward.done():
            await self.outward.result().measure()

    async def _slack_events(self, request: Request) -> Response:
        """Answer Slack; who comes early waits the moment until we can."""
        return await (await asyncio.shield(self.outward)).slack_events(request)


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which would end the process with the signal's own exit code."""

    def __init__(self, config: uvicorn.Config, listening: asyncio.Event) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as e:  # it logged why; its exit code is none of ours
            raise SystemExit(1) from e
        self._listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _beat(db: Session, now: datetime) -> None:
    """Write something, because an empty transaction commits on a full disk, too; the name is no source's."""
    db.merge(Heartbeat(source="bot:ready", last_at=now))
