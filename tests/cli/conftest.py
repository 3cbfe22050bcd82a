"""The command line as a user has it: a folder, an environment, and `bellwether ...` with its exit code and output."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlmodel import Session, insert
from starlette.applications import Starlette

from benchmarks.programs import free_port
from bot import integrations
from bot.__main__ import main
from bot.config import ENVIRONMENT, load
from bot.ingest.http import Endpoints, routes
from bot.ingest.receive import Intake
from bot.ingest.rules import Rules
from bot.store.database import Database
from bot.store.tables import Projection

NOW = datetime(2026, 11, 23, 8, 13, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)


CONFIGURATION = """
slack: {channel: "#ml"}
sources:
  alertmanager: {auth: {type: bearer, secret_env: ALERTMANAGER_TOKEN}}
  intake: {type: events, auth: {type: %s, secret_env: EVENTS_TOKEN}}
"""


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


Bellwether = Callable[..., Ran]
Serving = Callable[[], contextlib.AbstractContextManager[None]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, to be in, and an environment without a word about the bot."""
    monkeypatch.chdir(tmp_path)
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    return tmp_path


@pytest.fixture
def bellwether(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bellwether:
    """Run `bellwether ARGUMENTS` in this process."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["bellwether", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return Ran(int(end.value.code or 0), out, err)

    return run


@pytest.fixture
def database(here: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database that the commands find, with its tables: the default one, or one that is named."""
    if database_url != f"sqlite:///{here / 'bellwether.db'}":
        monkeypatch.setenv("DATABASE_URL", database_url)
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def add(database: Database) -> Callable[..., Any]:
    """Store rows."""

    def add(*rows: Any) -> None:
        database.submit(_add, rows).result()

    return add


def _add(db: Session, rows: Sequence[Any]) -> None:
    db.add_all(rows)
    db.flush()


@pytest.fixture
def project(database: Database) -> Callable[..., None]:
    """Store a projection that shows the newest state, unless told otherwise."""

    def project(key: str, **given: Any) -> None:
        times = dict.fromkeys(("behind_since", "not_before", "earliest", "deadline"), LONG_AGO)
        flags = {"urgent": False, "news": True, "lease": "", "shown": "", "error": ""}
        counts = {"pause_s": 0, "looks": 0, "attempts": 0}
        row = {"key": key, "generation": 2, "observed_generation": 2, **times, **flags, **counts, **given}
        database.submit(_insert, row).result()

    return project


def _insert(db: Session, row: dict[str, Any]) -> None:
    db.exec(insert(Projection).values(**row))


@pytest.fixture
def configured(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (here / "bellwether.yml").write_text(CONFIGURATION % "bearer")
    monkeypatch.setenv("EVENTS_TOKEN", "right")
    monkeypatch.setenv("BELLWETHER_LISTEN", f"127.0.0.1:{free_port()}")
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
