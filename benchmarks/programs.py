"""Programs under measurement: started, waited for, ended."""

import asyncio
import os
import random
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

START_S = 20.0


@dataclass
class Program:
    """One program that answers /healthz on PORT."""

    arguments: tuple[str, ...]
    port: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> float:
        """Start it and wait until it answers; returns how many seconds that took."""
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.arguments, stdout=log, stderr=log, env={**os.environ, **self.environment}
            )
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while time.monotonic() - begun < START_S and self.process.returncode is None:
                try:
                    if (await client.get(f"http://127.0.0.1:{self.port}/healthz")).status_code == 200:
                        return time.monotonic() - begun
                except httpx.TransportError:
                    await asyncio.sleep(0.005)
        raise RuntimeError(f"{' '.join(self.arguments)} did not start: {self.log.read_text()[-500:]}")

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    async def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def free_port() -> int:
    """Return a port that is free, and the next one, too; none that the system gives to others of itself."""
    for port in random.sample(range(20_000, 30_000, 2), k=5_000):
        with suppress(OSError), socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            return port
    raise RuntimeError("no two ports in a row are free")
