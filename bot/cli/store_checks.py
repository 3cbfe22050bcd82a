"""What doctor reads from the database: who was heard, what could not be read, which copies are not up to date."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, or_, select

from bot.cli.checks import Check, good, problem, warning
from bot.cli.opening import refusal
from bot.cli.sending import bot_address
from bot.cli.why import Reason, why
from bot.config import Settings
from bot.domain.durations import short
from bot.domain.errors import ConfigError
from bot.domain.names import clip
from bot.slack.text import plural
from bot.store import schema
from bot.store.database import Database
from bot.store.queries.sources import OWN, SILENT, heartbeats
from bot.store.tables import Delivery, Heartbeat, Projection

LISTED = 5
"""So many of a kind are named, the rest are counted."""
LONGEST = 300
OVERDUE = timedelta(minutes=2)
"""A copy that is due for this long waits for a bot that does not run, or can't keep up."""
TROUBLE = ("failing", "refused")


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
        *_unheard(settings, refusing, beats, now),
        *_unmapped(db),
        *_projections(db, now),
    ]


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


def _projections(db: Session, now: datetime) -> Iterator[Check]:
    late = col(Projection.lagging) & (col(Projection.not_before) < now - OVERDUE)
    of_note = or_(col(Projection.error) != "", late)
    order = ((col(Projection.error) == ""), col(Projection.not_before))
    keys = db.exec(select(Projection.key).where(of_note).order_by(*order).limit(LISTED)).all()
    for reason in _reasons(db, keys, now):
        state = problem if reason.state in TROUBLE else warning
        yield state(reason.key, f"{reason.state}. {reason.words}")
    if not keys:
        total = db.exec(select(func.count()).select_from(Projection)).one()
        yield good("messages and tickets", f"{total}, none refused, none overdue")
    elif (more := db.exec(select(func.count()).select_from(Projection).where(of_note)).one() - len(keys)) > 0:
        yield warning("messages and tickets", f"{more} more are refused, failing or overdue; see `bellwether db stats`")


def _reasons(db: Session, keys: Sequence[str], now: datetime) -> Iterator[Reason]:
    for key in keys:
        yield from why(db, key, now)
