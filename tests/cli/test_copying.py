"""`bellwether db copy`: from SQLite to PostgreSQL and back, without losing a row or a number."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session, SQLModel, insert

from bot.cli import copying
from bot.store import schema
from bot.store.database import Database
from bot.store.tables import AlertGroup, Model, Projection
from tests.cli.conftest import NOW, Bellwether
from tests.databases import Files, Server


@pytest.fixture
def file(migrated_file: str, here: Path) -> str:
    url = Files().make(here, migrated_file)
    with closing(Database(url)) as database:
        database.submit(fill).result()
    return url


@pytest.fixture
def server(postgresql: Server, here: Path) -> Iterator[str]:
    url = postgresql.make(here)
    yield url
    postgresql.drop(url)


def fill(db: Session) -> None:
    for number in (3, 7, 5):
        metrics = {"z": {"slo": "<= 2.5"}, "a": {"title": "größer"}}
        db.add(Model(id=number, name=f"m{number}", metrics=metrics, created_at=NOW, configured=number == 3))
    db.flush()
    for number in range(1, 12):
        group = {"channel": "#ml", "alert_class": "soft", "severity": "warning", "status": "firing"}
        times = {"opened_at": NOW, "recorded_at": datetime(2026, 10, 25, 0, 30, 0, 123456, UTC)}
        db.add(AlertGroup(id=number, model_id=7, symptom="Drift", **group, **times))
    times = dict.fromkeys(("behind_since", "not_before", "earliest", "deadline"), NOW)
    rest = {"pause_s": 0, "urgent": False, "news": False, "lease": "", "shown": "", "looks": 0, "attempts": 0}
    row = {"key": "slack/group/1", "generation": 4, "observed_generation": 3, "error": "", **times, **rest}
    db.exec(insert(Projection).values(**row))


def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    def read(db: Session) -> dict[str, list[tuple[Any, ...]]]:
        tables = SQLModel.metadata.sorted_tables
        return {
            t.name: [tuple(row) for row in db.connection().execute(sa.select(t).order_by(*t.primary_key))]
            for t in tables
        }

    with closing(Database(url)) as database:
        return database.submit(read).result()


def next_number(url: str) -> int | None:
    def add(db: Session) -> int | None:
        model = Model(name="new", created_at=NOW)
        db.add(model)
        db.flush()
        return model.id

    with closing(Database(url)) as database:
        return database.submit(add).result()


def test_to_postgresql_and_back_everything_is_the_same(
    bellwether: Bellwether, file: str, server: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 4)
    back = f"sqlite:///{here / 'back.db'}"

    there = bellwether("db", "copy", file, server)
    again = bellwether("db", "copy", server, back)

    assert (there.code, again.code) == (0, 0)
    assert "alert_group: 11 rows" in there.out
    assert everything(file) == everything(server) == everything(back)
    assert everything(file)["projection"][0][1:4] == (4, 3, True)


def test_numbers_go_on_after_the_highest(bellwether: Bellwether, file: str, server: str) -> None:
    assert bellwether("db", "copy", file, server).code == 0

    assert next_number(server) == 8


def test_a_target_with_rows_is_left_alone(bellwether: Bellwether, file: str, server: str) -> None:
    bellwether("db", "copy", file, server)

    twice = bellwether("db", "copy", file, server)

    assert twice.code == 1
    assert "is not empty" in twice.out


def test_a_source_that_is_not_there_is_named(bellwether: Bellwether, server: str) -> None:
    ran = bellwether("db", "copy", "sqlite:///nothing.db", server)

    assert ran.code == 2
    assert "there is no database nothing.db" in ran.err


def test_no_bot_starts_on_half_a_copy(bellwether: Bellwether, file: str, here: Path) -> None:
    target = f"sqlite:///{here / 'half.db'}"
    with closing(Database(target)) as database:
        database.submit(schema.upgrade).result()
        database.submit(lambda db: schema.mark(db, copying.INCOMPLETE)).result()

    again, run = bellwether("db", "copy", file, target), bellwether("db", "copy", target, f"sqlite:///{here / 'x.db'}")

    assert (again.code, run.code) == (1, 2)
    assert "not completed" in again.out
    assert "has schema incomplete copy" in run.err
