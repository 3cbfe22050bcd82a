"""Bring the tables to the version that this program needs; refuse a newer one.

An empty database gets the tables as they are now. Alembic is imported only when an older schema has to be brought up:
it costs as much start-up time as the rest of the store, and 10 MiB for as long as the process lives.
"""

from importlib import import_module
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import bot.store.tables  # noqa: F401 - fills the metadata
from bot.domain.errors import ConfigError

HEAD = "0001"
"""The newest migration; a test compares it with the folder."""

MIGRATIONS = Path(__file__).parent / "migrations"


def current(db: Session) -> str | None:
    """Return the schema's version, None for an empty database."""
    connection = db.connection()
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return version


def mark(db: Session, version: str) -> None:
    """Write that the schema has VERSION."""
    db.connection().execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def upgrade(db: Session) -> str | None:
    """Make the tables, or run the migrations that are missing; returns the version before.

    Raises ConfigError for a newer schema. A transaction of the writer, so replicas that start at once take turns, and
    a migration that fails leaves nothing.
    """
    before = current(db)
    if before == HEAD:
        return before
    if before is not None and before > HEAD:
        raise ConfigError(
            f"the database has schema {before}, this program knows {HEAD}: run the newer program, or restore a backup"
        )
    if before is None:
        _make(db)
    else:
        migrate(db)
    return before


def migrate(db: Session) -> None:
    """Run the migrations that are missing; a test compares what all of them make with the tables."""
    command = import_module("alembic.command")
    config = import_module("alembic.config").Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = db.connection()
    command.upgrade(config, "head")


def _make(db: Session) -> None:
    connection = db.connection()
    SQLModel.metadata.create_all(connection, checkfirst=False)
    version = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
    version.create(connection)
    connection.execute(version.insert().values(version_num=HEAD))
