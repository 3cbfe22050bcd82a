"""How payloads reach the app: one of several connections, an answer within 3 s, and for events again and again.

Only events are delivered again (at once, after 1 and after 5 minutes of sandbox time); commands and
interactions are not. https://docs.slack.dev/apis/events-api#retries
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol

from bot.sandbox.clock import Clock
from bot.sandbox.faults import Faults

logger = logging.getLogger(__name__)

Kind = Literal["events_api", "slash_commands", "interactive"]
RETRIES = (timedelta(0), timedelta(minutes=1), timedelta(minutes=5))
HELD_BACK_S = 0.25  # the longest that a reordered event waits for another one


@dataclass(frozen=True)
class Envelope:
    """One payload on its way; `attempt` counts from 0."""

    kind: Kind
    payload: dict[str, Any]
    attempt: int = 0
    reason: str = ""
    envelope_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Answer:
    """`error` is empty for an ack, else Slack's word; `payload` is what came with the ack."""

    error: str = ""
    payload: Any = None
    ms: float = 0.0


class Transport(Protocol):
    """Socket Mode or HTTP. `send` returns when acked, refused, or after `deadline_s` real seconds."""

    @property
    def reachable(self) -> bool: ...

    async def send(self, envelope: Envelope, deadline_s: float, *, patient: bool) -> Answer: ...


class Delivery:
    def __init__(self, transport: Transport, clock: Clock, faults: Faults, ack_s: float) -> None:
        self.transport = transport
        self.delivered = 0
        self._clock, self._faults, self._ack_s = clock, faults, ack_s
        self._tasks: set[asyncio.Task[Any]] = set()
        self._gate: asyncio.Event | None = None  # the event that is held back waits for it

    @property
    def under_way(self) -> int:
        """How many events are on their way, or waiting to be sent again."""
        return len(self._tasks)

    async def ask(self, kind: Kind, payload: dict[str, Any]) -> Answer:
        """Deliver a command or an interaction once and return the ack."""
        self.delivered += 1
        begun = time.monotonic()
        if self._down():
            return Answer("dispatch_failed")
        answer = await self.transport.send(Envelope(kind, payload), self._ack_s, patient=False)
        return Answer(answer.error, answer.payload, (time.monotonic() - begun) * 1000)

    def tell(self, payload: dict[str, Any]) -> asyncio.Future[Answer]:
        """Start to deliver an event; the future is done at the first ack, or when Slack gives up."""
        self.delivered += 1
        first: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._spawn(self._deliver(Envelope("events_api", payload), first))
        return first

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, envelope: Envelope, first: asyncio.Future[Answer]) -> None:
        begun = time.monotonic()
        answer = Answer("dispatch_failed")
        try:
            answer = await self._until_acked(envelope)
        finally:
            if not first.done():
                first.set_result(Answer(answer.error, answer.payload, (time.monotonic() - begun) * 1000))
        if not answer.error and self._faults.strikes("redeliver") is not None:
            await self._attempt(_again(envelope, 1, "operation_timeout"))

    async def _until_acked(self, envelope: Envelope) -> Answer:
        await self._maybe_reorder()
        if self._faults.strikes("duplicate_events") is not None:
            self._spawn(self._once(Envelope("events_api", envelope.payload)))
        answer = await self._attempt(envelope)
        for number, pause in enumerate(RETRIES, start=1):
            if not answer.error:
                return answer
            await self._clock.sleep(pause)
            answer = await self._attempt(_again(envelope, number, answer.error))
        if answer.error:
            logger.info("event given up", extra={"event": envelope.payload.get("event_id")})
        return answer

    async def _once(self, envelope: Envelope) -> None:
        await self._attempt(envelope)

    async def _attempt(self, envelope: Envelope) -> Answer:
        if self._down():
            return Answer("dispatch_failed")
        return await self.transport.send(envelope, self._ack_s, patient=True)

    def _down(self) -> bool:
        """Say whether all of Slack is down, not only some methods or the next n calls."""
        options = self._faults.options("slack_down")
        return options is not None and not {"methods", "n", "p"} & set(options)

    async def _maybe_reorder(self) -> None:
        """Hold every second event back, so that its successor overtakes it."""
        if self._faults.options("reorder_events") is None:
            return
        gate = self._gate
        if gate is None or gate.is_set():
            if self._faults.strikes("reorder_events") is None:
                return
            self._gate = asyncio.Event()
            try:
                async with asyncio.timeout(HELD_BACK_S):
                    await self._gate.wait()
            except TimeoutError:
                pass
            self._gate = None
        else:
            asyncio.get_running_loop().call_later(0.02, gate.set)


def _again(envelope: Envelope, attempt: int, error: str) -> Envelope:
    reason = {"operation_timeout": "timeout", "http_error": "http_error"}.get(error, "connection_failed")
    return Envelope(envelope.kind, envelope.payload, attempt, reason, envelope.envelope_id)
