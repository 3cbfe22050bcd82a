"""Deliveries to rows, in one transaction: the raw inbox, every fact, and the projections they touch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from typing import assert_never

from sqlmodel import Session

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
from bot.ingest import inbox, objectives
from bot.ingest.alerts import Listed, listed, record_alerts
from bot.ingest.changes import Origin, record_change, record_version
from bot.ingest.correlate import models_named
from bot.ingest.evaluations import record_evaluation
from bot.ingest.groups import Moved
from bot.ingest.incidents import adopt, settle_resolved, take_in
from bot.ingest.linking import hold, linked, take_up_alerts, take_up_changes, take_up_held
from bot.ingest.rollouts import record_alias, record_deployment
from bot.ingest.rules import SHOWN, Rules
from bot.ingest.storms import gather
from bot.ports import Delivery as Request
from bot.store.projection import COUNTS, touch, touch_existing
from bot.store.queries.unlinked import Pair
from bot.store.queries.unlinked import rules as known_rules
from bot.store.tables import Delivery


@dataclass(frozen=True)
class Arrived:
    """A delivery, what was read in it, and why it could not be read as a whole."""

    request: Request
    read: Sequence[Fact | Unmapped]
    reason: str = ""


@dataclass(frozen=True)
class Recorded:
    """What a delivery came to; the counts are of facts."""

    delivery: int
    recorded: int = 0
    duplicate: int = 0
    unmapped: int = 0


def take(db: Session, arrived: Sequence[Arrived], now: datetime, *, rules: Rules) -> list[Recorded]:
    """Store deliveries and record what was read in them; none of them may have to see what another one does."""
    said = [_said(one.read, one.reason) for one in arrived]
    kept = inbox.keep(db, [one.request for one in arrived], said, now)
    inbox.hear(db, Counter(one.source for one in kept), now)
    return _record(db, [(row, one.read, one.reason) for row, one in zip(kept, arrived, strict=True)], now, rules)


def record_read(
    db: Session, row: Delivery, read: Sequence[Fact | Unmapped], now: datetime, *, rules: Rules, reason: str = ""
) -> Recorded:
    """Record the facts READ again in the stored delivery ROW: a replay."""
    assert row.id is not None
    (recorded,) = _record(db, [(inbox.Kept(row.id, row.source, unmapped=row.unmapped), read, reason)], now, rules)
    db.refresh(row)
    return recorded


def _record(
    db: Session, kept: Sequence[tuple[inbox.Kept, Sequence[Fact | Unmapped], str]], now: datetime, rules: Rules
) -> list[Recorded]:
    """Record what was read in deliveries, and count it.

    Of a repeated body only what it says of alerts: what fired, ended and fires again says the same twice.
    """
    new: Counter[int | None] = Counter()
    lists: list[Listed] = []
    named = linked(db, [(row.source, read) for row, read, _ in kept])
    for (row, *_), read in zip(kept, named, strict=True):
        alerts = [f for f in read if isinstance(f, AlertFact)]
        if len(alerts) < len(read) and (not row.repeated or row.unmapped):
            new[row.id] += _record_others(db, Origin(row.source, row.id), read, now, rules)
        if alerts:
            lists.append(listed(db, row.source, row.id, alerts))
    new += _record_alerts(db, lists, now, rules)
    recorded, outcomes = [], []
    for row, read, reason in kept:
        facts, unmapped, why = _said(read, reason)
        one = Recorded(row.id, recorded=new[row.id], duplicate=facts - new[row.id], unmapped=unmapped)
        recorded.append(one)
        if one.recorded != row.presumed:
            outcomes.append((row.id, one.recorded - (row.presumed or 0), one.duplicate, unmapped, why))
    inbox.count(db, outcomes)
    if any(row.unmapped for row, *_ in kept) or any(one.unmapped for one in recorded):
        touch(db, now, *(keys.operator_note(admin, "unmapped") for admin in rules.admins))
        touch_existing(db, now, keys.ALL_HOMES)
    return recorded


def _said(read: Sequence[Fact | Unmapped], reason: str) -> inbox.Said:
    reasons = [reason] if reason else []
    reasons += [f.reason for f in read if isinstance(f, Unmapped)]
    return len(read) - sum(isinstance(f, Unmapped) for f in read), len(reasons), "; ".join(reasons)[:2000]


def _record_others(db: Session, origin: Origin, read: Sequence[Fact | Unmapped], now: datetime, rules: Rules) -> int:
    """Record the facts that are no alerts; return how many of them changed anything.

    In the order in which it happened: a history is often sent the newest first, and what is told late is played again.
    """
    facts: list[VersionFact | ChangeFact | DeploymentFact | EvaluationFact] = [
        f for f in read if not isinstance(f, AlertFact | TicketFact | Unmapped)
    ]
    facts.sort(key=attrgetter("occurred_at"))
    models = models_named(db, (f.model for f in facts), now)
    new = 0
    same: Counter[str] = Counter()
    for fact in facts:
        words = _words(fact)
        same[words] += 1
        at = replace(origin, words=words, nth=same[words])
        match fact:
            case VersionFact() | DeploymentFact() | EvaluationFact() if not fact.model:
                new += hold(db, at, fact, now)
            case VersionFact():
                known = record_version(db, at, fact, models[fact.model], now)
                new += record_alias(db, at, fact, models[fact.model], now) or known
            case ChangeFact():
                new += record_change(db, at, fact, models.get(fact.model or ""), now)
            case DeploymentFact():
                if record_deployment(db, at, fact, models[fact.model], now):
                    new += 1
                    over = objectives.ended(db, models[fact.model], now)
                    record_own(db, over, now, rules=rules, delivery_id=origin.delivery_id)
            case EvaluationFact():
                if record_evaluation(db, at, fact, models[fact.model], now):
                    new += 1
                    judged = objectives.alerts_of(db, fact, models[fact.model], now)
                    record_own(db, judged, now, rules=rules, delivery_id=origin.delivery_id)
                    objectives.name_version(db, fact, models[fact.model], now)
            case _:
                assert_never(fact)
    return new


def record_own(
    db: Session, alerts: Sequence[AlertFact], now: datetime, *, rules: Rules, delivery_id: int | None = None
) -> None:
    """Record alerts of our own; DELIVERY_ID is of what they judge."""
    if alerts:
        _record_alerts(db, [listed(db, objectives.SOURCE, delivery_id, alerts)], now, rules)


def link_earlier(db: Session, now: datetime, rules: Rules, pair: Pair | None = None) -> None:
    """Give to their models what came before there was a rule for it; PAIR is the label that a new rule is about."""
    known = known_rules(db)
    take_up_changes(db, now, known, pair)
    for origin, fact in take_up_held(db, known, pair):
        _record_others(db, origin, [fact], now, rules)
    whole, moved = take_up_alerts(db, now, known, pair, rules)
    shown = [group for group in whole if group.status != "resolved" or group.opened_at > now - SHOWN]
    follow_up(db, replace(moved, changed=[*moved.changed, *shown], turned=[*moved.turned, *shown]), now, rules)
    adopt(db, now, whole, rules)
    take_in(db, now, [g for g in whole if g.firing and not g.quiet and g.incident_id is None], rules)


def _record_alerts(db: Session, lists: Sequence[Listed], now: datetime, rules: Rules) -> Counter[int | None]:
    """Record alerts and draw the consequences; returns how many episodes of each delivery changed."""
    if not lists:
        return Counter()
    recorded, moved = record_alerts(db, lists, now, rules=rules)
    follow_up(db, moved, now, rules)
    return recorded


def _words(fact: Fact) -> str:
    """Return what FACT states, short; fields that a later version of ours may add do not change it."""
    stated = sorted((k, str(v)) for k, v in vars(fact).items() if v not in (None, "", (), {}))
    return sha256(repr(stated).encode()).hexdigest()[:16]


def follow_up(db: Session, moved: Moved, now: datetime, rules: Rules) -> None:
    """Draw the consequences of alerts that moved: incidents opened and closed, storms, cards."""
    news = {g.id for g in (*moved.turned, *moved.escalated)}
    for wait, groups in (
        (None, [g for g in moved.changed if g.id in news]),
        (COUNTS, [g for g in moved.changed if g.id not in news]),
    ):
        names = [keys.group(g.id) for g in groups if g.id is not None and not g.quiet]
        names += [keys.incident(g.incident_id) for g in groups if g.incident_id is not None]
        names += [keys.storm(g.storm_id) for g in groups if g.storm_id is not None]
        if rules.tickets and wait is None:
            names += [keys.ticket(g.incident_id) for g in groups if g.incident_id is not None]
        touch(db, now, *names, wait=wait)
    gather(db, now, moved.opened)
    take_in(db, now, [*moved.opened, *moved.escalated], rules)
    settle_resolved(db, now, moved.resolved, rules)
    if news:
        touch_existing(db, now, keys.ALL_HOMES)
