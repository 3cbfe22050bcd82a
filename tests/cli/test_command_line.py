import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.__main__ import app
from tests.cli.conftest import Bellwether

HEAVY = ("sqlalchemy", "sqlmodel", "slack_bolt", "slack_sdk", "pydantic", "httpx", "starlette", "alembic", "yaml")


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands(typer.main.get_command(app))), ids=" ".join)
def test_every_command_has_help(bellwether: Bellwether, path: tuple[str, ...]) -> None:
    ran = bellwether(*path, "--help")

    assert ran.code == 0
    assert "Usage: " in ran.out
    assert "--help" in ran.out


@pytest.mark.parametrize("path", [(), ("db",), ("digest",)])
def test_lists_of_commands_say_what_each_does_to_the_end(bellwether: Bellwether, path: tuple[str, ...]) -> None:
    assert "..." not in bellwether(*path, "--help").out.split("Commands:")[1]


def test_help_waits_for_no_heavy_module(here: Path) -> None:
    code = f"import bot.__main__, sys; print([m for m in {HEAVY} if m in sys.modules])"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


def test_version_is_the_packages(bellwether: Bellwether) -> None:
    ran = bellwether("--version")

    assert (ran.code, ran.out) == (0, f"bellwether {version('bellwether-bot')}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("why",),
        ("doctor", "--loudly"),
        ("replay", "seven"),
        ("sandbox", "--port", "0"),
        ("send-test", "party"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(bellwether: Bellwether, here: Path, arguments: tuple[str, ...]) -> None:
    assert bellwether(*arguments).code == 2


@pytest.mark.parametrize(
    "command",
    [
        *("check-config", "doctor", "run", "manifest", "send-test alert", "why x", "status m", "replay 1"),
        *("db stats", "db upgrade", "db backup b.db", "db restore b.db", "digest preview weekly"),
        "push-eval f.csv --model m --version 1",
    ],
)
def test_a_wrong_configuration_is_2_and_named_with_file_and_line(
    bellwether: Bellwether, here: Path, command: str
) -> None:
    (here / "bellwether.yml").write_text("slack: {command: /model}\nsorces:\n  events: {}\n")

    ran = bellwether(*command.split())

    assert ran.code == 2
    assert ran.err == "bellwether: bellwether.yml:2:1: sorces: unknown key; did you mean `sources`?\n"
    assert ran.out == ""


@pytest.mark.parametrize(
    "command",
    [
        *("init new", "db copy sqlite:///a.db sqlite:///b.db"),
        *(f"push-eval f.csv --model m --version 1 {rest}" for rest in ("--dry-run", "--url http://127.0.0.1:1")),
    ],
)
def test_a_wrong_configuration_is_nothing_to_what_does_not_read_it(
    bellwether: Bellwether, here: Path, command: str
) -> None:
    (here / "bellwether.yml").write_text("sorces: {}\n")

    assert "sorces" not in bellwether(*command.split()).err


def test_check_config_counts_and_names_the_secret_that_is_not_set(bellwether: Bellwether, here: Path) -> None:
    (here / "bellwether.yml").write_text("sources:\n  events: {auth: {type: bearer, secret_env: EVENTS_TOKEN}}\n")

    ran = bellwether("check-config")

    assert ran.code == 0
    assert ran.out.startswith("bellwether.yml: good. 1 source, 0 models, 0 digests.\n")
    assert "! sources.events: EVENTS_TOKEN is not set" in ran.out


def test_check_config_without_a_file_says_so(bellwether: Bellwether, here: Path) -> None:
    ran = bellwether("check-config")

    assert (ran.code, ran.out) == (0, "There is no bellwether.yml: every key has its default.\n")


@pytest.mark.parametrize(
    ("environment", "content", "said"),
    [
        ({}, "sources: {grafanna: {}}", "there is no integration 'grafanna'"),
        ({"BELLWETHER_LISTEN": "0.0.0.0:8080"}, "sources: {events: {}}", "has no authentication"),
        ({"JIRA_URL": "https://x.atlassian.net"}, "", "JIRA_EMAIL and JIRA_API_TOKEN is not"),
        ({"BELLWETHER_CONFIG": "other.yml"}, "", "other.yml: no such file"),
    ],
)
def test_check_config_refuses_what_run_would_refuse(
    bellwether: Bellwether,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    content: str,
    said: str,
) -> None:
    (here / "bellwether.yml").write_text(content)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    ran = bellwether("check-config")

    assert ran.code == 2
    assert said in ran.err
