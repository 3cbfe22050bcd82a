"""`bellwether replay`: a stored delivery read again, after its integration or the configuration was mended.

Runs beside the bot, which sees the touched projections when it next looks.
"""

import asyncio
import zlib
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from bot import integrations
from bot.cli.opening import opened
from bot.clock.following import read_clock
from bot.config import Settings
from bot.domain.errors import ConfigError
from bot.domain.facts import Fact, Unmapped
from bot.ingest.receive import read
from bot.ingest.record import Recorded, record_read
from bot.ingest.rules import Rules
from bot.ports import Delivery as Request
from bot.store.database import Database
from bot.store.queries.sources import OWN
from bot.store.tables import Delivery


def replay(settings: Settings, number: int) -> int:
    """Read delivery NUMBER again and record it; 1 when there is none, or it still cannot be read in full."""
    inlets = integrations.inlets(settings)
    now = read_clock(settings.environment.clock)
    with opened(settings) as database:
        request = asyncio.run(database.read(_request, number))
        if request is None:
            print(f"There is no delivery {number}; `bellwether doctor` lists those that could not be read.")
            return 1
        if request.source in OWN:
            print(f"Delivery {number} is an act of a person in {request.source}; those are not replayed.")
            return 1
        inlet = inlets.get(request.source)
        if inlet is None:
            raise ConfigError(
                f"delivery {number} is of {request.source!r}, which is not among `sources:` of {settings.path}; "
                f"configured: {', '.join(inlets) or 'none'}"
            )
        facts, reason = read(inlet.source, request)
        rules = Rules(settings.decisions.slack.channel, tickets=settings.environment.jira_url is not None)
        recorded, why = asyncio.run(_record(database, number, facts, now, rules=rules, reason=reason))
    print(
        f"delivery {number} of {request.source}: "
        f"{recorded.recorded} recorded, {recorded.duplicate} duplicate, {recorded.unmapped} unmapped"
    )
    if recorded.unmapped:
        print(f"✗ still unmapped: {why}")
    return 1 if recorded.unmapped else 0


def _request(db: Session, number: int) -> Request | None:
    """Return the stored delivery as it came; of its headers the content type was kept, of its query nothing."""
    row = db.get(Delivery, number)
    if row is None:
        return None
    headers = {"content-type": row.content_type} if row.content_type else {}
    body = zlib.decompress(row.body) if row.body else b""
    return Request(row.source, body, row.received_at, headers, {})


async def _record(
    database: Database, number: int, facts: Sequence[Fact | Unmapped], now: datetime, *, rules: Rules, reason: str
) -> tuple[Recorded, str]:
    return await database.write(_again, number, facts, now, rules=rules, reason=reason)


def _again(
    db: Session, number: int, facts: Sequence[Fact | Unmapped], now: datetime, *, rules: Rules, reason: str
) -> tuple[Recorded, str]:
    row = db.get_one(Delivery, number)
    return record_read(db, row, facts, now, rules=rules, reason=reason), row.reason
