import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from sqlmodel import Session, select
from starlette.applications import Starlette

from bot import integrations
from bot.cli.sending import EVENTS
from bot.config import load
from bot.ingest.http import Endpoints, routes
from bot.ingest.receive import Intake
from bot.ingest.rules import Rules
from bot.store.database import Database
from bot.store.tables import AlertGroup, Change, Evaluation, Incident, MetricValue
from tests.cli.conftest import Bellwether

CONFIGURATION = """
slack: {channel: "#ml"}
sources:
  alertmanager: {auth: {type: bearer, secret_env: ALERTMANAGER_TOKEN}}
  intake: {type: events, auth: {type: %s, secret_env: EVENTS_TOKEN}}
"""


@pytest.fixture
def configured(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (here / "bellwether.yml").write_text(CONFIGURATION % "bearer")
    monkeypatch.setenv("EVENTS_TOKEN", "right")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("BELLWETHER_LISTEN", f"127.0.0.1:{free.getsockname()[1]}")
    return here


@pytest.fixture
def intake(configured: Path, database: Database) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """The bot's HTTP side as it is configured now, in a thread."""

    @contextlib.contextmanager
    def serving() -> Iterator[None]:
        settings = load()
        intake = Intake(integrations.inlets(settings), database, Rules(), lambda: datetime.now(UTC), lambda: None)

        async def ready() -> dict[str, str]:
            return {}

        host, port = settings.environment.host_port
        server = uvicorn.Server(
            uvicorn.Config(
                Starlette(routes=routes(Endpoints(intake, ready))),
                host=host,
                port=port,
                log_config=None,
                lifespan="off",
            )
        )
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
            yield
        finally:
            server.should_exit = True
            thread.join()

    return serving


Serving = Callable[[], contextlib.AbstractContextManager[None]]


def counts(db: Session) -> dict[str, int]:
    return {t.__name__: len(db.exec(select(t)).all()) for t in (Change, Evaluation, MetricValue, AlertGroup, Incident)}


def test_every_kind_is_recorded_by_a_running_bot(bellwether: Bellwether, intake: Serving, database: Database) -> None:
    with intake():
        ran = {kind: bellwether("send-test", kind) for kind in EVENTS}

    assert {kind: one.code for kind, one in ran.items()} == dict.fromkeys(EVENTS, 0)
    assert all(', "recorded":1,'.replace(" ", "") in one.out for one in ran.values())
    assert database.submit(counts).result() == {
        "Change": 2,
        "Evaluation": 1,
        "MetricValue": 1,
        "AlertGroup": 1,
        "Incident": 0,
    }
    assert "✓ its card appears in #ml" in ran["deployment"].out


def test_an_alert_is_ended_by_resolved_and_fires_anew(
    bellwether: Bellwether, intake: Serving, database: Database
) -> None:
    def status(db: Session) -> str:
        return db.exec(select(AlertGroup)).one().status

    seen = []
    with intake():
        for kind in ("alert", "resolved", "alert"):
            bellwether("send-test", kind)
            seen.append(database.submit(status).result())

    assert seen == ["firing", "resolved", "firing"]


def test_sent_twice_it_is_two_rollouts(bellwether: Bellwether, intake: Serving, database: Database) -> None:
    with intake():
        bellwether("send-test", "deployment")
        bellwether("send-test", "deployment")

    assert database.submit(counts).result()["Change"] == 2


@pytest.mark.parametrize("kind", ["basic", "hmac", "none"])
def test_other_ways_to_authenticate_work_too(
    bellwether: Bellwether, intake: Serving, configured: Path, kind: str
) -> None:
    (configured / "bellwether.yml").write_text(CONFIGURATION % kind)

    with intake():
        ran = bellwether("send-test", "change")

    assert ran.code == 0


def test_a_bot_that_does_not_run_is_1(bellwether: Bellwether, configured: Path) -> None:
    ran = bellwether("send-test", "alert")

    assert ran.code == 1
    assert "the bot does not answer at http://127.0.0.1:" in ran.out
    assert "`bellwether run`" in ran.out


def test_another_secret_than_the_bots_is_1(
    bellwether: Bellwether, intake: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    with intake():
        monkeypatch.setenv("EVENTS_TOKEN", "wrong")
        ran = bellwether("send-test", "alert")

    assert ran.code == 1
    assert "another secret for sources.intake than this shell" in ran.out
    assert "wrong" not in ran.out


def test_an_unknown_kind_is_2(bellwether: Bellwether, configured: Path) -> None:
    ran = bellwether("send-test", "party")

    assert ran.code == 2
    assert "it may be deployment, alert, resolved, change, evaluation" in ran.out


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no source of type `events`"), (CONFIGURATION % "bearer", "sources.intake: EVENTS_TOKEN is not set")],
)
def test_without_a_source_or_its_secret_is_2(
    bellwether: Bellwether, here: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str
) -> None:
    monkeypatch.delenv("EVENTS_TOKEN", raising=False)
    (here / "bellwether.yml").write_text(content)

    ran = bellwether("send-test", "alert")

    assert ran.code == 2
    assert said in ran.err
