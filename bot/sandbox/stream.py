"""Server-sent events: what changed in a window, pushed as soon as it changed.

One connection per window. A push carries rows (new and changed messages as HTML, by id) and regions (the
parts around them). The event id is "boot-version": a browser that comes back after a broken connection gets
what changed since, and everything if the sandbox was started anew meanwhile.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markupsafe import Markup

from bot.sandbox import panels
from bot.sandbox.box import Sandbox
from bot.sandbox.feed import Feed
from bot.sandbox.inspector import Tally
from bot.sandbox.look import Look, fresh, viewer_of
from bot.sandbox.pulse import Pulse
from bot.sandbox.viewer import Viewer
from bot.sandbox.world import World

GAP_S = 0.04  # the first change is pushed at once; a storm is pushed 25 times a second
IDLE_S = 1.0  # how long a change that beats no pulse (a recorded call) may wait
KEEP_ALIVE_S = 15.0


def stamp(world: World) -> str:
    """Return the version as the event id; the boot part tells two runs of the sandbox apart."""
    return f"{id(world):x}-{world.version}"


def version_in(world: World, mark: str) -> int | None:
    """Return the version in an event id of this run, or None."""
    boot, _, number = mark.partition("-")
    if boot != f"{id(world):x}" or not number.isdigit() or int(number) > world.version:
        return None
    return int(number)


def dirty_since(world: World, channel: str, version: int) -> set[str] | None:
    """Return the ts in `channel` that may look different since `version`; None when nobody remembers so far back."""
    effects = world.effects
    if effects and effects[0].version > version + 1:
        return None
    found: set[str] = set()
    for effect in world.effects_since(version):
        if effect.channel != channel:
            continue
        if not effect.ref:
            return None
        found.add(effect.ref)
        message = world.message(channel, effect.ref)
        if message is not None and message.get("thread_ts"):
            found.add(str(message["thread_ts"]))
    return found


@dataclass
class Window:
    """One open browser window and what it was sent."""

    sandbox: Sandbox
    look: Look
    version: int | None
    feeds: dict[str, Feed] = field(default_factory=dict)
    shown: dict[str, Markup] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    hour: tuple[int, datetime] | None = None

    def __post_init__(self) -> None:
        if not self.look.home:
            self.feeds["log"] = Feed(self.sandbox.world)
            if self.look.thread:
                self.feeds["thread-log"] = Feed(self.sandbox.world, self.look.thread)

    def catch_up(self) -> dict[str, Any]:
        """Return the first push: what the page that opened this stream does not have yet."""
        world, viewer = self.sandbox.world, viewer_of(self.sandbox.world, self.look)
        self.shown = self._regions(viewer)
        known = self.version is not None and dirty_since(world, self.look.channel.id, self.version) is not None
        if known:
            for feed in self.feeds.values():
                feed.skip(self.look, viewer)
        push = self._rows(self.version if known else None)
        for rows in push.values():
            rows["full"] = not known
        self.version = world.version
        return push | {"regions": {name: str(html) for name, html in self.shown.items()}}

    def changes(self) -> dict[str, Any]:
        """Return what changed since the last push; empty when nothing that this window shows."""
        world = self.sandbox.world
        self.look = fresh(world, self.look)
        version, self.version = self.version, world.version
        push = self._rows(version)
        drawn = self._regions(viewer_of(world, self.look))
        news = {name: str(html) for name, html in drawn.items() if html != self.shown.get(name)}
        self.shown = drawn
        return push | ({"regions": news} if news else {})

    def _regions(self, viewer: Viewer) -> dict[str, Markup]:
        """Draw the regions; a clock that only goes on is left to the script."""
        drawn = panels.regions(self.sandbox, self.look, viewer, self.tally)
        hour = (self.sandbox.world.clock.pulse.version, viewer.now.replace(minute=0, second=0, microsecond=0))
        if hour == self.hour:
            drawn["clock"] = self.shown["clock"]
        self.hour = hour
        return drawn

    def _rows(self, version: int | None) -> dict[str, Any]:
        world, viewer = self.sandbox.world, viewer_of(self.sandbox.world, self.look)
        dirty = None if version is None else dirty_since(world, self.look.channel.id, version)
        push = {}
        for name, feed in self.feeds.items():
            rows, gone = feed.changes(self.look, viewer, dirty)
            if rows or gone or version is None:
                push[name] = {"rows": rows, "gone": gone}
        return push


async def events(sandbox: Sandbox, look: Look, mark: str) -> AsyncIterator[str]:
    """Yield server-sent events for as long as the browser listens."""
    world = sandbox.world
    window = Window(sandbox, look, version_in(world, mark))
    news = asyncio.Event()
    pulses: tuple[Pulse, ...] = (world.pulse, world.story_pulse, world.clock.pulse, sandbox.faults.pulse)
    for pulse in pulses:
        pulse.listeners.append(news.set)
    try:
        yield f"retry: 500\n{_event(world, window.catch_up())}"
        silent = 0.0
        while True:
            try:
                await asyncio.wait_for(news.wait(), IDLE_S)
            except TimeoutError:
                silent += IDLE_S
            news.clear()
            push = window.changes()
            if push:
                silent = 0.0
                yield _event(world, push)
                await asyncio.sleep(GAP_S)
            elif silent >= KEEP_ALIVE_S:
                silent = 0.0
                yield ": still here\n\n"
    finally:
        for pulse in pulses:
            pulse.listeners.remove(news.set)


def _event(world: World, push: dict[str, Any]) -> str:
    body = json.dumps(push, ensure_ascii=False, separators=(",", ":"))
    return f"id: {stamp(world)}\ndata: {body}\n\n"
