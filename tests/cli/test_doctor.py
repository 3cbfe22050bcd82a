import asyncio
import json
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import bot
from benchmarks.programs import free_port
from bot.cli import room_checks
from bot.sandbox.box import Sandbox
from bot.sandbox.server import running
from bot.sandbox.settings import Settings as SandboxSettings
from bot.store import sqlite
from bot.store.database import Database
from bot.store.tables import Delivery, Heartbeat
from tests.cli.conftest import NOW, Bellwether, Ran
from tests.databases import ON_POSTGRESQL

CONFIGURATION = """
sources:
  alertmanager: {auth: {type: bearer, secret_env: ALERTMANAGER_TOKEN}}
  events: {auth: {type: bearer, secret_env: EVENTS_TOKEN}}
"""
MANIFEST = Path(bot.__file__).with_name("manifest.yml")


@pytest.fixture
def settled(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything is set, and the bot would listen where nobody does."""
    (here / "bellwether.yml").write_text(CONFIGURATION)
    monkeypatch.setenv("BELLWETHER_LISTEN", f"127.0.0.1:{free_port()}")
    for name, value in {
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "ALERTMANAGER_TOKEN": "a",
        "EVENTS_TOKEN": "e",
    }.items():
        monkeypatch.setenv(name, value)
    return here


def lines(ran: Ran, *states: str) -> list[str]:
    return [line for line in ran.out.splitlines() if line[:1] in states]


def now() -> datetime:
    return datetime.now(UTC)


def test_all_set_and_heard_is_0(
    bellwether: Bellwether, settled: Path, add: Callable[..., Any], project: Callable[..., None]
) -> None:
    add(Heartbeat(source="events", last_at=now(), deliveries=1), Heartbeat(source="alertmanager", last_at=now()))
    project("slack/group/1")

    ran = bellwether("doctor")

    assert ran.code == 0
    assert lines(ran, "✗") == []
    assert [line.partition(":")[0] for line in lines(ran, "!")] == ["! bot"]
    assert "✓ messages and tickets: 1, none refused, none overdue" in ran.out
    assert "✓ source events: last heard 0 s ago, 1 delivery so far" in ran.out
    assert "0 problems (✗), 1 to look at (!)." in ran.out


def test_every_line_of_json_is_a_check(bellwether: Bellwether, settled: Path) -> None:
    found = json.loads(bellwether("doctor", "--json").out)

    assert {frozenset(one) for one in found} == {frozenset({"check", "state", "words"})}
    assert {one["state"] for one in found} <= {"ok", "warning", "problem"}
    assert {one["check"]: one["state"] for one in found}["database"] == "warning"


def test_doctor_changes_nothing(bellwether: Bellwether, settled: Path) -> None:
    bellwether("doctor")

    assert [file.name for file in settled.iterdir()] == ["bellwether.yml"]


def test_nothing_set_names_what_to_do(bellwether: Bellwether, here: Path) -> None:
    ran = bellwether("doctor")

    assert ran.code == 1
    assert "! configuration: no bellwether.yml, so no source; `bellwether init` writes one" in ran.out
    assert "✗ slack bot token: SLACK_BOT_TOKEN is not set; copy it from https://api.slack.com/apps" in ran.out
    assert "✗ slack app token: SLACK_APP_TOKEN is not set" in ran.out


def test_a_dot_env_that_is_not_loaded_is_noticed(bellwether: Bellwether, here: Path) -> None:
    bellwether("init")

    ran = bellwether("doctor")

    assert "! environment: there is a .env here that is not loaded" in ran.out


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1", "SLACK_BOT_TOKEN begins as an app-level token does, but should begin with xoxb-"),
        ("SLACK_BOT_TOKEN", "xoxb-1\n2", "has a space or a line break in it"),
        ("SLACK_APP_TOKEN", "xoxb-1", "SLACK_APP_TOKEN begins as a bot token does, but should begin with xapp-"),
        ("SLACK_APP_TOKEN", "hush-hush", "SLACK_APP_TOKEN is no token, but should begin with xapp-"),
        ("EVENTS_TOKEN", "", "✗ source events: EVENTS_TOKEN is not set, so every delivery is refused (401)"),
        ("BELLWETHER_LISTEN", "8080", "is not HOST:PORT"),
        ("JIRA_URL", "https://x.atlassian.net", "✗ jira: JIRA_URL is set, but JIRA_EMAIL and JIRA_API_TOKEN"),
        ("BELLWETHER_CLOCK", "http://127.0.0.1:9/clock", "✗ clock: BELLWETHER_CLOCK="),
        ("DATABASE_URL", "sqlite:///no/folder/b.db", "✗ database: DATABASE_URL="),
    ],
)
def test_a_wrong_variable_is_a_problem(
    bellwether: Bellwether, settled: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)

    ran = bellwether("doctor")

    assert ran.code == 1
    assert said in ran.out
    assert "hush" not in ran.out


def test_http_mode_needs_no_app_token(bellwether: Bellwether, settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_APP_TOKEN")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "s")

    ran = bellwether("doctor")

    assert ran.code == 0
    assert "✓ slack app token: not needed in HTTP mode" in ran.out


def test_an_integration_that_is_not_there_is_a_problem(bellwether: Bellwether, settled: Path) -> None:
    (settled / "bellwether.yml").write_text("sources: {grafanna: {}}")

    ran = bellwether("doctor")

    assert ran.code == 1
    assert "✗ configuration: sources.grafanna.type: there is no integration 'grafanna'" in ran.out


@pytest.mark.parametrize(("content", "said"), [(b"nonsense" * 1000, "✗ database"), (b"", "! database")])
def test_a_database_without_tables(bellwether: Bellwether, settled: Path, content: bytes, said: str) -> None:
    (settled / "bellwether.db").write_bytes(content)

    ran = bellwether("doctor")

    assert said in ran.out
    assert "source events: never heard" in ran.out


def test_a_newer_schema_is_a_problem(bellwether: Bellwether, settled: Path, database: Database) -> None:
    database.submit(
        lambda db: db.connection().exec_driver_sql("UPDATE alembic_version SET version_num='9999'")
    ).result()

    ran = bellwether("doctor")

    assert ran.code == 1
    assert "has schema 9999, this program knows" in ran.out


def test_silence_is_named(bellwether: Bellwether, settled: Path, add: Callable[..., Any]) -> None:
    add(Heartbeat(source="events", last_at=now() - timedelta(days=4)), Heartbeat(source="old", last_at=now()))

    ran = bellwether("doctor")

    assert ran.code == 0
    assert "! source alertmanager: never heard; it posts to http://127.0.0.1:" in ran.out
    assert "! source events: last heard 4 d ago" in ran.out
    assert "! source old: heard until 0 s ago, but no longer among `sources:`" in ran.out


def test_unmapped_deliveries_are_listed_with_reason_and_replay(
    bellwether: Bellwether, settled: Path, add: Callable[..., Any]
) -> None:
    def delivery(number: int, unmapped: int = 1, source: str = "events") -> Delivery:
        reason = f"kind: got\n{number}."
        return Delivery(
            id=number, source=source, digest="d", received_at=NOW, last_at=NOW, unmapped=unmapped, reason=reason
        )

    add(*(delivery(n) for n in range(1, 8)), delivery(8, unmapped=0), delivery(9, source="slack"))

    ran = bellwether("doctor")

    assert ran.code == 0
    assert "! delivery 7: unmapped, of events: kind: got 7; when mended: `bellwether replay 7`\n" in ran.out
    assert [line.split(":")[0] for line in lines(ran, "!") if "delivery" in line] == [
        f"! delivery {n}" for n in (7, 6, 5, 4, 3)
    ]
    assert "! deliveries: 2 older ones could not be read in full, either" in ran.out


def test_copies_in_trouble_are_problems_and_overdue_ones_to_look_at(
    bellwether: Bellwether, settled: Path, project: Callable[..., None]
) -> None:
    project("slack/group/1", error="channel_not_found")
    project("slack/group/2", generation=3, error="Jira is down", attempts=3)
    project("slack/group/3", generation=3)
    project("slack/group/4", generation=3, not_before=now() + timedelta(seconds=30))

    ran = bellwether("doctor")

    assert ran.code == 1
    assert "✗ slack/group/1: refused. It cannot be shown as it is: channel_not_found." in ran.out
    assert "✗ slack/group/2: failing. Tried 3 times in vain: Jira is down." in ran.out
    assert "! slack/group/3: overdue for " in ran.out
    assert "slack/group/4" not in ran.out


def test_a_trouble_is_named_once_with_how_much_it_holds_up(
    bellwether: Bellwether, settled: Path, project: Callable[..., None]
) -> None:
    for number in range(8):
        project(f"slack/group/{number}", generation=3, error="Slack answered 503", attempts=4)
        project(f"jira/incident/{number}", error=f"refused for reason {number}")

    ran = bellwether("doctor")

    assert "✗ slack/group/0 and 7 more: failing. Tried 4 times in vain: Slack answered 503." in ran.out
    assert len(lines(ran, "✗")) == 5
    assert "! messages and tickets: 4 more are refused or failing" in ran.out


def test_events_that_could_not_be_done_and_those_that_came_again_are_named(
    bellwether: Bellwether, settled: Path, add: Callable[..., Any]
) -> None:
    def event(number: int, **given: Any) -> Delivery:
        at = now() - timedelta(minutes=9)
        return Delivery(source="slack", digest=f"Ev{number}", received_at=at, last_at=at, **given)

    add(event(1, recorded=1, repeats=2))
    well = bellwether("doctor")
    add(event(2))

    assert "✓ slack inbox: 1 payload kept; 2 came again and were done once" in well.out
    assert "! slack inbox: 1 event could not be done, the oldest is delivery 2" in bellwether("doctor").out


@pytest.mark.skipif(ON_POSTGRESQL, reason="a file of SQLite")
def test_a_database_that_somebody_else_holds_is_a_problem_with_a_way_out(
    bellwether: Bellwether, settled: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.1)
    with closing(sqlite3.connect(settled / "bellwether.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ran = bellwether("doctor")

    assert ran.code == 1
    assert "✗ database writes: bellwether.db cannot be used: database is locked. End what holds it (`fuser" in ran.out


@pytest.mark.skipif(ON_POSTGRESQL, reason="a file of SQLite")
@pytest.mark.parametrize(("limit", "sign"), [("FULL", "✗"), ("LITTLE", "!")])
def test_a_disk_without_room_is_named(
    bellwether: Bellwether, settled: Path, database: Database, limit: str, sign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"free in {settled.resolve()}" in bellwether("doctor").out
    monkeypatch.setattr(room_checks, limit, 10**12)

    assert f"{sign} database writes: only " in bellwether("doctor").out


class Answers(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture
def listener(settled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Answers]]:
    """Something answers where the bot listens."""
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        monkeypatch.setenv("BELLWETHER_LISTEN", f"0.0.0.0:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Answers
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"db": "ok", "slack": "connected", "jira": "connected"}',
            "✓ bot: runs: database ok, Slack connected, Jira c",
        ),
        (b'{"db": "ok", "slack": "connected", "jira": "down"}', "! bot's jira: not usable; "),
        (
            b'{"db": "ok", "slack": "down", "jira": "connected"}',
            "! bot's slack: down; look at https://slack-status.com",
        ),
        (b'{"db": "cannot commit", "slack": "connected", "jira": "down"}', "✗ bot's database: cannot commit; "),
        (b"<html>", "✗ bot: what answers at http://127.0.0.1:"),
        (b"[]", "✗ bot: what answers at http://127.0.0.1:"),
    ],
)
def test_the_running_bot_is_asked(
    bellwether: Bellwether, listener: type[Answers], body: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "body", body)

    assert said in bellwether("doctor").out


async def online(
    bellwether: Bellwether,
    monkeypatch: pytest.MonkeyPatch,
    manifest: Path | None = None,
    *,
    before: Callable[[Sandbox], Awaitable[None]] | None = None,
) -> Ran:
    async with running(SandboxSettings(port=0, manifest=manifest)) as sandbox:
        if before is not None:
            await before(sandbox)
        monkeypatch.setenv("SLACK_API_URL", f"{sandbox.address}/api/")
        monkeypatch.setenv("JIRA_URL", f"{sandbox.address}/jira")
        monkeypatch.setenv("JIRA_EMAIL", "bot@example.com")
        monkeypatch.setenv("JIRA_API_TOKEN", "sandbox")
        return await asyncio.to_thread(bellwether, "doctor", "--online")


async def test_online_asks_slack_and_jira(
    bellwether: Bellwether, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = await online(bellwether, monkeypatch)

    assert ran.code == 0
    assert "✓ slack online: bellwether in Sandbox" in ran.out
    assert "✓ slack scopes: all 8 granted" in ran.out
    assert "✓ slack channels: in #general" in ran.out
    assert "✓ slack socket: Socket Mode can be opened" in ran.out
    assert "✓ jira online: credentials, project and type are right" in ran.out


async def test_a_missing_scope_is_named_with_what_it_is_for(
    bellwether: Bellwether, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    less = yaml.safe_load(MANIFEST.read_text())
    less["oauth_config"]["scopes"] = {"bot": [s for s in less["oauth_config"]["scopes"]["bot"] if s != "users:read"]}
    (settled / "less.yml").write_text(yaml.safe_dump(less))

    ran = await online(bellwether, monkeypatch, settled / "less.yml")

    assert ran.code == 1
    assert "✗ slack scopes: missing: users:read (to show people by name). put" in ran.out
    assert "https://api.slack.com/apps" in ran.out


async def test_a_channel_that_the_bot_is_not_in_is_named(
    bellwether: Bellwether, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settled / "bellwether.yml").write_text(CONFIGURATION + 'models: {m: {channel: "#nowhere"}}\n')

    ran = await online(bellwether, monkeypatch)

    assert ran.code == 0
    assert "! slack channels: not in #nowhere; type `/invite @bellwether` there" in ran.out


async def test_an_archived_channel_is_a_problem(
    bellwether: Bellwether, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settled / "bellwether.yml").write_text(CONFIGURATION + 'models: {m: {channel: "#ml-fraud"}}\n')

    async def archive(sandbox: Sandbox) -> None:
        async with httpx.AsyncClient(base_url=sandbox.address, trust_env=False) as people:
            await people.post("/_sandbox/archive", json={"user": "alice", "channel": "ml-fraud"})

    ran = await online(bellwether, monkeypatch, before=archive)

    assert ran.code == 1
    assert "✗ slack channels: #ml-fraud is archived, nobody can post there; unarchive it, or configure" in ran.out


async def test_refused_tokens_are_problems_of_their_own(
    bellwether: Bellwether, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-other")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-other")
    (settled / "bellwether.yml").write_text(CONFIGURATION + "jira: {project: NOPE}\n")

    ran = await online(bellwether, monkeypatch)

    assert ran.code == 1
    assert "✗ slack online: Slack refuses the bot token (invalid_auth); reinstall the app" in ran.out
    assert "✗ slack socket: Slack refuses the app-level token (invalid_auth); generate one" in ran.out
    assert "✗ jira online: " in ran.out
    assert "other" not in ran.out


def test_slack_out_of_reach_is_a_problem(
    bellwether: Bellwether, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/api/")

    ran = bellwether("doctor", "--online")

    assert ran.code == 1
    assert "✗ slack online: http://127.0.0.1:9/api/ cannot be reached" in ran.out
    assert "✗ slack socket: no socket can be opened" in ran.out
