import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import Session, SQLModel

import bot.store.tables  # noqa: F401 - fills the metadata
from bot.domain.errors import ConfigError
from bot.store import schema
from tests.databases import Databases


@pytest.fixture
def db(databases: Databases, tmp_path: Path) -> Iterator[Session]:
    """A session on a database without tables."""
    url = databases.make(tmp_path)
    with databases.session(url) as session:
        yield session
    databases.drop(url)


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))

    assert scripts.get_heads() == [schema.HEAD]


def test_versions_can_be_compared_as_text() -> None:
    versions = [script.revision for script in ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()]

    assert versions == sorted(versions, reverse=True)
    assert {len(version) for version in versions} == {4}


def test_upgrade_makes_the_tables_of_an_empty_database(db: Session) -> None:
    before = schema.upgrade(db)

    assert before is None
    assert schema.current(db) == schema.HEAD
    assert set(sa.inspect(db.connection()).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}


def test_neither_a_new_database_nor_an_old_one_needs_alembic(tmp_path: Path) -> None:
    """Nor what speaks to the other kind of database: both would stay in memory as long as the bot runs."""
    start = (
        "import sys; from bot.store import leases, schema; from bot.store.database import Database;"
        f"database = Database('sqlite:///{tmp_path / 'bellwether.db'}');"
        "print([database.submit(schema.upgrade).result() for _ in range(2)]); database.close();"
        "print({'alembic', 'mako', 'sqlalchemy.dialects.postgresql'} & {*sys.modules})"
    )

    told = subprocess.run([sys.executable, "-c", start], check=True, capture_output=True, text=True).stdout

    assert told == f"[None, '{schema.HEAD}']\nset()\n"


def test_what_upgrade_makes_is_what_alembic_goes_on_from(db: Session) -> None:
    schema.upgrade(db)
    made = shape(db, "alembic_version")
    db.rollback()

    schema.migrate(db)

    assert shape(db, "alembic_version") == made


def test_the_migrations_make_exactly_our_tables(db: Session) -> None:
    schema.migrate(db)

    assert schema.current(db) == schema.HEAD
    assert set(sa.inspect(db.connection()).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}
    context = MigrationContext.configure(db.connection(), opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, SQLModel.metadata) == []


def test_migrated_tables_compute_what_the_classes_compute(db: Session) -> None:
    """What alembic does not compare: generated columns and constraints, as the database itself keeps them."""
    SQLModel.metadata.create_all(db.connection())
    made = {t: shape(db, t) for t in SQLModel.metadata.tables}
    db.rollback()

    schema.migrate(db)

    assert {t: shape(db, t) for t in SQLModel.metadata.tables} == made


def test_a_second_upgrade_does_nothing(db: Session) -> None:
    schema.upgrade(db)

    assert schema.upgrade(db) == schema.HEAD


def test_an_upgrade_that_fails_leaves_nothing(db: Session) -> None:
    schema.upgrade(db)

    db.rollback()

    assert schema.current(db) is None


def test_a_newer_schema_is_refused_with_words(db: Session) -> None:
    schema.upgrade(db)
    db.connection().execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(ConfigError, match=f"has schema 9999, this program knows {schema.HEAD}: run the newer program"):
        schema.upgrade(db)


def shape(db: Session, table: str) -> object:
    inspector = sa.inspect(db.connection())
    columns = {
        c["name"]: (str(c["type"]), c["nullable"], str((c.get("computed") or {}).get("sqltext", "")))
        for c in inspector.get_columns(table)
    }
    unique = sorted(tuple(u["column_names"]) for u in inspector.get_unique_constraints(table))
    indexes = sorted((str(i["name"]), tuple(i["column_names"]), i["unique"]) for i in inspector.get_indexes(table))
    keys = sorted((tuple(k["constrained_columns"]), k["referred_table"]) for k in inspector.get_foreign_keys(table))
    return columns, inspector.get_pk_constraint(table)["constrained_columns"], unique, indexes, keys
