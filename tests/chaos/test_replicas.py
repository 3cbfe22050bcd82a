"""Three replicas on one database: one is killed, one stands still for longer than its leases and goes on, then all are
restarted one after the other. Each message exactly once, and everything as the rows say.

On PostgreSQL always: who stands still in the middle of writing to SQLite's file locks out everybody until it goes on.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from benchmarks.programs import free_port
from bot.demo.bad_release import CONFIGURATION
from bot.demo.children import Child, programs
from bot.demo.stage import HOOK_TOKEN, key_of
from bot.reconcile.lease import LEASE
from tests.chaos.conftest import LONG, SLOW_MS, WRITES
from tests.chaos.rig import SPEED, START, Rig, alert, standing
from tests.databases import Server

REPLICAS = 3
EVENTS, PAUSE_S = (1_000, 60.0) if LONG else (300, 14.0)
GROUPS, DIGESTS = 20, 10
TAKEN_OVER_S = LEASE.total_seconds() + 5
"""Lease + 1 s on a machine that has nothing else to do."""
PATIENCE_S = 60.0
CHANNELS = ("general", "ml-fraud", "ml-weekly", "ml-leads")
DIGEST = {"at": "Fri 10:00", "tz": "Europe/Paris", "audience": "stakeholders"}
JUST_BEFORE = "2026-11-20T08:59:50+00:00"


@dataclass
class Replicas(Rig[Child]):
    """The rig, with senders that go to whichever replica answers."""

    def __post_init__(self) -> None:
        self.bots: Sequence[Child] = ()
        self.clients: Sequence[httpx.AsyncClient] = ()
        self._turns = cycle(range(REPLICAS))

    async def _delivered(self, body: Mapping[str, Any]) -> bool:
        with suppress(httpx.TransportError):
            answer = await self.clients[next(self._turns)].post("/hooks/alertmanager", json=body)
            return answer.status_code == 202
        return False

    async def send(self, numbers: range) -> None:
        """Deliver the events NUMBERS, one a delivery, many at a time."""
        at = await self.now()
        queue = iter(numbers)

        async def sender() -> None:
            for n in queue:
                await self.deliver([alert(f"Drift{n % GROUPS}", "fraud-scorer", n, at)])

        await asyncio.gather(*(sender() for _ in range(4)))

    async def holder(self, lease: str) -> Child | None:
        """Return the replica that holds LEASE, as the database says."""
        rows = await self.rows(f"select holder from lease where name = '{lease}'")
        return next((bot for bot in self.bots if rows and port_of(bot) in rows[0].holder), None)

    async def taken_over(self, lease: str, before: Child | None) -> Child:
        """Wait until another replica than BEFORE holds LEASE."""
        async with asyncio.timeout(PATIENCE_S):
            while (now := await self.holder(lease)) in (before, None):  # noqa: ASYNC110 - other processes' state
                await asyncio.sleep(0.02)
        assert now is not None
        return now


def port_of(bot: Child) -> str:
    return f":{httpx.URL(bot.ready).port}-"


@pytest.fixture
async def rig(tmp_path: Path, postgresql: Server) -> AsyncIterator[Replicas]:
    decisions = yaml.safe_load(CONFIGURATION.read_text())
    decisions["digests"] = {f"digest-{n}": DIGEST | {"channels": [CHANNELS[n % 4]]} for n in range(DIGESTS)}
    (tmp_path / "bellwether.yml").write_text(yaml.safe_dump(decisions))
    sandbox, bot, environment = programs(tmp_path, free_port(), START)
    environment["DATABASE_URL"] = postgresql.make(tmp_path)
    bots = [replica(bot, n, free_port()) for n in range(REPLICAS)]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.kill)
        for one in bots:
            stack.push_async_callback(one.kill)
        await sandbox.start()
        for one in bots:
            await one.start()
        slack, *clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=httpx.URL(one.ready).join("/"),
                    trust_env=False,
                    timeout=3,
                    headers={"authorization": f"Bearer {HOOK_TOKEN}"},
                )
            )
            for one in (sandbox, *bots)
        ]
        slack.timeout = httpx.Timeout(10)
        made = Replicas(sandbox, bots[0], environment, slack, clients[0])
        stack.callback(made.close)
        made.bots, made.clients = bots, clients
        await made.run_at(SPEED)
        await made.fault(slow_ms={"methods": WRITES, "ms": SLOW_MS})
        yield made
    postgresql.drop(environment["DATABASE_URL"])


def replica(bot: Child, number: int, port: int) -> Child:
    return replace(
        bot,
        name=f"replica {number}",
        log=bot.log.with_name(f"replica-{number}.log"),
        ready=f"http://127.0.0.1:{port}/readyz",
        environment={**bot.environment, "BELLWETHER_LISTEN": f"127.0.0.1:{port}"},
    )


async def test_killed_paused_and_restarted_three_replicas_do_everything_once(
    rig: Replicas, request: pytest.FixtureRequest
) -> None:
    quarters = [range(n * EVENTS // 4, (n + 1) * EVENTS // 4) for n in range(4)]
    first = await rig.taken_over("slack", None)
    await rig.send(quarters[0])

    sending = asyncio.create_task(rig.send(quarters[1]))
    await asyncio.sleep(0.3)
    await first.kill()
    took = {"killed": await timed(lambda: rig.taken_over("slack", first))}
    second = await rig.taken_over("slack", first)
    await sending

    sending = asyncio.create_task(rig.send(quarters[2]))
    await asyncio.sleep(0.3)
    assert second.process is not None
    second.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    took["paused"] = await timed(lambda: rig.taken_over("slack", second))
    await sending
    await rig.slack.post("/_sandbox/clock", json={"set": JUST_BEFORE})
    await asyncio.sleep(max(0.0, stopped + PAUSE_S - time.monotonic()))
    second.process.send_signal(signal.SIGCONT)
    await first.start()

    sending = asyncio.create_task(rig.send(quarters[3]))
    for one in rig.bots:
        await one.stop()
        await one.start()
    await sending
    await rig.settled()

    say(request, took)
    digests = [key for m in standing(await rig.state()) if (key := key_of(m)).startswith("slack/digest/")]
    assert len({key for key in digests if not key.endswith("/thread")}) == DIGESTS
    assert await rig.compare() == ([], [])
    assert len(rig.acknowledged) == EVENTS
    for one in rig.bots:
        assert b"task died" not in one.log.read_bytes()
    assert max(took.values()) <= TAKEN_OVER_S


async def timed(act: Callable[[], Any]) -> float:
    begun = time.monotonic()
    await act()
    return time.monotonic() - begun


def say(request: pytest.FixtureRequest, took: Mapping[str, float]) -> None:
    words = ", ".join(f"{how} {seconds:.1f} s" for how, seconds in took.items())
    request.config.get_terminal_writer().write(f"\ntaken over from a replica that was: {words}\n")
