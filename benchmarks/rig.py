"""The bot and the sandbox as programs of their own, on the sandbox's clock, which runs faster here."""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks.databases import fresh
from benchmarks.figures import Figure
from benchmarks.programs import free_port
from bot.demo.bad_release import CONFIGURATION
from bot.demo.checks import differences, lagging
from bot.demo.children import programs
from bot.demo.stage import HOOK_TOKEN, State, key_of, words_of

START = datetime(2026, 11, 20, 7, 40, tzinfo=UTC)
MODEL, CHANNEL = "fraud-scorer", "ml-fraud"
PATIENCE_S = 60.0
Call = Mapping[str, Any]


@dataclass
class Rig:
    """Both programs; `speed` is how many seconds of the sandbox pass in a real one."""

    slack: httpx.AsyncClient
    hooks: httpx.AsyncClient
    environment: Mapping[str, str]
    speed: float

    async def at_speed(self, speed: float) -> None:
        self.speed = speed
        (await self.slack.post("/_sandbox/clock", json={"speed": speed})).raise_for_status()

    async def jump(self, by: timedelta) -> None:
        (await self.slack.post("/_sandbox/clock", json={"advance_s": by.total_seconds()})).raise_for_status()

    async def now(self) -> datetime:
        return datetime.fromisoformat((await self.slack.get("/_sandbox/clock")).json()["now"]).astimezone(UTC)

    async def limit(self, **limits: Any) -> None:
        """Have Slack allow this much."""
        (await self.slack.put("/_sandbox/faults", json={"rate_limit": limits})).raise_for_status()

    async def deliver(self, *notifications: Mapping[str, Any], within: timedelta = timedelta(0)) -> None:
        """Have Alertmanager's NOTIFICATIONS come, evenly spread."""
        begun, pause = time.monotonic(), within.total_seconds() / self.speed / len(notifications)
        for number, body in enumerate(notifications):
            await asyncio.sleep(max(0.0, begun + number * pause - time.monotonic()))
            (await self.hooks.post("/hooks/alertmanager", json=body)).raise_for_status()

    async def calls(self, *, after: int = 0) -> Sequence[Call]:
        """Return the calls that keep messages: the chat.* methods."""
        found = (await self.slack.get("/_sandbox/calls", params={"after": after})).raise_for_status().json()
        return [call for call in found if call["method"].startswith("chat.")]

    async def forget_calls(self) -> None:
        await self.slack.delete("/_sandbox/calls")

    async def state(self) -> State:
        found: State = (await self.slack.get("/_sandbox/state")).raise_for_status().json()
        return found

    async def messages(self) -> list[Mapping[str, Any]]:
        """Return our messages in the channel, oldest first."""
        (found,) = (c for c in (await self.state())["channels"] if c["name"] == CHANNEL)
        return [m for m in found["messages"] if key_of(m) and not m.get("deleted")]

    async def appear(self, count: int) -> Sequence[Mapping[str, Any]]:
        """Wait until COUNT messages of ours stand in the channel; returns them."""
        async with asyncio.timeout(10 * PATIENCE_S):
            while len(found := await self.messages()) < count:  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.05)
        return found

    async def unseen(self, names: Iterable[str]) -> set[str]:
        """Return which alert NAMES stand in no message of the channel together with the model's name."""
        shown = [text for m in await self.messages() if MODEL in (text := words_of(m))]
        return set(names) - {word.strip("*:,`") for text in shown for word in text.split()}

    async def settled(self) -> Sequence[str]:
        """Wait until nothing lags; returns where Slack is not what the rows say."""
        until = time.monotonic() + PATIENCE_S
        while (await lagging(self.environment, await self.now()))["projections"]["lagging"]:
            if time.monotonic() > until:
                return [f"some copies still lag after {PATIENCE_S:.0f} s"]
            await asyncio.sleep(0.2)
        return await differences(self.environment, await self.state())


@asynccontextmanager
async def running(speed: float) -> AsyncIterator[Rig]:
    """Start both; the demo's configuration, an empty database."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copy(CONFIGURATION, folder / "bellwether.yml")
        port = free_port()
        sandbox, bot, environment = programs(folder, port, START)
        environment["DATABASE_URL"] = await stack.enter_async_context(fresh(folder))
        authorized = {"authorization": f"Bearer {HOOK_TOKEN}"}
        here, hooks = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
        stack.push_async_callback(sandbox.kill)
        stack.push_async_callback(bot.kill)
        await asyncio.gather(sandbox.start(), bot.start())
        slack = httpx.AsyncClient(base_url=here, trust_env=False, timeout=30)
        sources = httpx.AsyncClient(base_url=hooks, trust_env=False, timeout=30, headers=authorized)
        for client in (slack, sources):
            await stack.enter_async_context(client)
        rig = Rig(slack, sources, environment, speed)
        await rig.at_speed(speed)
        yield rig


def kinds(calls: Iterable[Call]) -> str:
    """Return how many calls of which method there were, and how many of them were refused."""
    found = list(calls)
    each = ", ".join(f"{count} {method}" for method, count in Counter(c["method"] for c in found).most_common())
    return f"{len(found)} ({each}; {sum(c['status'] == 429 for c in found)} answered 429)"


def seconds_after(at: datetime, calls: Iterable[Call]) -> float:
    """Return how long after AT the last call was made."""
    last = max((datetime.fromisoformat(c["clock"]) for c in calls), default=at)
    return max(0.0, (last - at).total_seconds())


def exact(wrong: Sequence[str]) -> Figure:
    """Return the line for what `Rig.settled` found WRONG."""
    return Figure("", "; ".join(wrong[:3]) or "every message says what the rows say", "", "exact", met=not wrong)
