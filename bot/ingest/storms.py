"""Storms: when more groups open at once in a channel than people can read as cards, one card lists them all."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from bot.domain import keys
from bot.ingest.rules import STORM_GROUPS, STORM_QUIET, STORM_WINDOW
from bot.store.projection import touch
from bot.store.tables import AlertGroup, Storm


def gather(db: Session, now: datetime, opened: Sequence[AlertGroup]) -> None:
    """Put the groups that just OPENED into their channel's storm; start one when there are too many."""
    touched = {g.id for g in opened}  # by whoever calls us
    for channel in sorted({g.channel for g in opened}):
        fresh = [g for g in opened if g.channel == channel]
        storm = _open_storm(db, channel)
        if storm is None:
            recent = _recent(db, now, channel)
            if len(recent) < STORM_GROUPS:
                continue
            storm = Storm(channel=channel, opened_at=now, last_at=now)
            db.add(storm)
            db.flush()
            fresh = list(recent)
        assert storm.id is not None
        storm.last_at = now
        left = {group.storm_id for group in fresh if group.storm_id is not None}
        for group in fresh:
            group.storm_id = storm.id
            db.add(group)
        db.add(storm)
        names = [keys.group(group.id) for group in fresh if group.id is not None and group.id not in touched]
        touch(db, now, *names, *(keys.storm(number) for number in sorted(left | {storm.id})))


def close_quiet(db: Session, now: datetime) -> int:
    """End the storms that no group joined for a while; groups still open get cards of their own. Returns how many."""
    over = db.exec(select(Storm).where(col(Storm.closed_at).is_(None), col(Storm.last_at) < now - STORM_QUIET)).all()
    for storm in over:
        assert storm.id is not None
        storm.closed_at = now
        db.add(storm)
        still = select(AlertGroup).where(AlertGroup.storm_id == storm.id, AlertGroup.status != "resolved")
        touch(db, now, keys.storm(storm.id), *(keys.group(g.id) for g in db.exec(still) if g.id))
    return len(over)


def _open_storm(db: Session, channel: str) -> Storm | None:
    return db.exec(select(Storm).where(Storm.channel == channel, col(Storm.closed_at).is_(None))).first()


def _recent(db: Session, now: datetime, channel: str) -> Sequence[AlertGroup]:
    """Return the open groups of CHANNEL that we first heard of within the storm window."""
    query = (
        select(AlertGroup)
        .where(AlertGroup.channel == channel, col(AlertGroup.recorded_at) > now - STORM_WINDOW)
        .where(AlertGroup.status != "resolved", col(AlertGroup.quiet).is_(False))
        .where(col(AlertGroup.storm_id).is_(None))
    )
    return db.exec(query).all()
