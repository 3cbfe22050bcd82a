"""Who tells us things, and whether they still do: silence is not "nothing changed"."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.store.prepared import prepared
from bot.store.tables import Delivery, Heartbeat

SILENT = timedelta(days=3)
"""A source that was not heard for this long may be broken; a quiet one and a broken one look alike."""
TYPED = "slack"
"""As which source changes stand that a person typed."""
OWN = (TYPED,)
"""Senders in the inbox that are not sources."""
LOOK_BACK = 200


@dataclass(frozen=True)
class Hearing:
    """How well we hear what happens, at some moment."""

    heard: tuple[str, ...]
    silent: tuple[tuple[str, datetime], ...]
    """(source, when it was last heard)."""
    never: tuple[str, ...]
    """Configured, and never heard."""

    @property
    def deaf(self) -> bool:
        """Whether every source that was ever heard fell silent."""
        return bool(self.silent) and not self.heard

    @property
    def whole(self) -> bool:
        """Whether every source that we know of is heard."""
        return bool(self.heard) and not self.silent and not self.never


def heartbeats(db: Session) -> list[Heartbeat]:
    """Return when each source was last heard, by name."""
    return [row for row in _beats(db) if row.source not in OWN and ":" not in row.source]  # `digest:weekly` is none


@prepared
def _beats() -> SelectOfScalar[Heartbeat]:
    return select(Heartbeat).order_by(col(Heartbeat.source))


def hearing(db: Session, configured: Collection[str], at: datetime | None = None) -> Hearing:
    """Return how well the sources are heard AT some moment; None = when any was heard last.

    `configured` are the names in the configuration; one that is no longer there but was heard counts.
    """
    beats = heartbeats(db)
    moment = at or max((b.last_at for b in beats), default=None)
    late = [b for b in beats if moment is not None and b.last_at < moment - SILENT]
    names = {b.source for b in beats}
    return Hearing(
        heard=tuple(b.source for b in beats if b not in late),
        silent=tuple((b.source, b.last_at) for b in late),
        never=tuple(sorted(set(configured) - names - set(OWN))),
    )


def unmapped(db: Session) -> Sequence[tuple[str, str]]:
    """Return (source, why) for the sources whose newest deliveries held something that we could not read."""
    newest = (
        select(Delivery.source, Delivery.unmapped, Delivery.reason)
        .where(col(Delivery.source).not_in(OWN))
        .order_by(col(Delivery.received_at).desc())
        .limit(LOOK_BACK)
    )
    found: dict[str, str] = {}
    for source, count, reason in db.exec(newest):
        if count:
            found.setdefault(source, reason)
    return sorted(found.items())
