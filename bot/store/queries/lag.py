"""How far what people see is behind what we know."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from bot.store.tables import Projection


@dataclass(frozen=True)
class Lag:
    """How many copies do not show everything, and how long ago the oldest change was made that is not shown."""

    copies: int
    oldest: timedelta


def lag(db: Session, prefix: str, now: datetime) -> Lag:
    """Return how far the copies under PREFIX are behind: `slack/`, `jira/`, or all when it is empty."""
    behind = (col(Projection.lagging), col(Projection.key).startswith(prefix, autoescape=True))
    copies, since = db.exec(select(func.count(), func.min(Projection.behind_since)).where(*behind)).one()
    return Lag(copies, max(timedelta(0), now - since) if copies else timedelta(0))
