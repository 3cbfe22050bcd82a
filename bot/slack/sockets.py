"""Socket Mode: two connections a process, so that a refresh of one never leaves a gap.

Slack sends each payload to any one connection. The SDK reconnects by itself; we say when Slack goes away and when it
is back, once each, and are asked by /readyz.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Literal

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot.ports import Sleep

logger = logging.getLogger(__name__)
sdk_logger = logging.getLogger("slack_sdk.socket_mode.quiet")
sdk_logger.setLevel(logging.CRITICAL)  # it logs a traceback at every try to reconnect

CONNECTIONS = 2
PING_S = 3
"""Finds a half-open connection within about twice this time (platforms.md section 3)."""
WATCH = timedelta(seconds=2)

State = Literal["connected", "connecting", "down"]


class Sockets:
    """The connections of one process."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        """Prepare; `run` connects."""
        self._handlers: Sequence[AsyncSocketModeHandler] = [
            AsyncSocketModeHandler(app, app_token, logger=sdk_logger, ping_interval=PING_S) for _ in range(CONNECTIONS)
        ]
        self.state: State = "connecting"

    async def run(self, sleep: Sleep, back: Callable[[], Awaitable[None]]) -> None:
        """Connect, and watch the connections until cancelled; call BACK whenever Slack is there again."""
        connecting = [asyncio.create_task(handler.client.connect()) for handler in self._handlers]
        try:
            while True:
                if self._notice(await self._connected()):
                    await back()
                await sleep(WATCH) if self.state == "connected" else await asyncio.sleep(0.1)
        finally:
            for task in connecting:
                task.cancel()

    async def close(self) -> None:
        """Disconnect."""
        for handler in self._handlers:
            await handler.client.close()

    async def _connected(self) -> int:
        return sum([bool(await handler.client.is_connected()) for handler in self._handlers])

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
