"""The command line as a user has it: a folder, an environment, and `bellwether ...` with its exit code and output."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, insert

from bot.__main__ import main
from bot.config import ENVIRONMENT
from bot.store.database import Database
from bot.store.tables import Projection
from tests.databases import ON_POSTGRESQL

NOW = datetime(2026, 11, 23, 8, 13, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


Bellwether = Callable[..., Ran]


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
    if ON_POSTGRESQL:
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
        times = dict.fromkeys(("not_before", "earliest", "deadline"), LONG_AGO)
        rest = {"pause_s": 0, "urgent": False, "lease": "", "shown": "", "looks": 0, "attempts": 0, "error": ""}
        row = {"key": key, "generation": 2, "observed_generation": 2, **times, **rest, **given}
        database.submit(_insert, row).result()

    return project


def _insert(db: Session, row: dict[str, Any]) -> None:
    db.exec(insert(Projection).values(**row))
