"""Alert episodes and their groups: the hot path.

An episode is (source, fingerprint, starts_at). What a notification does not list means nothing; a repeat changes
nothing; resolved is final for an episode; a group from whose notification alerts were cut off is never closed by a
webhook. Two set-based statements carry a whole delivery: the ORM's unit of work costs 18 times as much
(performance.md 1).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Integer, update
from sqlmodel import Session, col, func, or_, select

from bot.domain.facts import AlertClass, AlertFact, AlertStatus, Severity
from bot.ingest.correlate import models_named
from bot.ingest.rules import FLAPPING, Rules
from bot.store.many import Many
from bot.store.tables import Alert, AlertGroup, Model

Episode = tuple[str, datetime]
"""Fingerprint and start."""

CLASS_ORDER = (AlertClass.INFRA, AlertClass.DRIFT, AlertClass.SOFT, AlertClass.HARD)
SEVERITY_ORDER = (Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.CRITICAL)

KNOWN = """
    SELECT j.column1, a.group_id FROM (VALUES {rows}) AS j
    CROSS JOIN alert AS a WHERE a.source = :source AND a.fingerprint = j.column2 AND a.starts_at = j.column3
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
        status = excluded.status, ends_at = excluded.ends_at, summary = excluded.summary, value = excluded.value,
        updated_at = excluded.updated_at, delivery_id = excluded.delivery_id
    WHERE alert.status <> 'resolved' AND (
        alert.status <> excluded.status OR alert.ends_at IS DISTINCT FROM excluded.ends_at
        OR alert.summary <> excluded.summary OR alert.value IS DISTINCT FROM excluded.value)
    RETURNING group_id
