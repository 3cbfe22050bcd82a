from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import bot.store.tables  # noqa: F401 - fills the metadata
from bot.domain.errors import ConfigError
from bot.store import schema
from bot.store.database import Database


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    yield database.engine
    database.close()


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))

    assert scripts.get_heads() == [schema.HEAD]


def test_versions_can_be_compared_as_text() -> None:
    versions = [script.revision for script in ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()]

    assert versions == sorted(versions, reverse=True)
    assert {len(version) for version in versions} == {4}


def test_upgrade_of_an_empty_file_makes_exactly_our_tables(engine: sa.Engine) -> None:
    before = schema.upgrade(engine)

    assert before is None
    assert schema.current(engine) == schema.HEAD
    assert set(sa.inspect(engine).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrated_tables_compute_what_the_classes_compute(engine: sa.Engine, tmp_path: Path) -> None:
    """What alembic does not compare: generated columns and constraints, as SQLite itself keeps them."""
    made = sa.create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    SQLModel.metadata.create_all(made)
    schema.upgrade(engine)

    assert {t: shape(engine, t) for t in SQLModel.metadata.tables} == {
        t: shape(made, t) for t in SQLModel.metadata.tables
    }
    made.dispose()


def test_a_second_upgrade_does_nothing(engine: sa.Engine) -> None:
    schema.upgrade(engine)

    assert schema.upgrade(engine) == schema.HEAD


def test_a_newer_schema_is_refused_with_words(engine: sa.Engine) -> None:
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(ConfigError, match=f"has schema 9999, this program knows {schema.HEAD}: run the newer program"):
        schema.upgrade(engine)


def shape(engine: sa.Engine, table: str) -> object:
    inspector = sa.inspect(engine)
    columns = {
        c["name"]: (str(c["type"]), c["nullable"], str((c.get("computed") or {}).get("sqltext", "")))
        for c in inspector.get_columns(table)
    }
    unique = sorted(tuple(u["column_names"]) for u in inspector.get_unique_constraints(table))
    indexes = sorted((str(i["name"]), tuple(i["column_names"]), i["unique"]) for i in inspector.get_indexes(table))
    keys = sorted((tuple(k["constrained_columns"]), k["referred_table"]) for k in inspector.get_foreign_keys(table))
    return columns, inspector.get_pk_constraint(table)["constrained_columns"], unique, indexes, keys
