"""How far what people see is behind what we know."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import Select

from bot.store.prepared import ESCAPE, like, prepared
from bot.store.tables import Projection


@dataclass(frozen=True)
class Lag:
    """How many copies do not show everything, and how long ago the oldest change was made that is not shown."""

    copies: int
    oldest: timedelta


def lag(db: Session, prefix: str, now: datetime) -> Lag:
    """Return how far the copies under PREFIX are behind: `slack/`, `jira/`, or all when it is empty."""
    copies, since = _behind(db, like(prefix)).one()
    return Lag(copies, max(timedelta(0), now - since) if since is not None else timedelta(0))


@prepared
def _behind(prefix: str) -> Select[int, datetime | None]:
    behind = (col(Projection.lagging), col(Projection.key).startswith(prefix, escape=ESCAPE))
    return select(func.count(), func.min(Projection.behind_since)).where(*behind)
