"""Bring the tables to the version that this program needs; refuse a newer one.

Alembic is imported only when the schema is behind: it costs as much start-up time as the rest of the store.
"""

from importlib import import_module
from pathlib import Path

import sqlalchemy as sa

from bot.domain.errors import ConfigError

HEAD = "0001"
"""The newest migration; a test compares it with the folder."""

MIGRATIONS = Path(__file__).parent / "migrations"


def current(engine: sa.Engine) -> str | None:
    """Return the schema's version, None for an empty database."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: sa.Engine) -> str | None:
    """Run the migrations that are missing; returns the version before. Raises ConfigError for a newer schema."""
    before = current(engine)
    if before == HEAD:
        return before
    if before is not None and before > HEAD:
        raise ConfigError(
            f"the database has schema {before}, this program knows {HEAD}: run the newer program, or restore a backup"
        )
    command = import_module("alembic.command")
    config = import_module("alembic.config").Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before
