"""From nothing to the first answer, and what the bot takes while nothing happens. Goals G13 and G14.

`bellwether --help`; `bellwether run` with everything on, a sandbox being its Slack and its Jira: to the first 200 of
/readyz, which stands for a commit, and then until both are connected.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import httpx

from benchmarks.figures import Figure
from benchmarks.programs import free_port
from bot.demo.bad_release import CONFIGURATION
from bot.demo.children import Child, programs

ROUNDS = 3
QUIET_S = 2.0
"""After so long the bot has done what it does after a start."""
HELP_S, FIRST_S, IDLE_MIB = 0.2, 1.0, 100


async def measure() -> list[Figure]:
    python = [_ran("-c", "pass") for _ in range(ROUNDS)]
    helped = [_ran("-m", "bot", "--help") for _ in range(ROUNDS)]
    bare = median(python)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(CONFIGURATION, Path(folder) / "bellwether.yml")
        sandbox, bot, _ = programs(Path(folder), free_port(), datetime.now(UTC))  # noqa: TID251 - a benchmark
        await sandbox.start()
        try:
            new = [await _served(bot)]
            again = [await _served(bot) for _ in range(ROUNDS)]
        finally:
            await sandbox.kill()
    idle = median(taken for _, _, taken in again)
    return [
        Figure("python, doing nothing", _seconds(python), "1x"),
        Figure(
            "bellwether --help",
            _seconds(helped),
            f"{median(helped) / bare:.0f}x",
            "G13: 0.2 s",
            median(helped) <= HELP_S,
        ),
        Figure("bellwether run to the first answer, new database", _seconds([first for first, _, _ in new])),
        _within("bellwether run to the first answer", [first for first, _, _ in again], FIRST_S, bare),
        Figure("until Slack and Jira are connected", _seconds([connected for _, connected, _ in again])),
        Figure("idle with everything on, new database", f"{new[0][2]:.0f} MiB PSS"),
        Figure("idle with everything on", f"{idle:.0f} MiB PSS", "", "G14: 100 MiB", idle <= IDLE_MIB),
    ]


def _within(what: str, taken: list[float], goal: float, bare: float) -> Figure:
    """Return the line of a time that has a goal, against BARE."""
    ratio = f"{median(taken) / bare:.0f}x"
    return Figure(what, _seconds(taken), ratio, f"G13: {goal} s", median(taken) <= goal)


def _seconds(taken: list[float]) -> str:
    return f"{median(taken):.2f} s"


def _ran(*arguments: str) -> float:
    begun = time.monotonic()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.monotonic() - begun


async def _served(bot: Child) -> tuple[float, float, float]:
    """Return seconds to the first answer and until everything is connected, and MiB when it is quiet."""
    begun = time.monotonic()
    try:
        first = await bot.start()
        await connected(bot)
        whole = time.monotonic() - begun
        await asyncio.sleep(QUIET_S)
        return first, whole, pss(bot)
    finally:
        await bot.stop()


async def connected(bot: Child) -> None:
    """Wait until it has reached Slack and Jira."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while await _state(client, bot) != {"connected"}:  # noqa: ASYNC110 - the other side's state
            await asyncio.sleep(0.02)


async def _state(client: httpx.AsyncClient, bot: Child) -> set[str]:
    told = (await client.get(bot.ready)).json()
    return {told["slack"], told["jira"]}


def pss(bot: Child) -> float:
    """Return how many MiB it takes: what is shared with other processes is divided among them."""
    assert bot.process is not None
    told = Path(f"/proc/{bot.process.pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", told, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
