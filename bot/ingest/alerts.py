"""Alert episodes: the hot path.

An episode is (source, fingerprint, starts_at). What a notification does not list means nothing; a repeat changes
nothing; resolved is final for an episode; a group from whose notification alerts were cut off is never closed by a
webhook. A fixed number of statements carries any number of deliveries: the ORM's unit of work costs 18 times as much
(docs/decisions/0009-intake-in-batches.md).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Integer
from sqlmodel import Session, col, func, select

from bot.domain.facts import AlertFact, AlertStatus
from bot.ingest.correlate import Home, homes_of
from bot.ingest.groups import (
    FIRING,
    Counts,
    Moved,
    Subject,
    groups_by_id,
    groups_of_subjects,
    listed_whole,
    raise_classes,
    settle,
)
from bot.ingest.rules import Rules
from bot.store.many import Many, types_of
from bot.store.tables import Alert, AlertGroup

KNOWN = """
    SELECT j.column1, a.group_id FROM (VALUES {rows}) AS j
    CROSS JOIN alert AS a WHERE a.source = j.column2 AND a.fingerprint = j.column3 AND a.starts_at = j.column4
"""
"""CROSS JOIN: each episode is sought in the index; by itself SQLite goes through all alerts of the source for it."""

COLUMNS = (
    "source",
    "fingerprint",
    "starts_at",
    "group_id",
    "model_id",
    "name",
    "status",
    "ends_at",
    "version",
    "stage",
    "feature",
    "slice",
    "summary",
    "value",
    "threshold",
    "unit",
    "runbook_url",
    "dashboard_url",
    "source_url",
    "labels",
    "updated_at",
    "delivery_id",
)

UPSERT = f"""
    INSERT INTO alert ({", ".join(COLUMNS)}) VALUES {{rows}}
    ON CONFLICT (source, fingerprint, starts_at) DO UPDATE SET
        was = alert.status, status = excluded.status, ends_at = excluded.ends_at, summary = excluded.summary,
        value = excluded.value, updated_at = excluded.updated_at, delivery_id = excluded.delivery_id
    WHERE alert.status <> 'resolved' AND (
        alert.status <> excluded.status OR alert.ends_at IS DISTINCT FROM excluded.ends_at
        OR alert.summary <> excluded.summary OR alert.value IS DISTINCT FROM excluded.value)
    RETURNING delivery_id, group_id, status, was
