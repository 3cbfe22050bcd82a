"""A whole company in one process: the sandbox and the bot wired to it as `run` does it, over real sockets.

The smallest configuration that works as it stands (design section 10). Time runs fast, on the sandbox's clock.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.programs import free_port
from bot.app import serve
from bot.config import load
from bot.demo.stage import Stage, words_of
from bot.sandbox.server import running
from bot.sandbox.settings import Settings

START = datetime(2026, 11, 23, 5, 46, 30, tzinfo=UTC)
"""A little after the captured notifications."""
SPEED = 10.0
CONFIGURATION = """
slack: {command: /model, aliases: [/incident, /oncall]}
jira: {project: ML, issue_type: Bug}
sources:
  alertmanager: {auth: {type: bearer, secret_env: ALERTMANAGER_TOKEN}}
  events: {auth: {type: bearer, secret_env: EVENTS_TOKEN}}
models:
  fraud-scorer: {owner: "@alice", channel: "#ml-fraud"}
digests:
  weekly: {channels: ["#ml-weekly"], at: "Mon 09:00", tz: Europe/Paris, audience: stakeholders}
"""
CD_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
UP_S = 30.0


class Company(Stage):
    """Acts on the two programs, and looks at what people see."""

    def shown(self, state: Any, channel: str, key: str = "slack/") -> str:
        """Return every word on the bot's copies of CHANNEL whose keys begin with KEY."""
        return "\n".join(words_of(m) for m in self.cards(state, channel, key))

    @staticmethod
    def cards(state: Any, channel: str, key: str = "slack/") -> list[Any]:
        """Return the bot's copies in CHANNEL whose keys begin with KEY, oldest first."""
        found = next(c for c in state["channels"] if c["name"] == channel)["messages"]
        named = ((m, (m.get("metadata") or {}).get("event_payload", {}).get("key", "")) for m in found)
        return [m for m, its in named if its.startswith(key) and not m.get("deleted")]

    async def see(self, channel: str, key: str, *words: str) -> Any:
        """Wait until the copies under KEY say all WORDS; returns the first of them."""

        def look(state: Any) -> Any:
            said = self.shown(state, channel, key)
            return self.cards(state, channel, key)[:1] if all(word in said for word in words) else None

        return (await self.expect(f"{key} in #{channel} says {words}", look))[0]

    async def told(self, deed: str, user: str, **given: Any) -> Any:
        """Act, and return the one message about it that only USER reads; it may come later than Slack waits for it."""
        before = _private(await self.state(), user)
        found = (await self.act(deed, user=user, **given))["ephemerals"]
        found = found or await self.expect(
            f"{user} is told", lambda state: [one for one in _private(state, user) if one not in before]
        )
        (one,) = found
        return one

    async def press(self, user: str, channel: str, card: Any, action_id: str, value: str | None = None) -> Any:
        """Press a button of a card as it was shown; VALUE is what an older card's button carries."""
        given = {} if value is None else {"value": value}
        return await self.act("action", user=user, channel=channel, ts=card["ts"], action_id=action_id, **given)


def _private(state: Any, user: str) -> list[Any]:
    """Return what only USER reads, oldest first."""
    (number,) = (one["id"] for one in state["users"] if one["name"] == user)
    return [one for one in state["ephemerals"] if one["user"] == number]


@pytest.fixture
def configuration() -> str:
    """What the company wrote into bellwether.yml; a module of tests may say otherwise."""
    return CONFIGURATION


@pytest.fixture
async def company(tmp_path: Path, database_url: str, configuration: str) -> AsyncIterator[Company]:
    file = tmp_path / "bellwether.yml"
    file.write_text(configuration, encoding="utf-8")
    port = free_port()
    async with running(Settings(port=0, started=START, speed=SPEED)) as sandbox:
        environ = {
            "ALERTMANAGER_TOKEN": "sandbox",
            "EVENTS_TOKEN": "sandbox",
            "CD_SECRET": CD_SECRET,
            "BELLWETHER_LISTEN": f"127.0.0.1:{port}",
            "BELLWETHER_CLOCK": f"{sandbox.address}/_sandbox/clock",
            "DATABASE_URL": database_url,
            "SLACK_API_URL": f"{sandbox.address}/api/",
            "SLACK_BOT_TOKEN": "xoxb-sandbox",
            "SLACK_APP_TOKEN": "xapp-sandbox",
            "JIRA_URL": f"{sandbox.address}/jira",
            "JIRA_EMAIL": "bellwether@example.com",
            "JIRA_API_TOKEN": "sandbox",
        }
        bot = asyncio.create_task(serve(load(environ, path=file)))
        hooks = {"authorization": "Bearer sandbox"}
        async with (
            httpx.AsyncClient(base_url=sandbox.address, trust_env=False, timeout=30) as people,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30, headers=hooks
            ) as sources,
        ):
            try:
                await _until_ready(bot, sources)
            except BaseException:
                bot.cancel()
                raise
            yield Company(people, sources, SPEED, headless=True)
            if not bot.done():
                signal.raise_signal(signal.SIGTERM)
            await bot


async def _until_ready(bot: asyncio.Task[None], sources: httpx.AsyncClient) -> None:
    async with asyncio.timeout(UP_S):
        while not bot.done():
            with suppress(httpx.TransportError):
                answer = await sources.get("/readyz")
                states = {answer.json()[name] for name in ("db", "slack", "jira")}
                if answer.status_code == 200 and states <= {"ok", "connected"}:
                    return
            await asyncio.sleep(0.02)
    await bot
