"""One delivery to rows, in one transaction: the raw inbox, every fact, and the projections they touch."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import assert_never

from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.facts import (
    AlertFact,
    ChangeFact,
    DeploymentFact,
    EvaluationFact,
    Fact,
    TicketFact,
    Unmapped,
    VersionFact,
)
from bot.ingest import objectives
from bot.ingest.alerts import Moved, record_alerts
from bot.ingest.changes import Origin, record_change, record_version
from bot.ingest.correlate import models_named
from bot.ingest.evaluations import record_evaluation
from bot.ingest.incidents import settle_resolved, take_in
from bot.ingest.rollouts import record_alias, record_deployment
from bot.ingest.rules import Rules
from bot.ingest.storms import gather
from bot.ports import Delivery as Request
from bot.store.projection import COUNTS, touch, touch_existing
from bot.store.queries.sources import SILENT
from bot.store.tables import Delivery, Heartbeat, Incident

REPEAT = timedelta(minutes=2)
"""The same body from the same source within this time is the sender's retry, even when its events have no identity.

Alerts always have one, so they are read again.
"""

TOLD_OF = timedelta(days=30)
"""How old an incident may be whose list of changes still learns that a source speaks now."""


@dataclass(frozen=True)
class Recorded:
    """What a delivery came to; the counts are of facts."""

    delivery: int
    recorded: int = 0
    duplicate: int = 0
    unmapped: int = 0


def take(
    db: Session,
    request: Request,
    read: Sequence[Fact | Unmapped],
    now: datetime,
    *,
    rules: Rules,
    reason: str = "",
) -> Recorded:
    """Store a delivery and record what was READ in it; `reason` says why it could not be read as a whole."""
    row = _inbox_row(db, request, now)
    assert row.id is not None
    _heard(db, request.source, now)
    if row.repeats and not row.unmapped:
        return _repeated(db, row, read, now, rules)
    return record_read(db, row, read, now, rules=rules, reason=reason)


def _repeated(db: Session, row: Delivery, read: Sequence[Fact | Unmapped], now: datetime, rules: Rules) -> Recorded:
    """Record what a repeated body says of alerts: what fired, ended and fires again says the same twice."""
    alerts = [f for f in read if isinstance(f, AlertFact)]
    again = record_read(db, row, alerts, now, rules=rules)
    rest = len(read) - len(alerts)
    row.duplicate += rest
    return replace(again, duplicate=again.duplicate + rest)


def record_read(
    db: Session,
    row: Delivery,
    read: Sequence[Fact | Unmapped],
    now: datetime,
    *,
    rules: Rules,
    reason: str = "",
) -> Recorded:
    """Record the facts READ in the stored delivery ROW; also what a replay does."""
    assert row.id is not None
    facts = [f for f in read if not isinstance(f, Unmapped)]
    reasons = [reason] if reason else []
    reasons += [f.reason for f in read if isinstance(f, Unmapped)]
    could_not = row.unmapped > 0
    new = _record(db, Origin(row.source, row.id), facts, now, rules)
    result = Recorded(row.id, recorded=new, duplicate=len(facts) - new, unmapped=len(reasons))
    row.recorded += result.recorded
    row.duplicate += result.duplicate
    row.unmapped = result.unmapped
    row.reason = "; ".join(reasons)[:2000]
    db.add(row)
    if reasons or could_not:
        touch(db, now, *(keys.operator_note(admin, "unmapped") for admin in rules.admins))
        touch_existing(db, now, keys.ALL_HOMES)
    return result


def _record(db: Session, origin: Origin, facts: Sequence[Fact], now: datetime, rules: Rules) -> int:
    """Return how many of FACTS changed anything."""
    alerts = [f for f in facts if isinstance(f, AlertFact)]
    others: list[VersionFact | ChangeFact | DeploymentFact | EvaluationFact] = [
        f for f in facts if not isinstance(f, AlertFact | TicketFact)
    ]
    models = models_named(db, (f.model for f in others), now)
    new = 0
    same: Counter[str] = Counter()
    for fact in others:
        words = _words(fact)
        same[words] += 1
        at = replace(origin, words=words, nth=same[words])
        match fact:
            case VersionFact():
                known = record_version(db, at, fact, models[fact.model], now)
                new += record_alias(db, at, fact, models[fact.model], now) or known
            case ChangeFact():
                new += record_change(db, at, fact, models.get(fact.model or ""), now)
            case DeploymentFact():
                if record_deployment(db, at, fact, models[fact.model], now):
                    new += 1
                    over = objectives.ended(db, models[fact.model], now)
                    _record_alerts(db, replace(origin, source=objectives.SOURCE), over, now, rules)
            case EvaluationFact():
                if record_evaluation(db, at, fact, models[fact.model], now):
                    new += 1
                    judged = objectives.alerts_of(db, fact, models[fact.model], now)
                    _record_alerts(db, replace(origin, source=objectives.SOURCE), judged, now, rules)
                    objectives.name_version(db, fact, models[fact.model], now)
            case _:
                assert_never(fact)
    return new + _record_alerts(db, origin, alerts, now, rules)


def _record_alerts(db: Session, origin: Origin, alerts: Sequence[AlertFact], now: datetime, rules: Rules) -> int:
    if not alerts:
        return 0
    moved = record_alerts(db, origin.source, alerts, now, delivery_id=origin.delivery_id, rules=rules)
    follow_up(db, moved, now, rules)
    return moved.recorded


def _words(fact: Fact) -> str:
    """Return what FACT states, short; fields that a later version of ours may add do not change it."""
    stated = sorted((k, str(v)) for k, v in vars(fact).items() if v not in (None, "", ()))
    return sha256(repr(stated).encode()).hexdigest()[:16]


def follow_up(db: Session, moved: Moved, now: datetime, rules: Rules) -> None:
    """Draw the consequences of alerts that moved: incidents opened and closed, storms, cards."""
    news = {g.id for g in (*moved.turned, *moved.escalated)}
    for group in moved.changed:
        assert group.id is not None
        wait = None if group.id in news else COUNTS
        if not group.quiet:
            touch(db, now, keys.group(group.id), wait=wait)
        if group.incident_id is not None:
            touch(db, now, keys.incident(group.incident_id), wait=wait)
            if rules.tickets and group.id in news:
                touch(db, now, keys.ticket(group.incident_id))
        if group.storm_id is not None:
            touch(db, now, keys.storm(group.storm_id), wait=wait)
    gather(db, now, moved.opened)
    take_in(db, now, [*moved.opened, *moved.escalated], rules)
    settle_resolved(db, now, moved.resolved, rules)
    if news:
        touch_existing(db, now, keys.ALL_HOMES)


def _inbox_row(db: Session, request: Request, now: datetime) -> Delivery:
    """Return the row of this body: the one that a retry just repeats, counted again, or a new one."""
    digest = sha256(request.body).hexdigest()
    same = select(Delivery).where(Delivery.source == request.source, Delivery.digest == digest)
    row = db.exec(same.where(col(Delivery.last_at) > now - REPEAT).order_by(col(Delivery.id).desc())).first()
    if row is not None:
        row.repeats, row.last_at = row.repeats + 1, now
        return row
    row = Delivery(
        source=request.source,
        digest=digest,
        received_at=now,
        last_at=now,
        content_type=request.headers.get("content-type", ""),
        body=zlib.compress(request.body, 1),
    )
    db.add(row)
    db.flush()
    return row


def _heard(db: Session, source: str, now: datetime) -> None:
    """Note that SOURCE speaks; what shows who is heard is touched when it does for the first time, or again."""
    row = db.get(Heartbeat, source)
    since = row.last_at + SILENT if row is not None else now - TOLD_OF
    if row is None or since < now:
        shows = select(Incident.id).where(col(Incident.opened_at) > max(since, now - TOLD_OF))
        touch(db, now, *(keys.incident_changes(i) for i in db.exec(shows).all() if i is not None))
        touch_existing(db, now, keys.ALL_HOMES)
    row = row or Heartbeat(source=source, last_at=now)
    row.last_at, row.deliveries = now, row.deliveries + 1
    db.add(row)
