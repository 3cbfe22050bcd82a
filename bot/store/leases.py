"""Leases in the database: who does what only one replica may do at a time, until when by the database's clock.

Nobody's own clock is asked, so replicas whose clocks differ agree. `bot.reconcile.lease` keeps them up.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlmodel import Session, col, select

from bot.store.tables import Lease

PRESENCE = "replica/"
"""Each replica holds one lease that nobody else wants, so that it is known which there are."""
EVENT = "event/"
"""What claims of single events of Slack begin with: they come and go, so they are not what a replica is asked about."""


class _Clock(FunctionElement[Any]):
    """What the database's clock says when the statement runs, plus so many seconds; a transaction does not stop it."""

    type = Lease.__table__.c.until.type  # type: ignore[attr-defined] # SQLModel adds it
    inherit_cache = True


@compiles(_Clock, "sqlite")
def _sqlite(element: _Clock, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')"


@compiles(_Clock, "postgresql")
def _postgresql(element: _Clock, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"clock_timestamp() + make_interval(secs => {seconds})"


def take(db: Session, holder: str, names: Iterable[str], span: timedelta) -> set[str]:
    """Take, or keep, those of NAMES for SPAN that nobody else has; returns them.

    Always in the same order, so that two replicas never wait for each other.
    """
    taken = set()
    dialect = import_module(f"sqlalchemy.dialects.{db.get_bind().dialect.name}")  # the other one costs 5 MiB
    for name in sorted(names):
        insert = dialect.insert(Lease).values(name=name, holder=holder, until=_clock(span))
        insert = insert.on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": insert.excluded.holder, "until": insert.excluded.until},
            where=(col(Lease.holder) == holder) | (col(Lease.until) <= _clock()),
        )
        if db.exec(insert.returning(col(Lease.name))).first() is not None:
            taken.add(name)
    return taken


def give_back(db: Session, holder: str, names: Iterable[str]) -> None:
    """Give back those of NAMES that HOLDER has: whoever looks next may take them."""
    db.exec(sa.delete(Lease).where(col(Lease.holder) == holder, col(Lease.name).in_(sorted(names))))


def live(db: Session) -> dict[str, str]:
    """Return who holds what now, single events apart."""
    current = (col(Lease.until) > _clock(), col(Lease.name).not_like(f"{EVENT}%"))
    return dict(db.exec(select(Lease.name, Lease.holder).where(*current).order_by(Lease.name)).all())


def by_replica(held: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what each live replica does, from what `live` returned."""
    names = [name.removeprefix(PRESENCE) for name in held if name.startswith(PRESENCE)]
    return {one: [what for what in held if held[what] == one and not what.startswith(PRESENCE)] for one in names}


def forget_expired(db: Session) -> None:
    """Delete what ran out: it means the same as no row."""
    db.exec(sa.delete(Lease).where(col(Lease.until) <= _clock()))


def _clock(ahead: timedelta = timedelta(0)) -> _Clock:
    return _Clock(sa.literal(ahead.total_seconds(), sa.Float()))
