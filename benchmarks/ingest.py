"""Intake of signed 5-alert Alertmanager notifications, answered after the commit, against ceilings of the same run.

Goals of `make bench`: at least 30 % of an empty handler and 55 % of verifying and parsing alone; at most 0.1 ms of CPU
an alert; at 10,000 alerts a minute 99 of 100 answers within 10 ms and at most a tenth of a core. One core for the
server, another one for the client; SQLite, full sync. Or, on the PostgreSQL server that DATABASE_URL names, against
asyncpg alone with as many deliveries in a commit: at least 80 % of that.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from benchmarks.alerts import of_many_models, requests
from benchmarks.client import Connection, at_rate, on_the_first_core, saturate
from benchmarks.databases import SERVER, fresh
from benchmarks.figures import Figure, milliseconds, spread
from benchmarks.programs import Program, free_port

KINDS = {
    "empty": "empty starlette handler",
    "parse": "verify and normalize, store nothing",
    "raw": "store by asyncpg alone, up to 64 deliveries a commit",
    "bot": "the bot: answered after the commit",
}
GOALS = {"sqlite": {"empty": 0.30, "parse": 0.55}, "postgresql": {"raw": 0.80}}
ROUNDS, ROUND_S, WARM_UP_S = 3, 2.0, 1.0
CONNECTIONS = 32
ALERTS, MODELS, TIMES = 5, 1000, 3
PER_MINUTE, CALM_S = 10_000, 8.0


@dataclass
class Load:
    """What one server answered, round by round."""

    per_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    """Of a request."""
    answers: list[float] = field(default_factory=list)


async def measure() -> list[Figure]:
    """Run the servers side by side and load them in turns, so that a busy machine is fair to all."""
    kinds = [*KINDS] if SERVER else [*(kind for kind in KINDS if kind != "raw"), "insert"]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = await stack.enter_async_context(fresh(folder)) if SERVER else ""
        programs = {kind: _server(kind, folder, url) for kind in kinds}
        try:
            for program in programs.values():
                await program.start()
            with on_the_first_core():
                ports = {kind: program.port for kind, program in programs.items()}
                sent = requests(datetime.now(UTC))  # noqa: TID251 - alerts of now
                return [
                    *await _saturated(ports, sent, GOALS["postgresql" if SERVER else "sqlite"]),
                    *await _open_loop(ports["bot"], sent),
                    *await _many_models(ports["bot"]),
                ]
        finally:
            for program in programs.values():
                await program.stop()


async def _saturated(ports: dict[str, int], sent: Iterator[bytes], goals: dict[str, float]) -> list[Figure]:
    loads = {kind: Load() for kind in KINDS if kind in ports}
    inserts: list[float] = []
    for kind in loads:
        await saturate(ports[kind], sent, connections=CONNECTIONS, seconds=WARM_UP_S)
    for _ in range(ROUNDS):
        for kind, load in loads.items():
            before, begun = await _cpu(ports[kind]), time.perf_counter()
            taken = await saturate(ports[kind], sent, connections=CONNECTIONS, seconds=ROUND_S)
            load.per_s.append(len(taken) / (time.perf_counter() - begun))
            load.cpu_s.append((await _cpu(ports[kind]) - before) / len(taken))
            load.answers += taken
        if "insert" in ports:
            inserts.append(float(await _get(ports["insert"], "/insert")))
    bot, per_alert = loads["bot"], median(loads["bot"].cpu_s) / ALERTS

    def line(kind: str) -> Figure:
        load = loads[kind]
        used = f"{median(load.cpu_s) * 1e6:,.0f} us of CPU"
        return Figure(KINDS[kind], f"{median(load.per_s):,.0f} requests/s, {used}, {spread(load.answers)}")

    def share(what: str, of: list[float], least: float | None = None) -> Figure:
        found = median(mine / other for mine, other in zip(bot.per_s, of, strict=True))
        goal = "" if least is None else f"{least:.0%}"
        return Figure("", "", f"{found:.0%} of {what}", goal, None if least is None else found >= least)

    bare = (
        Figure("bare loop of inserts, 160 alerts a commit", f"{median(inserts):,.0f} requests/s") if inserts else None
    )
    return [
        *(line(kind) for kind in loads),
        *(share(kind, load.per_s, goals.get(kind)) for kind, load in loads.items() if load is not bot),
        *([bare, share("inserting", inserts)] if bare else []),
        Figure("alerts a second", f"{ALERTS * median(bot.per_s):,.0f}"),
        Figure("CPU of an alert", milliseconds(per_alert, digits=3), "", "0.1 ms", per_alert <= 0.0001),
    ]


async def _open_loop(port: int, sent: Iterator[bytes]) -> list[Figure]:
    before, begun = await _cpu(port), time.perf_counter()
    taken = await at_rate(port, sent, per_s=PER_MINUTE / ALERTS / 60, seconds=CALM_S)
    share = (await _cpu(port) - before) / (time.perf_counter() - begun)
    slow = quantiles(taken, n=100)[98]
    return [
        Figure(f"{PER_MINUTE:,} alerts a minute", spread(taken), "", "p99 10 ms", slow <= 0.010),
        Figure("", f"{share:.0%} of a core", "", "10%", share <= 0.10),
    ]


async def _many_models(port: int) -> list[Figure]:
    connection, taken = await Connection.open(port), []
    for number in range(TIMES):
        body = of_many_models(f"Stale{number}", datetime.now(UTC), MODELS)  # noqa: TID251 - alerts of now
        begun = time.perf_counter()
        await connection.ask(body)
        taken.append(time.perf_counter() - begun)
    connection.close()
    return [Figure(f"one delivery that names {MODELS:,} new models", milliseconds(median(taken)))]


def _server(kind: str, folder: Path, url: str) -> Program:
    port = free_port()
    own = url if url and kind in ("raw", "bot") else f"sqlite:///{folder / kind}.db"
    return Program((sys.executable, "-m", "benchmarks.server", kind, str(port), own), port, folder / f"{kind}.log")


async def _cpu(port: int) -> float:
    """Return how many seconds of CPU the server has used."""
    return float(await _get(port, "/cpu"))


async def _get(port: int, path: str) -> bytes:
    connection = await Connection.open(port)
    body = await connection.ask(f"GET {path} HTTP/1.1\r\nhost: bot\r\n\r\n".encode())
    connection.close()
    return body
