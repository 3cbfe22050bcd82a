"""Socket Mode: two connections a replica, so that a refresh of one never leaves a gap, and never more than ten in all.

Slack sends each payload to any one connection. A connection needs a slot, which is a lease. The SDK reconnects by
itself; we say when Slack goes away and when it is back, once each, and are asked by /readyz.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Literal

from prometheus_client import Counter
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot.domain.errors import StoreUnavailable
from bot.ports import Sleep
from bot.reconcile.lease import Leases

logger = logging.getLogger(__name__)
sdk_logger = logging.getLogger("slack_sdk.socket_mode.quiet")
sdk_logger.setLevel(logging.CRITICAL)  # it logs a traceback at every try to reconnect

SLOTS = tuple(f"socket/{n}" for n in range(1, 11))
"""Leases, one a connection: Slack allows ten to an app (platforms.md section 3)."""
CONNECTIONS = 2
"""So many a replica, while there are enough for all."""
PING_S = 3
"""Finds a half-open connection within about twice this time (platforms.md section 3)."""
WATCH = timedelta(seconds=2)
DEAF_S = 30.0
"""Who does not hear for so long is replaced; the SDK itself connects anew within about 12 s."""
CLOSE_S = 2.0

RECYCLED = Counter("bellwether_slack_recycled_sockets_total", "Connections that were replaced because they were deaf")

State = Literal["connected", "connecting", "down"]


class Sockets:
    """The connections of one process."""

    def __init__(self, app: AsyncApp, app_token: str, leases: Leases, *, deaf_s: float = DEAF_S) -> None:
        """Prepare; `run` connects. `deaf_s`: how long one may be deaf until it is replaced."""
        self._deaf_s = deaf_s
        self._open = partial(AsyncSocketModeHandler, app, app_token, logger=sdk_logger, ping_interval=PING_S)
        self._leases = leases
        self._clients: dict[str, SocketModeClient] = {}
        self._heard: dict[SocketModeClient, float] = {}
        """When each was last in order, by the event loop's clock."""
        self._connecting: set[asyncio.Task[None]] = set()
        self.state: State = "connecting"

    async def run(self, sleep: Sleep, back: Callable[[], Awaitable[None]]) -> None:
        """Connect, and watch the connections until cancelled; call BACK whenever Slack is there again."""
        try:
            while True:
                with suppress(StoreUnavailable):  # we go on with the connections that we have
                    await self._adjust()
                await self._replace_deaf()
                if self._notice(await self.connected()):
                    await back()
                waiting = self._clients and self.state != "connected"
                await asyncio.sleep(0.1) if waiting else await sleep(WATCH)
        finally:
            for task in self._connecting:
                task.cancel()

    async def close(self) -> None:
        """Disconnect."""
        for client in self._clients.values():
            await client.close()

    async def _adjust(self) -> None:
        """Have as many connections as is our share: a slot that another replica got is closed, a free one opened."""
        lost = [slot for slot in self._clients if self._leases.seen.get(slot, "") not in ("", self._leases.holder)]
        spare = list(self._clients)[share(self._leases.replicas) :]
        for slot in dict.fromkeys((*lost, *spare)):
            await self._clients.pop(slot).close()
            await self._leases.give_back(slot)
        while len(self._clients) < share(self._leases.replicas):
            if (free := await self._leases.take_one(SLOTS)) is None:
                return
            self._connect(free)

    async def _replace_deaf(self) -> None:
        """Give up the connections that were not in order for too long, and open others in their slots."""
        now = asyncio.get_running_loop().time()
        self._heard = {client: self._heard.get(client, now) for client in self._clients.values()}
        for slot, client in list(self._clients.items()):
            if await client.is_connected() and _is_read(client):
                self._heard[client] = now
            elif now - self._heard[client] > self._deaf_s:
                logger.warning("replacing a deaf connection to slack", extra={"slot": slot})
                RECYCLED.inc()
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_S):
                        await client.close()
                self._connect(slot)

    def _connect(self, slot: str) -> None:
        self._clients[slot] = client = self._open().client
        task = asyncio.create_task(client.connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def connected(self) -> int:
        """Return how many connections are up."""
        return sum([bool(await client.is_connected()) for client in self._clients.values()])

    def _notice(self, connected: int) -> bool:
        """Note whether Slack is there; True when it was not before."""
        if connected and self.state != "connected":
            logger.info("slack is connected", extra={"connections": connected})
            self.state = "connected"
            return True
        if not connected and self.state == "connected":
            logger.warning("slack is gone")
            self.state = "down"
        return False


def _is_read(client: SocketModeClient) -> bool:
    """Return whether the SDK's own tasks still take what comes: one that died leaves a connection that looks well."""
    tasks = (client.message_receiver, client.message_processor)
    return all(task is None or not task.done() for task in tasks)


def share(replicas: int) -> int:
    """Return how many connections each of so many replicas should have."""
    return max(1, min(CONNECTIONS, len(SLOTS) // replicas))
