"""The two programs of the demo, as processes of our own group: what a newcomer would start by hand."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx

START_S, STOP_S = 30.0, 15.0


class DidNotStart(Exception):
    """A program did not come up; the message says where its log is."""


@dataclass
class Child:
    """One program of ours."""

    name: str
    arguments: tuple[str, ...]
    log: Path
    ready: str
    """An address that answers 200 once it can be used."""
    environment: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> float:
        """Start it and wait until it is ready; returns how many seconds that took. Raises DidNotStart."""
        started = time.monotonic()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                *self.arguments,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while time.monotonic() - started < START_S:
                if self.process.returncode is not None:
                    raise DidNotStart(f"{self.name} ended with {self.process.returncode}: {self._last_words()}")
                try:
                    if (await client.get(self.ready)).status_code == 200:
                        return time.monotonic() - started
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)
        raise DidNotStart(f"{self.name} did not come up in {START_S:.0f} s; its log is {self.log}")

    async def stop(self) -> float:
        """Ask it to end and wait; returns how many seconds that took. It is killed when it takes too long."""
        started = time.monotonic()
        if self.process is None or self.process.returncode is not None:
            return 0.0
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError:
            await self.kill()
        return time.monotonic() - started

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"see {self.log}"


def programs(folder: Path, port: int, start: datetime) -> tuple[Child, Child, dict[str, str]]:
    """Return sandbox and bot, and the environment that the bot runs with; data and logs are in FOLDER.

    `start` is what the sandbox's clock says at first.
    """
    here = f"http://127.0.0.1:{port}"
    environment = {
        "BELLWETHER_CONFIG": str(folder / "bellwether.yml"),
        "BELLWETHER_LISTEN": f"127.0.0.1:{port + 1}",
        "BELLWETHER_CLOCK": f"{here}/_sandbox/clock",
        "DATABASE_URL": f"sqlite:///{folder / 'bellwether.db'}",
        "DEMO_HOOK_TOKEN": "sandbox",
        "SLACK_API_URL": f"{here}/api/",
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "JIRA_URL": f"{here}/jira",
        "JIRA_EMAIL": "bellwether@example.com",
        "JIRA_API_TOKEN": "sandbox",
    }
    state = str(folder / "sandbox.json")
    arguments = ("sandbox", "--port", str(port), "--state", state, "--start", start.isoformat())
    sandbox = Child("sandbox", arguments, folder / "sandbox.log", f"{here}/")
    ready = f"http://127.0.0.1:{port + 1}/readyz"
    return sandbox, Child("bot", ("run",), folder / "bot.log", ready, environment), environment
