"""Keeping the world in a file (`--state FILE`): saved a moment after a change, replaced in one step.

What is kept is what a person could see; triggers, response_urls, faults and the record of calls are not.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.sandbox.world import Channel, User, World

logger = logging.getLogger(__name__)

FORMAT = 1
PAUSE_S = 0.3


class Store:
    """`path` None keeps nothing."""

    def __init__(self, world: World, path: Path | None) -> None:
        self._world, self._path = world, path

    def load(self) -> None:
        """Take over what the file has, if it is there. Raises ValueError for a file that is not ours."""
        if self._path is None or not self._path.exists():
            return
        kept = json.loads(self._path.read_text())
        if not isinstance(kept, dict) or kept.get("format") != FORMAT:
            raise ValueError(f"{self._path}: not the state of a sandbox (format {FORMAT})")
        restore(self._world, kept)

    @asynccontextmanager
    async def saving(self) -> AsyncIterator[None]:
        """Save after changes while this is open, and once at the end."""
        if self._path is None:
            yield
            return
        task = asyncio.get_running_loop().create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self._save(self._path)

    async def _follow(self) -> None:
        assert self._path is not None  # saving looks
        seen = self._world.version
        while True:
            seen = await self._world.pulse.wait(seen, None)
            await asyncio.sleep(PAUSE_S)
            seen = self._world.version
            try:
                self._save(self._path)
            except OSError:
                logger.exception("the state cannot be saved")

    def _save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".new")
        draft.write_text(json.dumps(snapshot(self._world), ensure_ascii=False))
        draft.replace(path)


def snapshot(world: World) -> dict[str, Any]:
    """Return the world as JSON."""
    return {
        "format": FORMAT,
        "users": [vars(user) for user in world.users.values()],
        "channels": [vars(channel) | {"members": sorted(channel.members)} for channel in world.channels.values()],
        "messages": world.messages,
        "ephemerals": world.ephemerals,
        "homes": world.homes,
        "issues": world.issues,
        "last_id": world.last_id,
    }


def restore(world: World, kept: dict[str, Any]) -> None:
    """Make `world` what `snapshot` returned; the app's own user keeps its present name."""
    ours = {user.id: user for user in world.users.values() if user.is_bot}
    world.users = {one["id"]: User(**one) for one in kept["users"]} | ours
    world.channels = {one["id"]: Channel(**one | {"members": set(one["members"])}) for one in kept["channels"]}
    world.messages = {channel: kept["messages"].get(channel, []) for channel in world.channels}
    world.ephemerals = kept["ephemerals"]
    world.homes = kept["homes"]
    world.issues = kept["issues"]
    world.last_id = int(kept["last_id"])
    world.claim(message["ts"] for stored in world.messages.values() for message in stored)
    world.touch("world", "slack")
