import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.cli import databases
from bot.store import schema
from bot.store.database import Database
from bot.store.tables import Heartbeat
from tests.cli.conftest import NOW, Bellwether
from tests.databases import Files


def sources(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return [name for (name,) in db.execute("SELECT source FROM heartbeat ORDER BY source")]


def heard(source: str) -> Heartbeat:
    return Heartbeat(source=source, last_at=NOW)


@pytest.fixture
def database_url(migrated_file: str, here: Path) -> str:
    """A file whatever the suite runs on: `db backup` and `db restore` are about files."""
    return Files().make(here, migrated_file)


@pytest.fixture
def backed_up(bellwether: Bellwether, database: Database, add: Callable[..., Any], here: Path) -> Path:
    """A backup that knows `before` of a database that knows `after`, too, and that nobody has open."""
    add(heard("before"))
    assert bellwether("db", "backup", "kept.db").code == 0
    add(heard("after"))
    database.close()
    return here / "kept.db"


def test_upgrade_makes_the_tables_and_then_has_nothing_to_do(bellwether: Bellwether, here: Path) -> None:
    first, second = bellwether("db", "upgrade"), bellwether("db", "upgrade")

    assert (first.code, first.out) == (0, f"bellwether.db: schema {schema.HEAD}, was empty\n")
    assert (second.code, second.out) == (0, f"bellwether.db: schema {schema.HEAD} already\n")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///no/such/folder/b.db", "does not exist; create it first"),
        ("mysql://u:p@h/d", "not supported"),
        ("postgresql://u:p@h", "names no database"),
    ],
)
def test_a_database_that_cannot_be_is_2(
    bellwether: Bellwether, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    ran = bellwether("db", "upgrade")

    assert ran.code == 2
    assert said in ran.err
    assert "u:p" not in ran.err


def test_a_server_that_does_not_answer_is_1(bellwether: Bellwether, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/bot")

    upgrade, stats = bellwether("db", "upgrade"), bellwether("db", "stats")

    assert (upgrade.code, stats.code) == (1, 2)
    assert "postgresql://127.0.0.1:1/bot cannot be used" in upgrade.err
    assert "postgresql://127.0.0.1:1/bot cannot be used" in stats.err
    assert "u:p" not in upgrade.err + stats.err


def test_backup_copies_a_database_that_is_being_written(
    bellwether: Bellwether, database: Database, add: Callable[..., Any], here: Path
) -> None:
    add(heard("events"))

    ran = bellwether("db", "backup", "kept.db")

    assert ran.code == 0
    assert ran.out.startswith("✓ kept.db: ")
    assert sources(here / "kept.db") == ["events"]
    assert sorted(file.name for file in here.glob("kept.db*")) == ["kept.db"]


def test_backup_never_writes_over_a_file(bellwether: Bellwether, database: Database, here: Path) -> None:
    (here / "kept.db").write_text("precious")

    ran = bellwether("db", "backup", "kept.db")

    assert ran.code == 1
    assert "never writes over a file" in ran.out
    assert (here / "kept.db").read_text() == "precious"


def test_backup_of_a_database_that_is_not_there_is_2_and_leaves_nothing(bellwether: Bellwether, here: Path) -> None:
    ran = bellwether("db", "backup", "kept.db")

    assert ran.code == 2
    assert list(here.iterdir()) == []


def test_a_backup_of_a_damaged_database_is_not_kept(bellwether: Bellwether, here: Path) -> None:
    (here / "bellwether.db").write_bytes(b"nonsense" * 1000)

    ran = bellwether("db", "backup", "kept.db")

    assert ran.code == 1
    assert "cannot be copied" in ran.out
    assert not (here / "kept.db").exists()


def test_restore_brings_back_the_backup_and_keeps_what_was(bellwether: Bellwether, backed_up: Path, here: Path) -> None:
    ran = bellwether("db", "restore", "kept.db")

    assert ran.code == 0
    assert sources(here / "bellwether.db") == ["before"]
    assert sources(here / "bellwether.db.before-restore-1") == ["after", "before"]
    assert "what it was is bellwether.db.before-restore-1" in ran.out
    assert sorted(f.name for f in here.iterdir()) == ["bellwether.db", "bellwether.db.before-restore-1", "kept.db"]


def test_restore_twice_keeps_both(bellwether: Bellwether, backed_up: Path, here: Path) -> None:
    bellwether("db", "restore", "kept.db")
    bellwether("db", "restore", "kept.db")

    assert sources(here / "bellwether.db.before-restore-1") == ["after", "before"]
    assert sources(here / "bellwether.db.before-restore-2") == ["before"]


def test_restore_where_there_is_no_database(
    bellwether: Bellwether, backed_up: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///new.db")

    assert bellwether("db", "restore", "kept.db").code == 0
    assert sources(here / "new.db") == ["before"]


def test_restore_refuses_while_somebody_has_the_database_open(
    bellwether: Bellwether, backed_up: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "WAIT_S", 0.1)
    bot = Database("sqlite:///bellwether.db")
    bot.submit(lambda db: db.add(heard("later"))).result()

    ran = bellwether("db", "restore", "kept.db")

    assert ran.code == 1
    assert "stop the bot" in ran.out
    bot.submit(lambda db: db.add(heard("still"))).result()
    bot.close()
    assert sources(here / "bellwether.db") == ["after", "before", "later", "still"]
    assert not (here / "bellwether.db.restoring").exists()


def test_restore_replaces_a_broken_database_and_its_journal(
    bellwether: Bellwether, backed_up: Path, here: Path
) -> None:
    (here / "bellwether.db").write_bytes(b"nonsense" * 1000)
    (here / "bellwether.db-wal").write_bytes(b"of another file")

    ran = bellwether("db", "restore", "kept.db")

    assert ran.code == 0
    assert sources(here / "bellwether.db") == ["before"]
    assert (here / "bellwether.db.before-restore-1").read_bytes().startswith(b"nonsense")
    assert not (here / "bellwether.db-wal").exists()


def spoil_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[5000:9000] = b"\xff" * 4000
    file.write_bytes(content)


def spoil_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")


def spoil_tables(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DROP TABLE alembic_version")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.write_text("a letter, not a database"), "not a whole database"),
        (spoil_middle, "damaged"),
        (spoil_version, "it has schema 9999, this program knows"),
        (spoil_tables, "not a database of Bellwether"),
    ],
)
def test_restore_refuses_a_bad_backup(
    bellwether: Bellwether, backed_up: Path, here: Path, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(backed_up)

    ran = bellwether("db", "restore", "kept.db")

    assert ran.code == 1
    assert said in ran.out
    assert sources(here / "bellwether.db") == ["after", "before"]


def test_restore_of_a_file_that_is_not_there_is_2(bellwether: Bellwether, here: Path) -> None:
    assert bellwether("db", "restore", "kept.db").code == 2