"""  # noqa: S608 - only our own column names

_types = {column.name: column.type for column in Alert.__table__.columns}  # type: ignore[attr-defined] # SQLModel adds it
_known = Many(KNOWN, Integer(), _types["fingerprint"], _types["starts_at"], source=_types["source"])
_upsert = Many(UPSERT, *(_types[name] for name in COLUMNS))


@dataclass
class Moved:
    """What a delivery did to the groups; a group stands in at most one of opened and resolved."""

    recorded: int = 0
    opened: list[AlertGroup] = field(default_factory=list)
    """Groups that people have to hear of: none of them is quiet."""
    resolved: list[AlertGroup] = field(default_factory=list)
    escalated: list[AlertGroup] = field(default_factory=list)
    """Groups that were there already and whose class rose."""
    turned: list[AlertGroup] = field(default_factory=list)
    """Groups whose status is another one than before, opened and resolved included."""
    changed: list[AlertGroup] = field(default_factory=list)
    """Every group with any difference, the ones above included."""


def record_alerts(
    db: Session,
    source: str,
    facts: Sequence[AlertFact],
    now: datetime,
    *,
    delivery_id: int | None,
    rules: Rules,
) -> Moved:
    """Write the episodes of one delivery and bring their groups up to date."""
    facts = _with_starts(db, source, facts)
    episodes = _episodes(facts)
    models = models_named(db, (f.model for f in episodes.values()), now)
    moved = Moved()
    groups = _groups_for(db, source, episodes, models, now, rules)
    _raise_classes(db, episodes, groups, moved)
    rows = [
        _row(source, key, fact, group_id=groups[key], models=models, now=now, delivery_id=delivery_id)
        for key, fact in episodes.items()
    ]
    returned = _upsert.run(db, rows)
    touched = {int(row[0]) for row in returned} | {g.id for g in moved.escalated if g.id is not None}
    touched |= _listed_whole(db, source, facts, set(groups.values()))
    moved.recorded = len(returned)
    _count(db, touched, moved, now)
    return moved


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


def _episodes(facts: Sequence[AlertFact]) -> dict[Episode, AlertFact]:
    """Return what the delivery says of each episode in the end: resolved, or else its last word."""
    found: dict[Episode, AlertFact] = {}
    for fact in facts:
        key = (fact.fingerprint, fact.starts_at)
        if key not in found or found[key].status is not AlertStatus.RESOLVED:
            found[key] = fact
    return found


def _groups_for(
    db: Session,
    source: str,
    episodes: Mapping[Episode, AlertFact],
    models: Mapping[str, Model],
    now: datetime,
    rules: Rules,
) -> dict[Episode, int]:
    """Return the group of each episode: the one it has, an open one of its subject, a flapping one, or a new one."""
    listed = list(episodes)
    known = _known.run(db, [(n, fingerprint, start) for n, (fingerprint, start) in enumerate(listed)], source=source)
    found: dict[Episode, int] = {listed[n]: group for n, group in known}
    subjects: dict[tuple[int | None, str], list[Episode]] = defaultdict(list)
    for key, fact in episodes.items():
        if key not in found:
            model = models.get(fact.model or "")
            subjects[(model.id if model else None, fact.name)].append(key)
    open_groups = _open_groups(db, {symptom for _, symptom in subjects}, now)
    by_id = {m.id: m for m in models.values()}
    for (model_id, symptom), keys in subjects.items():
        new = [episodes[key] for key in keys]
        group = open_groups.get((model_id, symptom))
        if group is None or (group.status == "resolved" and not any(_fires(f) for f in new)):
            model = by_id.get(model_id)
            channel = (model.channel if model else None) or rules.default_channel
            group = _new_group(source, symptom, new, now, model_id=model_id, channel=channel)
            db.add(group)
            db.flush()
        assert group.id is not None
        found.update(dict.fromkeys(keys, group.id))
    return found


def _raise_classes(
    db: Session, episodes: Mapping[Episode, AlertFact], groups: Mapping[Episode, int], moved: Moved
) -> None:
    """Raise the class of the groups that hold a worse alert than before, be it new or worse itself."""
    firing: dict[int, list[AlertFact]] = defaultdict(list)
    for key, fact in episodes.items():
        if _fires(fact):
            firing[groups[key]].append(fact)
    classes = db.exec(select(AlertGroup.id, AlertGroup.alert_class).where(col(AlertGroup.id).in_(firing))).all()
    worse = [i for i, known in classes if i is not None and _worse(_worst_class(firing[i]), known)]
    for group in db.exec(select(AlertGroup).where(col(AlertGroup.id).in_(worse))) if worse else ():
        facts = firing[group.id or 0]
        group.alert_class, group.severity = _worst_class(facts), _worst_severity(facts)
        db.add(group)
        moved.escalated.append(group)


def _open_groups(db: Session, symptoms: set[str], now: datetime) -> dict[tuple[int | None, str], AlertGroup]:
    if not symptoms:
        return {}
    recent = or_(AlertGroup.status != "resolved", col(AlertGroup.resolved_at) > now - FLAPPING)
    query = select(AlertGroup).where(col(AlertGroup.symptom).in_(symptoms), recent, col(AlertGroup.quiet).is_(False))
    return {(g.model_id, g.symptom): g for g in db.exec(query.order_by(col(AlertGroup.id)))}


def _new_group(
    source: str,
    symptom: str,
    facts: Sequence[AlertFact],
    now: datetime,
    *,
    model_id: int | None,
    channel: str,
) -> AlertGroup:
    first = min(facts, key=lambda f: f.starts_at)
    firing = [f for f in facts if _fires(f)]
    return AlertGroup(
        model_id=model_id,
        symptom=symptom,
        stage=first.stage,
        channel=channel,
        alert_class=_worst_class(firing or facts),
        category=first.category,
        severity=_worst_severity(firing or facts),
        status="new",
        opened_at=first.starts_at,
        recorded_at=now,
        lookback_s=int(first.lookback.total_seconds()) if first.lookback else None,
        upstream_group=f"{source}:{first.upstream_group}" if first.upstream_group else "",
        version=first.version,
        quiet=not firing,
    )


def _worst_class(facts: Sequence[AlertFact]) -> AlertClass:
    return max((f.alert_class for f in facts), key=CLASS_ORDER.index)


def _worst_severity(facts: Sequence[AlertFact]) -> Severity:
    return max((f.severity for f in facts), key=SEVERITY_ORDER.index)


def _worse(one: AlertClass, other: str) -> bool:
    return CLASS_ORDER.index(one) > CLASS_ORDER.index(AlertClass(other))


def _row(
    source: str,
    key: Episode,
    fact: AlertFact,
    *,
    group_id: int,
    models: Mapping[str, Model],
    now: datetime,
    delivery_id: int | None,
) -> tuple[object, ...]:
    """Return the values of COLUMNS."""
    model = models.get(fact.model or "")
    return (
        source,
        key[0],
        key[1],
        group_id,
        model.id if model else None,
        fact.name,
        fact.status,
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
        dict(fact.labels),
        now,
        delivery_id,
    )


def _listed_whole(db: Session, source: str, facts: Sequence[AlertFact], own: set[int]) -> set[int]:
    """Write how many alerts of each notification were cut off; returns the groups where that number changed.

    A notification that lists everything clears the mark of every group that came from the same sender's group; of a
    sender without groups, that of the groups it lists.
    """
    changed: set[int] = set()
    for upstream in {f.upstream_group for f in facts}:
        cut = max(f.unlisted for f in facts if f.upstream_group == upstream)
        theirs = f"{source}:{upstream}" if upstream else ""
        query = select(AlertGroup.id).where(AlertGroup.upstream_group == theirs)
        query = query.where(AlertGroup.status != "resolved", AlertGroup.unlisted != cut)
        if cut or not upstream:
            query = query.where(col(AlertGroup.id).in_(own))
        ids = {i for i in db.exec(query).all() if i is not None}
        if ids:
            mark = update(AlertGroup).where(col(AlertGroup.id).in_(ids)).values(unlisted=cut)
            db.exec(mark.execution_options(synchronize_session=False))
        changed |= ids
    return changed


def _count(db: Session, touched: set[int], moved: Moved, now: datetime) -> None:
    """Count the groups in SQL and derive their status; sorts them into MOVED."""
    if not touched:
        return
    db.flush()
    alerts = select(func.count()).where(Alert.group_id == AlertGroup.id)
    firing = alerts.where(col(Alert.status).in_(("firing", "acknowledged")))
    counts = {"total": alerts.scalar_subquery(), "firing": firing.scalar_subquery()}
    db.exec(update(AlertGroup).where(col(AlertGroup.id).in_(touched)).values(counts))
    db.expire_all()
    for group in db.exec(select(AlertGroup).where(col(AlertGroup.id).in_(touched)).order_by(col(AlertGroup.id))):
        before = group.status
        group.status = _status(db, group)
        if group.quiet and group.firing:
            before, group.quiet, group.recorded_at = "new", False, now  # nobody was told of it until now
        if group.status == "resolved" and before != "resolved":
            group.resolved_at = now
            if before != "new":
                moved.resolved.append(group)
        elif before in ("new", "resolved") and group.firing:
            group.resolved_at = None
            moved.opened.append(group)
        if group.status != before and not group.quiet:
            moved.turned.append(group)
        db.add(group)
        moved.changed.append(group)
    db.flush()


def _status(db: Session, group: AlertGroup) -> str:
    if group.firing:
        return AlertStatus.FIRING.value
    left = db.exec(select(Alert.status).where(Alert.group_id == group.id, Alert.status != "resolved").limit(1)).first()
    if left:
        return left
    return AlertStatus.UNKNOWN.value if group.unlisted else AlertStatus.RESOLVED.value


def _fires(fact: AlertFact) -> bool:
    return fact.status in (AlertStatus.FIRING, AlertStatus.ACKNOWLEDGED)
