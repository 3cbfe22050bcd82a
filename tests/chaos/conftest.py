"""The rig of the storms: the two programs as anybody starts them."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from benchmarks.programs import free_port
from bot.demo.bad_release import CONFIGURATION
from bot.demo.children import Child, programs
from bot.demo.stage import HOOK_TOKEN
from tests.chaos.figures import FIGURES
from tests.chaos.rig import SPEED, START, Rig, alert

LONG = os.environ.get("CHAOS") == "long"
SLOW_MS = 120
"""How long Slack and Jira take to answer, so that a kill finds calls under way."""
WRITES = ["chat.*", "POST issue", "PUT issue", "POST issue/remotelink"]
COLUMNS = 120
STORM_S = 4.0


@dataclass
class StormRig(Rig[Child]):
    """Storms, one after the other, each of a model of its own."""

    rounds: int = 0

    async def storm(self) -> str:
        """Deliver a storm as Alertmanager does. Returns the model that it is about."""
        self.rounds += 1
        model, at = f"model-{self.rounds}", await self.now()
        begun = time.monotonic()
        for second, name, count in (
            (0.0, "Nulls", COLUMNS // 4),
            (0.5, "Objective", 1),
            (1.0, "Drift", COLUMNS // 4),
            (2.0, "Nulls", COLUMNS),
            (3.0, "Drift", COLUMNS // 2),
            (STORM_S, "Drift", COLUMNS),
        ):
            await asyncio.sleep(max(0.0, begun + second - time.monotonic()))
            await self.deliver([alert(f"{name}{self.rounds}", model, n, at) for n in range(count)])
        return model

    async def check(self) -> None:
        """Nothing lost, nothing twice, and one incident a storm."""
        assert await self.compare() == ([], [])
        assert len(await self.rows("select id from incident")) == self.rounds


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if (figures := config.stash.get(FIGURES, None)) is not None:
        terminalreporter.section("killed at points")
        for line in (*(figures.table() if LONG else ()), figures.line()):
            terminalreporter.write_line(line)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StormRig]:
    folder, port = tmp_path_factory.mktemp("chaos"), free_port()
    shutil.copy(CONFIGURATION, folder / "bellwether.yml")
    sandbox, bot, environment = programs(folder, port, START)
    here, authorized = f"http://127.0.0.1:{port}", {"authorization": f"Bearer {HOOK_TOKEN}"}
    try:
        await asyncio.gather(sandbox.start(), bot.start())
        async with (
            httpx.AsyncClient(base_url=here, trust_env=False, timeout=10) as slack,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port + 1}", trust_env=False, timeout=10, headers=authorized
            ) as hooks,
        ):
            rig = StormRig(sandbox, bot, environment, slack, hooks)
            await rig.run_at(SPEED)
            await rig.fault(slow_ms={"methods": WRITES, "ms": SLOW_MS})
            try:
                yield rig
            finally:
                rig.close()
    finally:
        await bot.kill()
        await sandbox.kill()
