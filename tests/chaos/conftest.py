"""A sandbox and a bot as processes of their own, a storm, and what must be true afterwards."""

import asyncio
import os
import shutil
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bot.demo.bad_release import CONFIGURATION
from bot.demo.checks import differences, lagging
from bot.demo.children import Child, programs
from bot.demo.stage import HOOK_TOKEN, State, key_of

LONG = os.environ.get("CHAOS") == "long"
START = datetime(2026, 11, 20, 7, 40, tzinfo=UTC)
SPEED = 20.0
"""The sandbox's clock: so that a calm moment, a look and a pause cost a test little."""
SETTLE_S = 60.0
SLOW_MS = 120
"""How long Slack and Jira take to answer, so that a kill finds calls under way."""
COLUMNS = 120
STORM_S = 4.0


@dataclass
class Rig:
    """The two programs, and what was acknowledged so far."""

    sandbox: Child
    bot: Child
    environment: Mapping[str, str]
    slack: httpx.AsyncClient
    hooks: httpx.AsyncClient
    acknowledged: set[str] = field(default_factory=set)
    """Fingerprints of alerts for which a 202 was received."""
    rounds: int = 0

    @property
    def path(self) -> str:
        return self.environment["DATABASE_URL"].removeprefix("sqlite:///")

    async def state(self) -> State:
        found: State = (await self.slack.get("/_sandbox/state")).raise_for_status().json()
        return found

    async def now(self) -> datetime:
        return datetime.fromisoformat((await self.slack.get("/_sandbox/clock")).json()["now"]).astimezone(UTC)

    async def fault(self, **faults: Any) -> None:
        (await self.slack.put("/_sandbox/faults", json=faults)).raise_for_status()

    async def storm(self) -> str:
        """Deliver a storm as Alertmanager does: again until it is acknowledged. Returns the model that it is about."""
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

    async def deliver(self, alerts: Sequence[dict[str, Any]]) -> None:
        async with asyncio.timeout(60):
            while not await self._delivered(notification(alerts)):  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.1)
        self.acknowledged |= {one["fingerprint"] for one in alerts}

    async def _delivered(self, body: Mapping[str, Any]) -> bool:
        try:
            return (await self.hooks.post("/hooks/alertmanager", json=body)).status_code == 202
        except httpx.TransportError:
            return False

    async def settled(self) -> None:
        """Wait until every copy shows what the rows say."""
        until = time.monotonic() + SETTLE_S
        while True:
            found = await lagging(self.environment, await self.now())
            if found["projections"]["lagging"] == found["projections"]["error"] == 0:
                return
            assert time.monotonic() < until, (found["projections"], self.rows(NOT_RIGHT))
            await asyncio.sleep(0.1)

    async def check(self) -> None:
        """Nothing lost, nothing twice, and everything shows what the rows say."""
        state = await self.state()
        recorded = {fingerprint for (fingerprint,) in self.rows("select fingerprint from alert")}
        assert self.acknowledged <= recorded
        episodes = self.rows("select source, fingerprint, starts_at, count(*) from alert group by 1, 2, 3")
        assert all(count == 1 for *_, count in episodes)
        (torn,) = self.rows("select count(*) from alert where group_id is null")[0]
        assert torn == 0

        messages = [m for channel in state["channels"] for m in channel["messages"] if not m.get("deleted")]
        doubles = [key for key, count in Counter(key_of(m) for m in messages if key_of(m)).items() if count > 1]
        assert doubles == []
        incidents = [number for (number,) in self.rows("select id from incident")]
        assert len(incidents) == self.rounds
        tickets = Counter(label for issue in state["issues"] for label in issue["fields"]["labels"])
        assert tickets == Counter(f"bellwether-main-{number}" for number in incidents)
        assert await differences(self.environment, state) == []

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


NOT_RIGHT = "select key, error, not_before, lease from projection where lagging or error != ''"


def alert(name: str, model: str, number: int, at: datetime) -> dict[str, Any]:
    labels = {"alertname": name, "model": model, "stage": "production", "severity": "warning"}
    labels |= {"slo": "declined", "severity": "critical"} if name.startswith("Objective") else {"feature": f"f{number}"}
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{name} of f{number}"},
        "startsAt": at.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example.com/graph",
        "fingerprint": sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
    }


def notification(alerts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    group = {name: alerts[0]["labels"][name] for name in ("alertname", "model")}
    return {
        "version": "4",
        "receiver": "bellwether",
        "status": "firing",
        "groupKey": f"{{}}:{group}",
        "groupLabels": group,
        "commonLabels": group,
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example.com",
        "truncatedAlerts": 0,
        "alerts": list(alerts),
    }


def two_free_ports() -> int:
    """Return a port that is free, and the next one, too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    folder, port = tmp_path_factory.mktemp("chaos"), two_free_ports()
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
            await slack.post("/_sandbox/clock", json={"speed": SPEED})
            await slack.put("/_sandbox/faults", json={"slow_ms": {"methods": WRITES, "ms": SLOW_MS}})
            yield Rig(sandbox, bot, environment, slack, hooks)
    finally:
        await bot.kill()
        await sandbox.kill()


WRITES = ["chat.*", "POST issue", "PUT issue", "POST issue/remotelink"]
