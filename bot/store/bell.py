"""How replicas tell each other that there is something to do: PostgreSQL's NOTIFY, beside every transaction.

A hint, no more: what nobody heard is found by looking, which everybody does within a second. So it is rung after the
commit, without a word of what was touched, and at most every SPACE; it costs intake nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg

logger = logging.getLogger(__name__)

CHANNEL = "bellwether"
SPACE_S, AGAIN_S, CONNECT_S = 0.05, 1.0, 5.0


class NotifyBell:
    """The bell of all replicas on one database."""

    def __init__(self, url: str) -> None:
        """`url` is the database's."""
        self._url = url
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the other replicas, soon."""
        self._rung.set()

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call HEARD when another replica rang, until cancelled; while the server is away nobody hears anything."""
        away = False
        while True:
            try:
                connection = await asyncpg.connect(self._url, timeout=CONNECT_S, command_timeout=CONNECT_S)
                try:
                    away = False
                    await self._serve(connection, heard)
                finally:
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
                if not away:
                    logger.warning("other replicas cannot be heard", extra={"error": repr(e)})
                away = True
            await asyncio.sleep(AGAIN_S)

    async def _serve(self, connection: Any, heard: Callable[[], None]) -> None:
        ours = connection.get_server_pid()

        def hear(_connection: Any, sender: int, _channel: str, _payload: str) -> None:
            if sender != ours:
                heard()

        connection.add_termination_listener(lambda _connection: self._rung.set())  # then the next call fails
        await connection.add_listener(CHANNEL, hear)
        heard()  # what we may have missed
        while True:
            await self._rung.wait()
            self._rung.clear()
            await connection.execute(f"NOTIFY {CHANNEL}")
            await asyncio.sleep(SPACE_S)
