"""When a digest is due. The ticker only says "this period exists"; that it exists is a projection like any other.

So a double fire, a restart, a misfire and three replicas are harmless: they touch the same key. A digest remembers in
its heartbeat up to when its hours were looked at. So one missed while down is caught up once (the newest only), and a
fresh installation does not begin with last Monday's.

APScheduler fires at the hours of the wall clock, twice in an autumn night, and late when that clock is set back; the
process clock may be a sandbox's that is moved and runs at 3,600 times the speed. So whoever keeps the time ticks by
itself, too, and a tick asks `due`, which knows local days and nothing of ticks.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlmodel import Session

from bot.config import DigestSection, Settings, parse_when
from bot.digests.period import DAY, instant, told_on
from bot.domain import keys
from bot.store.projection import touch
from bot.store.tables import Heartbeat

logger = logging.getLogger(__name__)

EVERY, EVERY_IN_SANDBOX = timedelta(seconds=60), timedelta(seconds=1)
"""How often to tick, in real time; each digest also has a trigger of its own at its hour."""
REMEMBER = timedelta(hours=1)
"""How often an idle tick is written down; a digest moved to an hour of the past before that is not caught up."""

Write = Callable[..., Awaitable[Any]]
"""The transaction runner: `write(f, *args)` runs `f(db, *args)`."""
Look = Callable[[], Awaitable[None]]
"""A tick with everything it needs."""


def due(digest: DigestSection, now: datetime, since: datetime) -> list[date]:
    """Return the local days, oldest first, whose digest was to be told after SINCE and not after NOW."""
    zone = ZoneInfo(digest.tz)
    day, last = since.astimezone(zone).date() - DAY, now.astimezone(zone).date() + DAY
    days = []
    while day <= last:
        if told_on(digest, day) and since < instant(digest, day) <= now:
            days.append(day)
        day += DAY
    return days


async def tick(write: Write, settings: Settings, now: datetime) -> None:
    """Touch the copies of every digest that became due since the last look."""
    digests = settings.decisions.digests
    touched: list[str] = await write(touch_due, now, digests) if digests else []
    for key in touched:
        logger.info("digest is due", extra={"key": key})


def touch_due(db: Session, now: datetime, digests: Mapping[str, DigestSection]) -> list[str]:
    """Touch what is due, the newest day of each digest only; return the keys of the messages."""
    touched = []
    for name, digest in digests.items():
        looked = db.get(Heartbeat, _beat(name))
        days = due(digest, now, looked.last_at) if looked else []
        for channel in digest.channels if days else ():
            key = keys.digest(name, days[-1], channel)
            touch(db, now, key, keys.digest_thread(name, days[-1], channel))
            touched.append(key)
        if looked is None:
            db.add(Heartbeat(source=_beat(name), last_at=now))
        elif days or abs(now - looked.last_at) >= REMEMBER:
            looked.last_at = now
            db.add(looked)
    return touched


def start(look: Look, digests: Mapping[str, DigestSection], *, real_clock: bool) -> AsyncIOScheduler:
    """Look at once, and at the hours of DIGESTS, on the running event loop; `shutdown(wait=False)` ends it.

    `real_clock`: the process clock is the machine's, so that the digests' hours can be triggers.
    """
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it logs every tick at INFO
    options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    scheduler = AsyncIOScheduler(timezone=ZoneInfo("UTC"), job_defaults=options)
    if real_clock:
        set_hours(scheduler, look, digests)
    scheduler.start()
    wake(scheduler, look)
    return scheduler


def set_hours(scheduler: AsyncIOScheduler, look: Look, digests: Mapping[str, DigestSection]) -> None:
    """Make the triggers those of DIGESTS; call it again after the configuration was loaded anew."""
    for job in scheduler.get_jobs():
        if job.id.startswith("hour:") and job.id.removeprefix("hour:") not in digests:
            job.remove()
    for name, digest in digests.items():
        weekday, at = parse_when(digest.at)
        hour = CronTrigger(day_of_week=weekday or "*", hour=at.hour, minute=at.minute, timezone=ZoneInfo(digest.tz))
        scheduler.add_job(look, hour, id=f"hour:{name}", replace_existing=True)


def wake(scheduler: AsyncIOScheduler, look: Look) -> None:
    """Look at once: the process started, or its clock was moved."""
    scheduler.add_job(look, id="wake", replace_existing=True)


def _beat(name: str) -> str:
    """The heartbeat's name; a source's has no colon."""
    return f"digest:{name}"
