"""Alembic's entry point: runs on the connection that `bot.store.schema` hands it."""

from alembic import context
from sqlmodel import SQLModel

import bot.store.tables  # noqa: F401 - fills the metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    user_module_prefix="sqlmodel.sql.sqltypes.",
)
with context.begin_transaction():
    context.run_migrations()
