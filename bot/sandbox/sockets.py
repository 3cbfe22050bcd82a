"""Socket Mode: tickets, connections, envelopes and acks. https://docs.slack.dev/apis/events-api/using-socket-mode

Each payload goes to any one of the connections, never to all. An ack counts from whichever connection it
comes.
"""

import asyncio
import json
import logging
import random
import secrets
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.delivery import Answer, Envelope
from bot.sandbox.faults import Faults
from bot.sandbox.pulse import Pulse
from bot.sandbox.world import APP

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 10
TICKETS = 1_000


@dataclass(eq=False)
class Connection:
    """One WebSocket. `line` is the raw connection below it (see wire.py): abort it, make it deaf."""

    socket: WebSocket
    number: int

    def line(self, deed: str) -> None:
        wire = self.socket.scope.get("extensions", {}).get("sandbox.line", {})
        if deed in wire:
            wire[deed]()


class Sockets:
    def __init__(self, faults: Faults) -> None:
        self.connections: list[Connection] = []
        self.opened = 0
        self.pulse = Pulse()
        self._tickets: dict[str, None] = {}
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._sent_on: dict[str, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._random = random.Random(11)  # noqa: S311 - "any one", repeatable
        faults.on_moment = self.strike

    @property
    def reachable(self) -> bool:
        return bool(self.connections)

    def ticket(self) -> str:
        """Return a ticket that opens one connection, once."""
        ident = secrets.token_urlsafe(16)
        while len(self._tickets) >= TICKETS:
            del self._tickets[next(iter(self._tickets))]
        self._tickets[ident] = None
        return ident

    async def serve(self, socket: WebSocket) -> None:
        """Run one connection until either side closes it."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(4001, "invalid ticket")
            return
        del self._tickets[ticket]
        await socket.accept()
        if len(self.connections) >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return
        self.opened += 1
        connection = Connection(socket, self.opened)
        self.connections.append(connection)
        try:
            await socket.send_json(self._hello(connection))
            self.pulse.beat()
            while True:
                self._take(await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass  # gone; RuntimeError is starlette's word for a socket that the fault closed under it
        finally:
            self._lose(connection)

    async def send(self, envelope: Envelope, deadline_s: float, *, patient: bool) -> Answer:
        """Hand `envelope` to one connection; a patient sender waits for one to appear."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        while not self.connections:
            left = until - loop.time()
            if not patient or left <= 0:
                return Answer("dispatch_failed")
            await self.pulse.wait(self.pulse.version, left)
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting[envelope.envelope_id] = future
        try:
            async with asyncio.timeout_at(until):
                await self._write(self._random.choice(self.connections), envelope)
                return await future
        except TimeoutError:
            return Answer("operation_timeout")
        finally:
            self._waiting.pop(envelope.envelope_id, None)
            self._sent_on.pop(envelope.envelope_id, None)

    def strike(self, name: str, options: dict[str, Any]) -> None:
        """Drop or deafen what is connected now. `how` is abort (default), close, refresh or warning."""
        hit = self.connections[: int(options["n"])] if "n" in options else list(self.connections)
        hit = [one for one in hit if self._random.random() < float(options.get("p", 1.1))]
        for connection in hit:
            if name == "half_open":
                connection.line("deafen")
            else:
                task = asyncio.get_running_loop().create_task(self._drop(connection, str(options.get("how", "abort"))))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _drop(self, connection: Connection, how: str) -> None:
        try:
            if how in ("refresh", "warning"):
                reason = "refresh_requested" if how == "refresh" else "warning"
                await connection.socket.send_json({"type": "disconnect", "reason": reason})
            elif how == "close":
                await connection.socket.close()
            else:
                connection.line("abort")
        except (WebSocketDisconnect, RuntimeError):
            logger.debug("the connection was gone already")

    async def _write(self, connection: Connection, envelope: Envelope) -> None:
        self._sent_on[envelope.envelope_id] = connection
        message: dict[str, Any] = {
            "envelope_id": envelope.envelope_id,
            "type": envelope.kind,
            "accepts_response_payload": envelope.kind != "events_api",
            "payload": envelope.payload,
        }
        if envelope.kind == "events_api":
            message |= {"retry_attempt": envelope.attempt, "retry_reason": envelope.reason}
        try:
            await connection.socket.send_text(json.dumps(message, ensure_ascii=False))
        except (WebSocketDisconnect, RuntimeError):
            self._lose(connection)

    def _take(self, text: str) -> None:
        try:
            ack = json.loads(text)
        except ValueError:
            return
        future = self._waiting.get(str(ack.get("envelope_id"))) if isinstance(ack, dict) else None
        if future is not None and not future.done():
            future.set_result(Answer(payload=ack.get("payload")))

    def _lose(self, connection: Connection) -> None:
        """Forget the connection; what was on its way on it is answered as failed, so that events come again at once."""
        if connection in self.connections:
            self.connections.remove(connection)
        for ident, on in list(self._sent_on.items()):
            future = self._waiting.get(ident)
            if on is connection and future is not None and not future.done():
                future.set_result(Answer("operation_timeout"))

    def _hello(self, connection: Connection) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {"host": f"sandbox-{connection.number}", "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP},
        }
