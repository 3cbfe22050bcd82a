"""10,000 alerts in a minute, in 20 groups, one channel: how many calls Slack sees, and when the last one is true.

Goal G8: at most 5 calls a card and at most 100 in all; goal G9: 100 times fewer than a message per alert. The bot and
the sandbox are programs of their own; the sandbox limits what Slack limits, on its own clock, which runs faster here.
"""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.alerts import notification
from benchmarks.figures import Figure
from benchmarks.programs import free_port
from bot.demo.bad_release import CONFIGURATION
from bot.demo.checks import lagging
from bot.demo.children import programs
from bot.demo.stage import HOOK_TOKEN, key_of

ALERTS, GROUPS, MINUTE, AT_ONCE = 10_000, 20, 60.0, 25
SPEED = 4.0
PATIENCE_S = 40.0
START = datetime(2026, 11, 20, 7, 40, tzinfo=UTC)


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(CONFIGURATION, Path(folder) / "bellwether.yml")
        port = _two_ports()
        sandbox, bot, environment = programs(Path(folder), port, START)
        try:
            await asyncio.gather(sandbox.start(), bot.start())
            async with (
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as slack,
                httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{port + 1}",
                    trust_env=False,
                    timeout=30,
                    headers={"authorization": f"Bearer {HOOK_TOKEN}"},
                ) as hooks,
            ):
                return await _storm(slack, hooks, environment)
        finally:
            await bot.kill()
            await sandbox.kill()


async def _storm(slack: httpx.AsyncClient, hooks: httpx.AsyncClient, environment: dict[str, str]) -> list[Figure]:
    await slack.delete("/_sandbox/calls")
    await slack.post("/_sandbox/clock", json={"speed": SPEED})
    at, begun = await _now(slack), time.monotonic()
    for first in range(0, ALERTS, AT_ONCE):
        await asyncio.sleep(max(0.0, begun + first / ALERTS * MINUTE / SPEED - time.monotonic()))
        body = notification(f"Drift{first // AT_ONCE % GROUPS}", "fraud-scorer", at, first, AT_ONCE)
        (await hooks.post("/hooks/alertmanager", json=body)).raise_for_status()
    last = await _now(slack)
    took = time.monotonic() - begun
    await _settled(slack, environment)
    calls = (await slack.get("/_sandbox/calls")).json()
    calls = calls["calls"] if isinstance(calls, dict) else calls
    chat = [c for c in calls if str(c["method"]).startswith("chat.")]
    over = max((datetime.fromisoformat(str(c["clock"])) for c in chat), default=last)
    state = (await slack.get("/_sandbox/state")).json()
    cards = {key_of(m) for channel in state["channels"] for m in channel["messages"] if key_of(m)}
    kinds = ", ".join(f"{count} {name}" for name, count in Counter(str(c["method"]) for c in chat).most_common())
    refused = sum(c["status"] == 429 for c in chat)
    return [
        Figure(f"{ALERTS:,} alerts in {GROUPS} groups delivered", f"{took * SPEED:.0f} s of the sandbox's clock"),
        Figure(
            "calls of chat.*",
            f"{len(chat)} ({kinds}; {refused} refused)",
            f"1 for {ALERTS / len(chat):,.0f} alerts",
            "G9: 100",
        ),
        Figure("cards", str(len(cards)), f"{len(chat) / max(1, len(cards)):.1f} calls a card", "G8: 5, 100 in all"),
        Figure("last call after the last alert", f"{max(0.0, (over - last).total_seconds()):.1f} s", "", "G8: 5 s"),
    ]


async def _settled(slack: httpx.AsyncClient, environment: dict[str, str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if (await lagging(environment, await _now(slack)))["projections"]["lagging"] == 0:
            return
        await asyncio.sleep(0.2)
    print("  (some copies still lag)")


async def _now(slack: httpx.AsyncClient) -> datetime:
    return datetime.fromisoformat((await slack.get("/_sandbox/clock")).json()["now"]).astimezone(UTC)


def _two_ports() -> int:
    """Return a free port; the next one is free, too, as far as one can tell."""
    return free_port()
