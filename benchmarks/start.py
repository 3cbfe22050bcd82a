"""From nothing to the first answer: `bellwether --help`, and `bellwether run` to /healthz. Goal G13."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.programs import Program, free_port

ROUNDS = 5
SLACK = {"SLACK_BOT_TOKEN": "xoxb-none", "SLACK_APP_TOKEN": "xapp-none", "SLACK_API_URL": "http://127.0.0.1:9/api/"}


async def measure() -> list[Figure]:
    python = [_ran("-c", "pass") for _ in range(ROUNDS)]
    helped = [_ran("-m", "bot", "--help") for _ in range(ROUNDS)]
    with tempfile.TemporaryDirectory() as folder:
        first = [await _served(Path(folder), f"new-{n}.db") for n in range(ROUNDS)]
        again = [await _served(Path(folder), "new-0.db") for _ in range(ROUNDS)]
    bare = median(python)
    return [
        Figure("python, doing nothing", _seconds(python), "1x"),
        Figure("bellwether --help", _seconds(helped), f"{median(helped) / bare:.0f}x", "G13: 0.2 s"),
        Figure("bellwether run to /healthz, new database", _seconds(first), f"{median(first) / bare:.0f}x"),
        Figure("bellwether run to /healthz", _seconds(again), f"{median(again) / bare:.0f}x", "G13: 1.0 s"),
    ]


def _seconds(taken: list[float]) -> str:
    return f"{median(taken):.2f} s"


def _ran(*arguments: str) -> float:
    begun = time.monotonic()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.monotonic() - begun


async def _served(folder: Path, database: str) -> float:
    port = free_port()
    (folder / "bellwether.yml").write_text("slack: {channel: '#general'}\n")
    environment = {
        "BELLWETHER_CONFIG": str(folder / "bellwether.yml"),
        "BELLWETHER_LISTEN": f"127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{folder / database}",
        **SLACK,
    }
    program = Program((sys.executable, "-m", "bot", "run"), port, folder / "bot.log", environment)
    try:
        return await program.start()
    finally:
        await program.stop()
