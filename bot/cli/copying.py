"""`bellwether db copy SOURCE TARGET`: every row of one database in another, empty one, of the same kind or the other.

The source is read in one transaction, of one moment. The target is marked as incomplete until the last row is there,
so that no bot starts on half of it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from bot.cli.opening import refusal
from bot.domain.errors import ConfigError
from bot.slack.text import plural
from bot.store import schema
from bot.store.database import Database

BATCH = 1000
INCOMPLETE = "incomplete copy"
"""Stands for the schema's version meanwhile; no program knows it."""

Rows = Sequence[sa.RowMapping]


def copy(source_url: str, target_url: str) -> int:
    """Copy and print how many rows of each table; 1 when the target is not empty."""
    with closing(Database(source_url)) as source, closing(Database(target_url)) as target:
        if found := refusal(source):
            raise ConfigError(found.words)
        if trouble := target.submit(_prepare).result():
            print(f"✗ {target.name} {trouble}; name an empty database")
            return 1
        asyncio.run(source.read(_pour, target))
        target.submit(_complete, target).result()
        print(f"✓ {target.name} has what {source.name} had; set DATABASE_URL and start the bot on it")
    return 0


def _prepare(db: Session) -> str | None:
    """Make the tables, and mark them as incomplete; returns why not."""
    known = schema.current(db)
    if known == INCOMPLETE:
        return "holds a copy that was not completed"
    if known not in (None, schema.HEAD):
        return "is not empty"
    schema.upgrade(db)
    for table in SQLModel.metadata.sorted_tables:
        if db.connection().execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            return "is not empty"
    schema.mark(db, INCOMPLETE)
    return None


def _pour(db: Session, target: Database) -> None:
    """Write all rows that DB sees into TARGET, a transaction each batch."""
    for table in SQLModel.metadata.sorted_tables:
        count = 0
        for rows in _batches(db, table):
            target.submit(_insert, table, rows).result()
            count += len(rows)
        print(f"  {table.name}: {plural(count, 'row')}", flush=True)


def _batches(db: Session, table: sa.Table) -> Iterator[Rows]:
    """Yield the rows of TABLE in the order of their key, without what the database computes."""
    (key,) = table.primary_key.columns
    query = sa.select(*(c for c in table.columns if c.computed is None)).order_by(key).limit(BATCH)
    rows: Rows = db.connection().execute(query).mappings().all()
    while rows:
        yield rows
        rows = db.connection().execute(query.where(key > rows[-1][key.name])).mappings().all()


def _insert(db: Session, table: sa.Table, rows: Rows) -> None:
    db.connection().execute(sa.insert(table), [dict(row) for row in rows])


def _complete(db: Session, target: Database) -> None:
    target.dialect.number_on(db)
    schema.mark(db, schema.HEAD)
