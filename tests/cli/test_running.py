import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.programs import free_port
from bot.app import serve
from bot.config import load
from tests.cli.conftest import Bellwether


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_run_without_tokens_is_2_and_makes_nothing(bellwether: Bellwether, here: Path) -> None:
    ran = bellwether("run")

    assert ran.code == 2
    assert "SLACK_BOT_TOKEN is not set" in ran.err
    assert list(here.iterdir()) == []


def test_run_on_a_taken_port_is_one_line_and_touches_nothing(
    bellwether: Bellwether, here: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLWETHER_LISTEN", f"127.0.0.1:{taken}")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-sandbox")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-sandbox")

    ran = bellwether("run")

    assert ran.code == 1
    assert ran.err == (
        f"bellwether: port {taken} of 127.0.0.1 is taken; does it run already? (BELLWETHER_LISTEN=127.0.0.1:{taken})\n"
    )
    assert list(here.iterdir()) == []


async def test_a_bot_whose_port_was_taken_while_it_started_ends(
    here: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLWETHER_LISTEN", f"127.0.0.1:{taken}")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-sandbox")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-sandbox")

    async with asyncio.timeout(60):
        with pytest.raises(SystemExit) as ended:
            await serve(load())

    assert ended.value.code == 1
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


def test_run_on_an_address_of_another_machine_is_1(bellwether: Bellwether, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWETHER_LISTEN", "192.0.2.1:8080")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-sandbox")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-sandbox")

    ran = bellwether("run")

    assert ran.code == 1
    assert ran.err.startswith("bellwether: port 8080 of 192.0.2.1 cannot be used")


def test_a_port_that_cannot_be_is_2(bellwether: Bellwether, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWETHER_LISTEN", "127.0.0.1:99999")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-sandbox")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-sandbox")

    ran = bellwether("run")

    assert ran.code == 2
    assert "'127.0.0.1:99999' is not HOST:PORT" in ran.err


def test_sandbox_on_a_taken_port_is_one_line(bellwether: Bellwether, taken: int) -> None:
    ran = bellwether("sandbox", "--port", taken)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"bellwether: port {taken} of 127.0.0.1 is taken; does it run already? Choose another one with --port.\n"
    )


@pytest.mark.parametrize("before", [0, 1])
def test_demo_on_a_taken_port_leaves_the_data_of_the_one_that_runs(
    bellwether: Bellwether, here: Path, taken: int, before: int
) -> None:
    data = here / ".bellwether-demo" / str(taken - before) / "bellwether.db"
    data.parent.mkdir(parents=True)
    data.touch()

    ran = bellwether("demo", "--port", taken - before)

    assert (ran.code, ran.out) == (1, "")
    assert f"port {taken} of 127.0.0.1 is taken; does it run already? Choose another one with --port." in ran.err
    assert data.exists()


def test_demo_on_another_port_leaves_the_data_of_the_one_that_runs(here: Path) -> None:
    port = free_port()
    data = here / ".bellwether-demo" / str(port + 2) / "bellwether.db"
    data.parent.mkdir(parents=True)
    data.touch()
    command = [sys.executable, "-m", "bot", "demo", "--port", str(port), "--reset"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "BROWSER": "true"}

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=here) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)

    assert said[2] == f"  ✓ data      .bellwether-demo/{port}/\n"
    assert code == 0
    assert data.exists()


def test_sandbox_says_where_it_is_and_ends_when_told(here: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "bot", "sandbox", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            answer = client.post(
                f"http://127.0.0.1:{port}/api/auth.test", headers={"authorization": "Bearer xoxb-sandbox"}
            )
        process.send_signal(signal.SIGTERM)
        code = process.wait(15)

    assert said[0] == f"Slack page  http://127.0.0.1:{port}/\n"
    assert "xoxb-sandbox and xapp-sandbox" in said[1]
    assert answer.json()["ok"] is True
    assert code == 0