"""  # noqa: S608 - only our own column names

_known = Many(KNOWN, Integer(), *types_of(Alert, "source", "fingerprint", "starts_at"))
_upsert = Many(UPSERT, *types_of(Alert, *COLUMNS))


@dataclass(frozen=True)
class Listed:
    """The alerts that one delivery lists: what it says of each episode in the end."""

    source: str
    delivery_id: int | None
    facts: Collection[AlertFact]


def listed(db: Session, source: str, delivery_id: int | None, facts: Sequence[AlertFact]) -> Listed:
    """Return what FACTS say of each episode in the end: that it is resolved, or else the last word."""
    found: dict[tuple[str, datetime], AlertFact] = {}
    for fact in _with_starts(db, source, facts):
        before = found.setdefault((fact.fingerprint, fact.starts_at), fact)
        if before is not fact and before.status is not AlertStatus.RESOLVED:
            found[fact.fingerprint, fact.starts_at] = fact
    return Listed(source, delivery_id, found.values())


def record_alerts(
    db: Session, lists: Sequence[Listed], now: datetime, *, rules: Rules
) -> tuple[Counter[int | None], Moved]:
    """Write the episodes of deliveries and bring their groups up to date.

    No two of LISTS may hold the same episode: their order would matter. Returns how many episodes each delivery added
    or changed, and what that did to the groups.
    """
    facts = [(one, fact) for one in lists for fact in one.facts]
    homes = homes_of(db, {fact.model for _, fact in facts if fact.model}, now)
    ids: dict[str | None, int] = {name: home.id for name, home in homes.items()}
    groups = _groups(db, facts, homes, now, rules)
    escalated = raise_classes([(group, fact) for group, (_, fact) in zip(groups, facts, strict=True)])
    rows = [
        _row(one, fact, group.id, model_id=ids.get(fact.model), now=now)
        for group, (one, fact) in zip(groups, facts, strict=True)
    ]
    recorded: Counter[int | None] = Counter()
    counts: dict[int, Counts] = {}
    for delivery_id, group_id, status, was in _upsert.run(db, rows):
        recorded[delivery_id] += 1
        total, firing = counts.get(group_id, (0, 0))
        counts[group_id] = (total + (was is None), firing + (status in FIRING) - (was in FIRING))
    own = iter(groups)
    marked = listed_whole(db, [(one.source, one.facts, list(islice(own, len(one.facts)))) for one in lists])
    counted = [group for group in groups if group.id in counts]
    return recorded, settle(db, [*escalated, *marked, *counted], counts, escalated, now)


def _with_starts(db: Session, source: str, facts: Sequence[AlertFact]) -> Sequence[AlertFact]:
    """Give the facts whose sender does not say when they began the start of their open episode, if there is one.

    One that is resolved is of the newest episode in any case: it never is an episode by itself.
    """
    unknown = {f.fingerprint for f in facts if not f.starts_known}
    if not unknown:
        return facts
    query = select(Alert.fingerprint, func.max(Alert.starts_at)).group_by(col(Alert.fingerprint))
    query = query.where(Alert.source == source, col(Alert.fingerprint).in_(unknown))
    newest = dict(db.exec(query).all())
    unfinished = dict(db.exec(query.where(Alert.status != "resolved")).all())

    def began(fact: AlertFact) -> datetime:
        known = newest | unfinished if fact.status is AlertStatus.RESOLVED else unfinished
        return known.get(fact.fingerprint, fact.starts_at)

    return [f if f.starts_known else replace(f, starts_at=began(f)) for f in facts]


def _groups(
    db: Session, facts: Sequence[tuple[Listed, AlertFact]], homes: Mapping[str, Home], now: datetime, rules: Rules
) -> list[AlertGroup]:
    """Return the group of each fact: its episode's, an open one of its subject, a flapping one, or a new one."""
    rows = [(n, one.source, fact.fingerprint, fact.starts_at) for n, (one, fact) in enumerate(facts)]
    known: dict[int, int] = dict(_known.run(db, rows))
    numbered = groups_by_id(db, set(known.values()))
    found = {n: numbered[group_id] for n, group_id in known.items()}
    ids: dict[str | None, int] = {name: home.id for name, home in homes.items()}
    subjects: dict[Subject, list[int]] = defaultdict(list)
    for n, (_, fact) in enumerate(facts):
        if n not in found:
            subjects[ids.get(fact.model), fact.name].append(n)
    if subjects:
        opening = {subject: [(facts[n][0].source, facts[n][1]) for n in some] for subject, some in subjects.items()}
        channels: dict[int | None, str | None] = dict(homes.values())
        for subject, group in groups_of_subjects(db, opening, channels, now, rules).items():
            found |= dict.fromkeys(subjects[subject], group)
    return [found[n] for n in range(len(facts))]


def _row(
    one: Listed, fact: AlertFact, group_id: int | None, *, model_id: int | None, now: datetime
) -> tuple[object, ...]:
    """Return the values of COLUMNS."""
    return (
        one.source,
        fact.fingerprint,
        fact.starts_at,
        group_id,
        model_id,
        fact.name,
        fact.status.value,
        fact.ends_at,
        fact.version,
        fact.stage,
        fact.feature,
        fact.slice,
        fact.summary,
        fact.value,
        fact.threshold,
        fact.unit,
        fact.runbook_url,
        fact.dashboard_url,
        fact.source_url,
        fact.labels,
        now,
        one.delivery_id,
    )
