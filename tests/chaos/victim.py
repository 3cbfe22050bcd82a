"""The bot that is killed at points: started by `tests.chaos.crashing`, with everything imported already."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

START_S = 30.0


@dataclass
class Victim:
    """The bot; `armed` names the point at which it kills itself."""

    folder: Path
    environment: Mapping[str, str]
    ready: str
    """An address that answers 200 once it can be used."""
    up: asyncio.Event = field(default_factory=asyncio.Event)
    forks: asyncio.subprocess.Process | None = None
    ending: asyncio.Task[int] | None = None
    pid: int = 0

    @property
    def armed(self) -> Path:
        return self.folder / "point"

    @property
    def log(self) -> Path:
        return self.folder / "bot.log"

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-1000:] if self.log.exists() else ""

    def arm(self, name: str) -> None:
        self.armed.write_text(name)

    def reached(self) -> bool:
        """Return whether it killed itself where it was told to, and forget it."""
        reached = self.armed.with_suffix(".reached")
        there = reached.exists()
        reached.unlink(missing_ok=True)
        self.armed.unlink(missing_ok=True)
        return there

    async def start(self) -> float:
        """Start it and wait until it is ready; returns how many seconds that took."""
        begun = time.monotonic()
        await self.launch()
        async with asyncio.timeout(START_S), httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while not await self._is_ready(client):  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.02)
        self.up.set()
        return time.monotonic() - begun

    async def launch(self) -> None:
        """Start it, and wait for nothing."""
        if self.forks is None:
            arguments = ("-m", "tests.chaos.crashing", str(self.armed), str(self.log))
            pipe = asyncio.subprocess.PIPE
            environment = {**os.environ, **self.environment}
            self.forks = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=pipe, stdout=pipe, env=environment
            )
        assert self.forks.stdin is not None
        self.forks.stdin.write(b"\n")
        self.pid = await self._told()
        self.ending = asyncio.create_task(self._end())

    async def death(self) -> int:
        """Wait until it has ended; returns its exit code."""
        while self.ending is None:  # noqa: ASYNC110 - it is being started
            await asyncio.sleep(0.01)
        code = await asyncio.shield(self.ending)
        self.ending = None
        return code

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            await self.death()

    async def close(self) -> None:
        await self.kill()
        if self.forks is not None:
            self.forks.kill()
            await self.forks.wait()

    async def _end(self) -> int:
        code = await self._told()
        self.pid = 0
        self.up.clear()
        return code

    async def _told(self) -> int:
        assert self.forks is not None
        assert self.forks.stdout is not None
        return int(await self.forks.stdout.readline())

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await client.get(self.ready)).status_code == 200
        return False
