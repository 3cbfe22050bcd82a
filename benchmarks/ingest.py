"""Intake of 5-alert Alertmanager notifications, answered after the commit, against two ceilings of the same run.

Goals G1 and G2: at least 30 % of an empty handler, at least 55 % of parsing alone (one core, SQLite, full sync).
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.alerts import TOKEN, bodies
from benchmarks.figures import Figure, spread
from benchmarks.programs import Program, free_port

KINDS = ("empty", "parse", "bot")
ROUNDS, ROUND_S, WARM_UP_S = 3, 3.0, 1.0
CONNECTIONS = 32


async def measure() -> list[Figure]:
    """Run the three servers side by side and load them in turns, so that a busy machine is fair to all."""
    with tempfile.TemporaryDirectory() as folder:
        programs = {kind: _server(kind, Path(folder)) for kind in KINDS}
        try:
            for program in programs.values():
                await program.start()
            sent = bodies(datetime.now(UTC))  # noqa: TID251 - alerts of now
            per_s: dict[str, list[float]] = {kind: [] for kind in KINDS}
            answers: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for kind in KINDS:
                await _load(programs[kind].port, sent, WARM_UP_S)
            for _ in range(ROUNDS):
                for kind in KINDS:
                    times = await _load(programs[kind].port, sent, ROUND_S)
                    per_s[kind].append(len(times) / ROUND_S)
                    answers[kind] += times
        finally:
            for program in programs.values():
                await program.stop()
    return _figures(per_s, answers)


def _figures(per_s: dict[str, list[float]], answers: dict[str, list[float]]) -> list[Figure]:
    def ratio(of: str) -> str:
        share = median(bot / other for bot, other in zip(per_s["bot"], per_s[of], strict=True))
        return f"{share:.0%}"

    def line(kind: str) -> str:
        return f"{median(per_s[kind]):,.0f} requests/s, {spread(answers[kind])}"

    return [
        Figure("empty starlette handler", line("empty"), "100%"),
        Figure("authenticate and normalize, store nothing", line("parse")),
        Figure("the bot: answered after the commit", line("bot"), f"{ratio('empty')} of empty", "G1: 30%"),
        Figure("", f"{5 * median(per_s['bot']):,.0f} alerts/s", f"{ratio('parse')} of parsing", "G2: 55%"),
    ]


def _server(kind: str, folder: Path) -> Program:
    port = free_port()
    arguments = (sys.executable, "-m", "benchmarks.server", kind, str(port), str(folder))
    return Program(arguments, port, folder / f"{kind}.log")


async def _load(port: int, sent: Iterator[bytes], seconds: float) -> list[float]:
    """Post for SECONDS over CONNECTIONS connections; returns how long each answer took."""
    until = time.monotonic() + seconds
    results = await asyncio.gather(*(_connection(port, sent, until) for _ in range(CONNECTIONS)))
    return [took for times in results for took in times]


async def _connection(port: int, sent: Iterator[bytes], until: float) -> list[float]:
    """Post one after the other on one connection: plain bytes, so that the client costs little."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times: list[float] = []
    head = f"POST /hooks/alertmanager HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
    try:
        while (begun := time.monotonic()) < until:
            body = next(sent)
            writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(f"not accepted: {answer[:200]!r}")
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            times.append(time.monotonic() - begun)
    finally:
        writer.close()
    return times
