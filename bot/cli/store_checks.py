"""What doctor reads from the database: who was heard, what could not be read, which copies are not up to date."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from bot.cli import room_checks
from bot.cli.checks import Check, good, problem, warning
from bot.cli.opening import refusal
from bot.cli.posting import bot_address
from bot.cli.why import why
from bot.config import Settings
from bot.domain.durations import short
from bot.domain.errors import ConfigError
from bot.domain.names import clip
from bot.slack.text import plural
from bot.store import leases, schema
from bot.store.database import Database
from bot.store.queries.sources import OWN, SILENT, heartbeats
from bot.store.tables import Delivery, Heartbeat, Projection

LISTED = 5
"""So many of a kind are named, the rest are counted."""
LONGEST = 300
OVERDUE = timedelta(minutes=2)
"""A copy that is due for this long waits for a bot that does not run, or can't keep up."""
TROUBLE = ("failing", "refused")
LATE = "The bot does not run, or Slack's rate limits hold it up (429); then all follows in order, the newest state only"


def checks(settings: Settings, refusing: Mapping[str, str], now: datetime) -> list[Check]:
    """Return what the database tells; `refusing` says for each configured source why it takes nothing, if so."""
    try:
        database = Database(settings.environment.database_url)
    except ConfigError as e:
        return [problem("database", str(e))]
    try:
        found = refusal(database)
        if found is None:
            return [
                good("database", f"{database.name}, schema {schema.HEAD}, {_megabytes(database):.1f} MB"),
                *room_checks.checks(database),
                *asyncio.run(database.read(_rows, settings, refusing, now)),
            ]
    finally:
        database.close()
    state = warning if found.mends_itself else problem
    return [state("database", found.words), *_unheard(settings, refusing, {}, now)]


def _megabytes(database: Database) -> float:
    return asyncio.run(database.read(database.dialect.size)) / 1_000_000


def _rows(db: Session, settings: Settings, refusing: Mapping[str, str], now: datetime) -> list[Check]:
    beats = {beat.source: beat for beat in heartbeats(db)}
    return [
        _replicas(db),
        *_unheard(settings, refusing, beats, now),
        *_unmapped(db),
        _slack_inbox(db, now),
        *_projections(db, now),
    ]


def _replicas(db: Session) -> Check:
    """Return which bots run on this database, and what each does that only one may do at a time."""
    found = leases.by_replica(leases.live(db))
    words = [f"{name} ({', '.join(held) or 'stands by'})" for name, held in found.items()]
    return good("replicas", "; ".join(words) or "none runs")


def _unheard(
    settings: Settings, refusing: Mapping[str, str], beats: Mapping[str, Heartbeat], now: datetime
) -> Iterator[Check]:
    """Yield a line for each source: whether it can be heard, and when it was."""
    for name, reason in refusing.items():
        check, beat = f"source {name}", beats.get(name)
        if reason:
            yield problem(check, reason)
        elif beat is None:
            yield warning(check, f"never heard; it posts to {bot_address(settings.environment)}/hooks/{name}")
        elif now - beat.last_at > SILENT:
            yield warning(check, f"last heard {short(now - beat.last_at)} ago; if that is unusual, look at its side")
        else:
            count = plural(beat.deliveries, "delivery", "deliveries")
            yield good(check, f"last heard {short(now - beat.last_at)} ago, {count} so far")
    for name in sorted(beats.keys() - refusing.keys()):
        ago = short(now - beats[name].last_at)
        yield warning(f"source {name}", f"heard until {ago} ago, but no longer among `sources:` of {settings.path}")


def _unmapped(db: Session) -> Iterator[Check]:
    bad = (col(Delivery.unmapped) > 0, col(Delivery.source).not_in(OWN))
    newest = select(Delivery.id, Delivery.source, Delivery.reason).where(*bad).order_by(col(Delivery.id).desc())
    rows = db.exec(newest.limit(LISTED)).all()
    if not rows:
        yield good("deliveries", "every one was understood")
        return
    for number, source, reason in rows:
        mended = f"when mended: `bellwether replay {number}`"
        yield warning(f"delivery {number}", f"unmapped, of {source}: {clip(reason, LONGEST).rstrip('.')}; {mended}")
    if (more := db.exec(select(func.count()).select_from(Delivery).where(*bad)).one() - len(rows)) > 0:
        yield warning("deliveries", f"{plural(more, 'older one')} could not be read in full, either")


def _slack_inbox(db: Session, now: datetime) -> Check:
    """Return whether everything that Slack told us was done; what came again is counted, it was done once."""
    of_slack = select(func.count(), func.sum(Delivery.repeats), func.min(Delivery.id)).where(Delivery.source == "slack")
    known, again, _ = db.exec(of_slack).one()
    event = col(Delivery.digest).startswith("Ev") & (col(Delivery.recorded) == 0)
    left, _, oldest = db.exec(of_slack.where(event, col(Delivery.last_at) < now - OVERDUE)).one()
    if left:
        words = f"{plural(left, 'event')} could not be done, the oldest is delivery {oldest}; the log says why"
        return warning(
            "slack inbox", f"{words}. Slack sends an event again for some minutes only: ask people to repeat it"
        )
    return good("slack inbox", f"{plural(known, 'payload')} kept; {again or 0:,} came again and were done once")


def _projections(db: Session, now: datetime) -> Iterator[Check]:
    """Yield a line for each trouble, with how many copies it holds up, and one for what is late without any."""
    held_up = (col(Projection.error), col(Projection.lagging))
    counted = select(*held_up, func.count(), func.min(Projection.key)).where(Projection.error != "").group_by(*held_up)
    troubles = db.exec(counted.order_by(func.count().desc(), func.min(Projection.key))).all()
    for _, _, count, key in troubles[:LISTED]:
        (reason,) = why(db, key, now)
        state = problem if reason.state in TROUBLE else warning
        yield state(_named(key, count), f"{reason.state}. {clip(reason.words, LONGEST)}")
    if more := sum(count for _, _, count, _ in troubles[LISTED:]):
        yield warning("messages and tickets", f"{more} more are refused or failing; see `bellwether db stats`")
    late = col(Projection.lagging) & (col(Projection.error) == "") & (col(Projection.not_before) < now - OVERDUE)
    waiting, oldest, key = db.exec(
        select(func.count(), func.min(Projection.not_before), func.min(Projection.key)).where(late)
    ).one()
    if waiting:
        yield warning(_named(key, waiting), f"overdue for {short(now - oldest)}. {LATE}")
    if not troubles and not waiting:
        total = db.exec(select(func.count()).select_from(Projection)).one()
        yield good("messages and tickets", f"{total}, none refused, none overdue")


def _named(key: str, count: int) -> str:
    return key if count == 1 else f"{key} and {count - 1:,} more"
