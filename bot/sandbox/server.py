"""The sandbox as a server: its routes together, and uvicorn on a loopback address.

In a test: `async with running(Settings(...)) as sandbox:` and talk to `sandbox.address`. As a program:
`serve`.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from bot.sandbox import people, responses, webapi
from bot.sandbox.box import Sandbox
from bot.sandbox.control import Control
from bot.sandbox.guard import LOOPBACK, Guard
from bot.sandbox.jira import routes as jira
from bot.sandbox.page import routes as page
from bot.sandbox.settings import Settings
from bot.sandbox.store import Store
from bot.sandbox.wire import Line, SocketLine

TICK_S = 0.1  # uvicorn's; it counts ten of them for a new Date header
LAST_WORDS_S = 2.0


def build(settings: Settings) -> Starlette:
    """Return the application; `app.state.sandbox` is the Sandbox behind it."""
    return application(Sandbox(settings))


def application(sandbox: Sandbox) -> Starlette:
    async def link(socket: WebSocket) -> None:
        await sandbox.sockets.serve(socket)

    store = Store(sandbox.world, sandbox.settings.state)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        store.load()
        async with store.saving():
            yield

    routes: list[BaseRoute] = [
        *webapi.routes(sandbox),
        WebSocketRoute("/link/", link),
        WebSocketRoute("/link", link),
        *responses.routes(sandbox),
        *people.routes(sandbox),
        *Control(sandbox).routes(),
        *jira.routes(sandbox),
        *page,
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Guard)], lifespan=lifespan)
    app.state.sandbox = sandbox
    return app


def listen(host: str, port: int) -> socket.socket:
    """Bind a loopback address; port 0 takes a free one. Raises ValueError for any other host, OSError when taken."""
    if host not in LOOPBACK:
        raise ValueError(f"the sandbox listens on loopback only, not on {host}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio sets TCP_NODELAY only then, and without it each answer takes 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(1024)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


class Server(uvicorn.Server):
    """uvicorn that ends at once: it waits neither for its next tick nor for streams that are open on purpose."""

    def __init__(self, config: uvicorn.Config, sandbox: Sandbox) -> None:
        super().__init__(config)
        self._sandbox = sandbox
        self._end = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._end.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`."""
        yield

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in self.servers:
            listening.close()
        await self._sandbox.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Line) and connection.is_busy():
                connection.transport.abort()
            else:
                connection.shutdown()
        tasks = list(self.server_state.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORDS_S)
        await self.lifespan.shutdown()


def server(sandbox: Sandbox, bound: socket.socket) -> Server:
    """Return a server for the bound socket; the sandbox learns its address."""
    host, port = bound.getsockname()[:2]
    sandbox.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    config = uvicorn.Config(
        application(sandbox),
        http=Line,
        ws=SocketLine,
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        timeout_keep_alive=75,
    )
    return Server(config, sandbox)


async def serve(settings: Settings, host: str = "127.0.0.1") -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    with contextlib.closing(listen(host, settings.port)) as bound:
        running_server = server(Sandbox(settings), bound)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running_server.stop)
        await running_server.serve(sockets=[bound])


@asynccontextmanager
async def running(settings: Settings, host: str = "127.0.0.1") -> AsyncIterator[Sandbox]:
    """Run a sandbox in this event loop, on a free port if `settings.port` is 0."""
    sandbox = Sandbox(settings)
    bound = listen(host, settings.port)
    inside = server(sandbox, bound)
    task = asyncio.create_task(inside.serve(sockets=[bound]))
    try:
        while not inside.started and not task.done():  # noqa: ASYNC110 - uvicorn has a flag, not an event
            await asyncio.sleep(0.002)
        yield sandbox
    finally:
        inside.stop()
        await task
        bound.close()
