"""One act of a person: when it began, what was seen of it since, and when it is over.

An act is over when the app has acked, something became visible and nothing more did for a moment, or after
three seconds. What counts as visible is what this person can see, in the channel of the act.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from bot.sandbox.api.views import public
from bot.sandbox.box import Sandbox
from bot.sandbox.delivery import Answer
from bot.sandbox.events import Told
from bot.sandbox.world import Channel, Effect, User

LONGEST_S = 3.0
# After an act to which the app need not answer (a reaction, a plain message) nobody waits three seconds for
# nothing.
PASSIVE_S = 1.0


class Act:
    """Made at the start of a person's act; `channel` None (App Home, a modal) means anywhere they can see."""

    def __init__(self, sandbox: Sandbox, user: User, channel: Channel | None = None) -> None:
        self.sandbox, self.user, self.channel = sandbox, user, channel
        self.begun = time.monotonic()
        self.since = sandbox.world.version
        self.ack_ms: float | None = None
        self.extra: dict[str, Any] = {}

    def acked(self, answer: Answer) -> Answer:
        if not answer.error:
            self.ack_ms = round(answer.ms, 1)
        return answer

    async def heard(self, told: Told, longest_s: float = LONGEST_S) -> None:
        """Wait for the app's ack of events and then as `settle`; an event that is not acked is no error here."""
        if told and self.sandbox.delivery.transport.reachable:
            done, _ = await asyncio.wait(told, timeout=LONGEST_S)
            for future in done:
                self.acked(future.result())
            await self.settle(longest_s)

    async def settle(self, longest_s: float = LONGEST_S) -> None:
        """Return after the last visible effect, or `longest_s` after the start."""
        world = self.sandbox.world
        until = self.begun + longest_s
        while True:
            seen = world.version
            last = next(self._visible(), None)
            now = time.monotonic()
            wake = until if last is None else min(until, last.at + self.sandbox.settings.quiet_s)
            if now >= wake or self.sandbox.closing:
                return
            if last is None:
                await world.changed(seen, wake - now)
            else:  # not woken by every change of a storm; what came meanwhile is seen at the end of the quiet
                await asyncio.sleep(wake - now)

    def answer(self, error: str = "") -> dict[str, Any]:
        """Return what the endpoint answers: what appeared or changed since, for this person and channel."""
        world = self.sandbox.world
        effects = list(self._visible())
        refs = {(effect.kind, effect.channel, effect.ref) for effect in effects}
        channels = {channel for kind, channel, _ in refs if kind in ("message", "reaction", "pin")}
        messages = [
            message | {"channel": channel}
            for channel in sorted(channels)
            for message in self._changed_messages(channel, refs)
        ]
        shown = {ref for kind, _, ref in refs if kind == "ephemeral"}
        recent = world.ephemerals[-200:]
        view = world.open_view(self.user.id)
        return {
            "ok": not error,
            "error": error or None,
            "ack_ms": self.ack_ms,
            "visible_ms": round((effects[0].at - self.begun) * 1000, 1) if effects else None,
            "ephemerals": [one for one in recent if one["ts"] in shown and one["user"] == self.user.id],
            "messages": messages,
            "view": public(view) | {"errors": view.get("errors", {})} if view is not None else None,
            **self.extra,
        }

    def _changed_messages(self, channel: str, refs: set[tuple[str, str, str]]) -> list[dict[str, Any]]:
        wanted = {ref for _, where, ref in refs if where == channel}
        found = (self.sandbox.world.message(channel, ref) for ref in sorted(wanted))
        return [message for message in found if message is not None]

    def _visible(self) -> Iterator[Effect]:
        """Yield what the app made this person see, newest first."""
        channels = self.sandbox.world.channels
        for effect in self.sandbox.world.effects_since(self.since):
            if effect.cause == "person" or effect.cause == "jira":
                continue
            if effect.user and effect.user != self.user.id:
                continue
            if effect.channel and not effect.user:
                channel = channels.get(effect.channel)
                if channel is None or self.user.id not in channel.members:
                    continue
                if self.channel is not None and channel is not self.channel and channel.user != self.user.id:
                    continue
            yield effect
