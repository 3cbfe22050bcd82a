"""Alert groups: found or opened for the alerts of deliveries, counted, and moved from one status to another."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, func, or_, select

from bot.domain.facts import AlertClass, AlertFact, AlertStatus, Severity
from bot.ingest.clocks import ours
from bot.ingest.rules import FLAPPING, Rules
from bot.store.many import Many, types_of
from bot.store.tables import Alert, AlertGroup

Subject = tuple[int | None, str]
"""Model and symptom."""

Counts = tuple[int, int]
"""How many more alerts there are, and how many more of them fire."""

FIRING = frozenset({AlertStatus.FIRING, AlertStatus.ACKNOWLEDGED})
CLASS_ORDER = (AlertClass.INFRA, AlertClass.DRIFT, AlertClass.SOFT, AlertClass.HARD)
SEVERITY_ORDER = (Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
RANK = {alert_class: rank for rank, alert_class in enumerate(CLASS_ORDER)}

COUNT = """
    UPDATE alert_group SET total = total + j.column2, firing = firing + j.column3 FROM (VALUES {rows}) AS j
    WHERE alert_group.id = j.column1 RETURNING id, total, firing
"""
_count = Many(COUNT, *types_of(AlertGroup, "id", "total", "firing"))
_doubted = Many(
    """
    SELECT g.id FROM (VALUES {rows}) AS j CROSS JOIN alert_group AS g
    WHERE g.upstream_group = j.column1 AND g.unlisted > 0 AND g.status <> 'resolved'
    """,
    *types_of(AlertGroup, "upstream_group"),
)
_numbered = select(AlertGroup).where(col(AlertGroup.id).in_(bindparam("ids", expanding=True)))
_open = (
    select(AlertGroup)
    .where(col(AlertGroup.symptom).in_(bindparam("symptoms", expanding=True)))
    .where(or_(col(AlertGroup.model_id).in_(bindparam("models", expanding=True)), col(AlertGroup.model_id).is_(None)))
    .where(or_(AlertGroup.status != "resolved", col(AlertGroup.resolved_at) > bindparam("since")))
    .where(col(AlertGroup.quiet).is_(False))
    .order_by(col(AlertGroup.id))
)
"""Built once: building a query costs as much as running it."""


@dataclass
class Moved:
    """What deliveries did to the groups; a group stands in at most one of opened and resolved."""

    opened: list[AlertGroup] = field(default_factory=list)
    """Groups that people have to hear of: none of them is quiet."""
    resolved: list[AlertGroup] = field(default_factory=list)
    escalated: list[AlertGroup] = field(default_factory=list)
    """Groups that were there already and whose class rose."""
    turned: list[AlertGroup] = field(default_factory=list)
    """Groups whose status is another one than before, opened and resolved included."""
    changed: list[AlertGroup] = field(default_factory=list)
    """Every group with any difference, the ones above included."""


def groups_by_id(db: Session, ids: Collection[int]) -> dict[int, AlertGroup]:
    """Return groups by their id."""
    if not ids:
        return {}
    return {g.id or 0: g for g in db.exec(_numbered, params={"ids": list(ids)})}


def groups_of_subjects(
    db: Session,
    facts: Mapping[Subject, Sequence[tuple[str, AlertFact]]],
    channels: Mapping[int | None, str | None],
    now: datetime,
    rules: Rules,
) -> dict[Subject, AlertGroup]:
    """Return the group that new alerts of each subject belong to: an open one, a flapping one, or a new one.

    FACTS are given with their source; a group that is resolved goes on only when one of them fires.
    """
    found = _open_groups(db, facts, now)
    created: list[AlertGroup] = []
    for subject, new in facts.items():
        group = found.get(subject)
        if group is None or (group.status == "resolved" and not any(f.status in FIRING for _, f in new)):
            channel = channels.get(subject[0]) or rules.default_channel
            found[subject] = group = _new_group(subject, new, now, channel=channel)
            created.append(group)
    if created:
        db.add_all(created)
        db.flush()
    return found


def raise_classes(facts: Collection[tuple[AlertGroup, AlertFact]]) -> list[AlertGroup]:
    """Raise the class of the groups that hold a worse alert than before, be it new or worse itself; return those."""
    ranks = {number: RANK[AlertClass(g.alert_class)] for number, g in {g.id: g for g, _ in facts}.items()}
    worse = {g.id: g for g, fact in facts if RANK[fact.alert_class] > ranks[g.id] and fact.status in FIRING}
    if worse:
        firing: dict[int | None, list[AlertFact]] = defaultdict(list)
        for group, fact in facts:
            if fact.status in FIRING:
                firing[group.id].append(fact)
        for number, group in worse.items():
            group.alert_class, group.severity = _worst_class(firing[number]), _worst_severity(firing[number])
    return list(worse.values())


def listed_whole(
    db: Session, lists: Iterable[tuple[str, Collection[AlertFact], Collection[AlertGroup]]]
) -> list[AlertGroup]:
    """Write how many alerts of each notification were cut off; returns the groups where that number changed.

    LISTS are sources with what they listed and the groups of that. A notification that lists everything clears the
    mark of every group that came from the same sender's group; of a sender without groups, that of the groups it lists.
    """
    changed: list[AlertGroup] = []
    complete: set[str] = set()
    for source, facts, own in lists:
        for upstream in {f.upstream_group for f in facts}:
            cut = max(f.unlisted for f in facts if f.upstream_group == upstream)
            theirs = f"{source}:{upstream}" if upstream else ""
            if upstream and not cut:
                complete.add(theirs)
                continue
            for group in own:
                if group.upstream_group == theirs and group.status != "resolved" and group.unlisted != cut:
                    group.unlisted = cut
                    changed.append(group)
    doubted = {row[0] for row in _doubted.run(db, [(upstream,) for upstream in sorted(complete)])}
    for group in groups_by_id(db, doubted).values():
        group.unlisted = 0
        changed.append(group)
    return changed


def settle(
    db: Session, groups: Iterable[AlertGroup], counts: Mapping[int, Counts], escalated: list[AlertGroup], now: datetime
) -> Moved:
    """Count GROUPS, all that changed in any way, derive their status, and sort them."""
    by_id = {g.id: g for g in groups}
    for number, total, firing in _count.run(db, [(number, *more) for number, more in sorted(counts.items())]):
        set_committed_value(by_id[number], "total", total)
        set_committed_value(by_id[number], "firing", firing)
    left = _left(db, [g.id for g in by_id.values() if g.id is not None and not g.firing])
    moved = Moved(escalated=escalated)
    for _, group in sorted(by_id.items()):
        before, after = group.status, _status(group, left)
        if after != before:
            group.status = after
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
        moved.changed.append(group)
    db.flush()
    return moved


def _open_groups(db: Session, subjects: Collection[Subject], now: datetime) -> dict[Subject, AlertGroup]:
    given = {
        "symptoms": list({symptom for _, symptom in subjects}),
        "models": list({model_id for model_id, _ in subjects if model_id is not None}),
        "since": now - FLAPPING,
    }
    found = {(g.model_id, g.symptom): g for g in db.exec(_open, params=given)}
    return {subject: group for subject, group in found.items() if subject in subjects}


def _new_group(subject: Subject, facts: Sequence[tuple[str, AlertFact]], now: datetime, *, channel: str) -> AlertGroup:
    source, first = min(facts, key=lambda known: known[1].starts_at)
    firing = [f for _, f in facts if f.status in FIRING]
    worst = firing or [f for _, f in facts]
    return AlertGroup(
        model_id=subject[0],
        symptom=subject[1],
        stage=first.stage,
        channel=channel,
        alert_class=_worst_class(worst),
        category=first.category,
        severity=_worst_severity(worst),
        status="new",
        opened_at=ours(first.starts_at, now),
        recorded_at=now,
        lookback_s=int(first.lookback.total_seconds()) if first.lookback else None,
        upstream_group=f"{source}:{first.upstream_group}" if first.upstream_group else "",
        version=first.version,
        quiet=not firing,
    )


def _worst_class(facts: Iterable[AlertFact]) -> AlertClass:
    return max((f.alert_class for f in facts), key=CLASS_ORDER.index)


def _worst_severity(facts: Iterable[AlertFact]) -> Severity:
    return max((f.severity for f in facts), key=SEVERITY_ORDER.index)


def _left(db: Session, ids: Collection[int]) -> dict[int, str]:
    """Return the status of an alert that is not over, of the groups IDS that have one."""
    if not ids:
        return {}
    query = select(Alert.group_id, func.min(Alert.status)).where(col(Alert.group_id).in_(ids))
    return dict(db.exec(query.where(Alert.status != "resolved").group_by(col(Alert.group_id))).all())


def _status(group: AlertGroup, left: Mapping[int, str]) -> str:
    if group.firing:
        return AlertStatus.FIRING.value
    if status := left.get(group.id or 0):
        return status
    return AlertStatus.UNKNOWN.value if group.unlisted else AlertStatus.RESOLVED.value
