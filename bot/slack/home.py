"""App Homes: drawn for whoever opens one, and kept true for those who opened it within the last day."""

from datetime import datetime

from sqlmodel import Session

from bot.domain import keys
from bot.store.projection import touch
from bot.store.tables import Directory


def opened(db: Session, user: str, now: datetime) -> None:
    """Write that USER looks at the App Home now, and have it drawn."""
    row = db.get(Directory, user) or Directory(id=user, kind="user", name=user)
    row.seen_home_at = now
    db.add(row)
    touch(db, now, keys.home(user), urgent=True)
