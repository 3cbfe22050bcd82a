"""Incidents in rows: opened and closed by alerts, shared by models, merged when a shared cause shows."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete
from sqlmodel import Session, col, func, select

from bot.domain import incidents as rules_of
from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES, IncidentStatus
from bot.domain.attribution import DAILY, NEAR, Onset, onset_of
from bot.ingest.correlate import groups_of, open_incident_of, open_incidents_of
from bot.ingest.rules import SHARED_WINDOW, SHOWN, Rules
from bot.ingest.suspects import suspect_of
from bot.ingest.timeline import tell, touch_ticket
from bot.store.projection import touch, touch_existing
from bot.store.queries.models import way_back
from bot.store.tables import Alert, AlertGroup, Change, Incident, Model, Projection, TimelineEntry

LATEST = DAILY + NEAR
"""How long before an incident opened its suspect may have changed: the longest lookback, and near before that."""


def touch_incident(db: Session, now: datetime, incident: Incident, rules: Rules, *, urgent: bool = False) -> None:
    """Touch every copy that shows the incident's state."""
    assert incident.id is not None
    names = keys.incident_keys(incident.id)
    if not rules.tickets:
        names = tuple(n for n in names if n not in (keys.ticket(incident.id), keys.ticket_link(incident.id)))
    touch(db, now, *names, urgent=urgent)
    touch_existing(db, now, keys.ALL_HOMES)


def take_in(db: Session, now: datetime, fresh: Sequence[AlertGroup], rules: Rules) -> None:
    """Give the groups that opened, or became worse, to the incidents they belong to; open those that are due."""
    by_symptom: dict[str, list[AlertGroup]] = defaultdict(list)
    for group in fresh:
        if rules_of.opens(group.alert_class, group.status):
            by_symptom[group.symptom].append(group)
    for symptom, hard in by_symptom.items():
        recent = _recent_hard(db, now, symptom)
        if rules_of.is_shared(g.model_id for g in recent):
            _share(db, now, symptom, recent, rules)
        else:
            for group in hard:
                _open_or_join(db, now, group, rules)
    alone = [group for group in fresh if group.incident_id is None]
    found = open_incidents_of(db, {group.model_id for group in alone if group.model_id is not None})
    for group in alone:
        if incident := found.get(group.model_id or 0):
            _join(db, now, group, incident, rules)


def settle_resolved(db: Session, now: datetime, changed: Sequence[AlertGroup], rules: Rules) -> None:
    """Close the incidents whose groups are all resolved; the cards of the others are touched with their groups."""
    for incident_id in sorted({g.incident_id for g in changed if g.incident_id}):
        incident = db.get_one(Incident, incident_id)
        if incident.status not in OPEN_STATUSES:
            continue
        groups = groups_of(db, incident_id)
        if rules_of.closes(opened_by=incident.opened_by, statuses=[g.status for g in groups]):
            total = sum(g.total for g in groups)
            what = "the alert is resolved" if total == 1 else f"all {total:,} alerts are resolved"
            close(db, now, incident, rules, by=None, text=what)


def close(db: Session, now: datetime, incident: Incident, rules: Rules, *, by: str | None, text: str) -> None:
    """Write that the incident is over."""
    assert incident.id is not None
    incident.status, incident.resolved_at, incident.resolved_by = IncidentStatus.RESOLVED, now, by
    incident.mitigated_at = incident.mitigated_at or now
    incident.next_update_at = None
    db.add(incident)
    tell(db, now, incident.id, kind="resolved", text=text, by=by)
    touch_incident(db, now, incident, rules, urgent=by is not None)
    if rules.tickets:
        touch(db, now, keys.ticket(incident.id), urgent=True)  # so that the card can say "Done" at once
    _touch_open_groups(db, now, incident)


def reopen(db: Session, now: datetime, incident: Incident, rules: Rules, *, by: str | None, text: str) -> None:
    """Write that it was not over."""
    assert incident.id is not None
    incident.status, incident.resolved_at, incident.resolved_by = IncidentStatus.INVESTIGATING, None, None
    incident.mitigated_at = None
    rolled_forward(db, incident)
    db.add(incident)
    tell(db, now, incident.id, kind="reopened", text=text, by=by)
    touch_incident(db, now, incident, rules, urgent=by is not None)
    _touch_open_groups(db, now, incident)


def rolled_forward(db: Session, incident: Incident) -> bool:
    """Take back that it was rolled back when the same version serves again; returns whether that is so."""
    back = way_back(db, incident) if incident.mitigation else None
    if back is None or not back.live:
        return False
    incident.mitigation = incident.mitigated_at = incident.rollback_by = incident.rollback_at = None
    if incident.status == IncidentStatus.MITIGATED:
        incident.status = IncidentStatus.INVESTIGATING
    incident.revision += 1
    db.add(incident)
    return True


def open_incident(
    db: Session,
    now: datetime,
    rules: Rules,
    *,
    title: str,
    severity: str,
    model: Model | None,
    channel: str,
    onset: Onset,
    stage: str | None = None,
    symptom: str | None = None,
    opened_by: str | None = None,
    lead: str | None = None,
    shared: bool = False,
) -> Incident:
    """Open an incident with its suspect, and take in the open groups of its model as evidence."""
    model_id = model.id if model and not shared else None
    suspect = None if shared else suspect_of(db, model, onset, stage=stage)
    incident = Incident(
        title=title[:250],
        severity=severity,
        status=IncidentStatus.INVESTIGATING,
        model_id=model_id,
        symptom=symptom,
        shared=shared,
        channel=channel,
        onset_at=onset.at if onset.stated else onset.fired_at,
        opened_at=now,
        opened_by=opened_by,
        lead=lead,
        suspect_change_id=suspect.change_id if suspect else None,
        suspect=suspect.words if suspect else "",
    )
    db.add(incident)
    db.flush()
    assert incident.id is not None
    touch_incident(db, now, incident, rules, urgent=opened_by is not None)
    if model_id is not None:
        evidence = select(AlertGroup).where(AlertGroup.model_id == model_id, AlertGroup.status != "resolved")
        evidence = evidence.where(col(AlertGroup.incident_id).is_(None), col(AlertGroup.quiet).is_(False))
        attach(db, now, db.exec(evidence).all(), incident, rules)
    return incident


def attach(db: Session, now: datetime, groups: Sequence[AlertGroup], incident: Incident, rules: Rules) -> None:
    """Make GROUPS evidence of INCIDENT, and of no other."""
    for number in sorted({g.incident_id for g in groups if g.incident_id is not None} - {incident.id}):
        touch_incident(db, now, db.get_one(Incident, number), rules)
    for group in groups:
        group.incident_id = incident.id
        group.revision += 1
        db.add(group)
    db.flush()
    _touch_groups(db, now, groups)


def name_suspect(db: Session, now: datetime, change: Change) -> None:
    """Name the suspect of the open incidents that knew none, when CHANGE, from before their alert, is told late."""
    unknown = select(Incident).where(_is_open(), col(Incident.suspect_change_id).is_(None))
    unknown = unknown.where(col(Incident.shared).is_(False), col(Incident.opened_at) >= change.occurred_at)
    for incident in db.exec(unknown.where(col(Incident.opened_at) <= change.occurred_at + LATEST)):
        if _find_suspect(db, incident) and incident.id is not None:
            touch(db, now, keys.incident(incident.id))
            touch_ticket(db, now, incident.id)


def adopt(db: Session, now: datetime, groups: Sequence[AlertGroup], rules: Rules) -> None:
    """Give the incidents of GROUPS, which changed hands, to the one model that all their groups are of now."""
    for number in sorted({g.incident_id for g in groups if g.incident_id is not None}):
        incident = db.get_one(Incident, number)
        models = {group.model_id for group in groups_of(db, number)}
        if incident.model_id is None and not incident.shared and len(models) == 1:
            incident.model_id = models.pop()
            if incident.opened_by is None and incident.model_id is not None:
                name = db.get_one(Model, incident.model_id).name
                incident.title = rules_of.title_of(incident.symptom or "", name, summary=incident.title)[:250]
            if incident.suspect_change_id is None:
                _find_suspect(db, incident)
            db.add(incident)
        if incident.status in OPEN_STATUSES or incident.opened_at > now - SHOWN:
            touch_incident(db, now, incident, rules)


def _find_suspect(db: Session, incident: Incident) -> bool:
    """Name the change nearest before the incident; False when there is none."""
    model = db.get(Model, incident.model_id) if incident.model_id is not None else None
    group = next((g for g in groups_of(db, incident.id or 0) if g.symptom == incident.symptom), None)
    onset = _onset(group) if group else onset_of(incident.opened_at)
    suspect = suspect_of(db, model, onset, stage=group.stage if group else None)
    if suspect is None:
        return False
    incident.suspect_change_id, incident.suspect = suspect.change_id, suspect.words
    db.add(incident)
    return True


def _recent_hard(db: Session, now: datetime, symptom: str) -> Sequence[AlertGroup]:
    """Return the open hard groups of SYMPTOM that we first heard of within the shared window, or that share already."""
    sharing = select(Incident.id).where(Incident.symptom == symptom, col(Incident.shared), _is_open())
    recent = col(AlertGroup.recorded_at) > now - SHARED_WINDOW
    query = (
        select(AlertGroup)
        .where(AlertGroup.symptom == symptom, AlertGroup.alert_class == "hard", AlertGroup.status != "resolved")
        .where(col(AlertGroup.quiet).is_(False))
        .where(recent | col(AlertGroup.incident_id).in_(sharing))
        .order_by(col(AlertGroup.id))
    )
    return db.exec(query).all()


def _share(db: Session, now: datetime, symptom: str, groups: Sequence[AlertGroup], rules: Rules) -> None:
    """Make one incident of all GROUPS; those that the bot opened for some of them become part of it.

    What a person opened stays as it is, with its groups.
    """
    numbers = sorted({g.incident_id for g in groups if g.incident_id})
    known = [db.get_one(Incident, n) for n in numbers]
    ours = [i for i in known if i.symptom == symptom and i.opened_by is None]
    opened = [i for i in ours if i.status in OPEN_STATUSES]
    before = next((i for i in ours if i.shared and i.status == IncidentStatus.RESOLVED), None)
    count = len({g.model_id for g in groups if g.model_id is not None})
    if opened:
        shared = next((i for i in opened if i.shared), opened[0])
    elif before is not None:
        shared = before
        reopen(db, now, shared, rules, by=None, text=f"{symptom} fires again on {count} models")
    else:
        shared = _open_shared(db, now, symptom, groups, rules, models=count)
    assert shared.id is not None
    shared.shared, shared.model_id, shared.suspect_change_id, shared.suspect = True, None, None, ""
    shared.title = rules_of.title_of(symptom, None, models=count)
    db.add(shared)
    for other in opened:
        if other.id != shared.id:
            _merge(db, now, other, shared, rules)
    held = {i.id for i in known if i.status in OPEN_STATUSES} | {shared.id}
    attach(db, now, [g for g in groups if g.incident_id not in held], shared, rules)
    touch_incident(db, now, shared, rules)


def _open_shared(
    db: Session, now: datetime, symptom: str, groups: Sequence[AlertGroup], rules: Rules, *, models: int
) -> Incident:
    return open_incident(
        db,
        now,
        rules,
        title=rules_of.title_of(symptom, None, models=models),
        severity=rules_of.severity_of("critical" if any(g.severity == "critical" for g in groups) else "error"),
        model=None,
        channel=rules.default_channel,
        onset=min((_onset(g) for g in groups), key=lambda o: o.fired_at),
        symptom=symptom,
        shared=True,
    )


def _merge(db: Session, now: datetime, other: Incident, shared: Incident, rules: Rules) -> None:
    """Make OTHER part of SHARED; what nobody has seen of it yet disappears, what was shown says where it went."""
    assert other.id is not None
    assert shared.id is not None
    moved = groups_of(db, other.id)
    for group in moved:
        group.incident_id = shared.id
        db.add(group)
    db.flush()
    _touch_groups(db, now, moved)
    ours = keys.incident_keys(other.id)
    sent = select(func.count()).where(col(Projection.key).in_(ours), col(Projection.nonce).is_not(None))
    if db.exec(sent).one() == 0 and other.last_act_by is None:
        db.exec(delete(TimelineEntry).where(col(TimelineEntry.incident_id) == other.id))
        replies = col(Projection.key).startswith(keys.incident_logs(other.id))
        db.exec(delete(Projection).where(col(Projection.key).in_(ours) | replies))
        db.delete(other)
        db.flush()
        return
    other.status, other.merged_into, other.resolved_at = IncidentStatus.MERGED, shared.id, now
    db.add(other)
    tell(db, now, other.id, kind="merged", text=f"part of INC-{shared.id}: {shared.title}")
    touch_incident(db, now, other, rules)


def _open_or_join(db: Session, now: datetime, group: AlertGroup, rules: Rules) -> None:
    if group.incident_id is not None:
        incident = db.get_one(Incident, group.incident_id)
        if incident.status not in OPEN_STATUSES:
            reopen(db, now, incident, rules, by=None, text=f"{group.symptom} fires again")
        return
    if known := open_incident_of(db, group.model_id):
        _join(db, now, group, known, rules)
        return
    model = db.get_one(Model, group.model_id) if group.model_id is not None else None
    summary = db.exec(select(Alert.summary).where(Alert.group_id == group.id).order_by(col(Alert.id))).first() or ""
    incident = open_incident(
        db,
        now,
        rules,
        title=rules_of.title_of(group.symptom, model.name if model else None, summary=summary),
        severity=rules_of.severity_of(group.severity),
        model=model,
        channel=group.channel,
        onset=_onset(group),
        stage=group.stage,
        symptom=group.symptom,
    )
    if group.incident_id is None:
        attach(db, now, [group], incident, rules)


def _join(db: Session, now: datetime, group: AlertGroup, incident: Incident, rules: Rules) -> None:
    attach(db, now, [group], incident, rules)
    touch_incident(db, now, incident, rules)


def _touch_groups(db: Session, now: datetime, groups: Sequence[AlertGroup]) -> None:
    """Touch what names groups together with their incident."""
    names = [keys.group(g.id) for g in groups if g.id is not None]
    touch(db, now, *names, *(keys.storm(g.storm_id) for g in groups if g.storm_id is not None))


def _touch_open_groups(db: Session, now: datetime, incident: Incident) -> None:
    """Touch the cards that show whether this incident is open; one that is resolved does not."""
    found = groups_of(db, incident.id or 0)
    touch(db, now, *(keys.group(g.id) for g in found if g.id is not None and g.status != "resolved"))


def _onset(group: AlertGroup) -> Onset:
    lookback = None if group.lookback_s is None else timedelta(seconds=group.lookback_s)
    return onset_of(group.opened_at, lookback, category=group.category)


def _is_open() -> ColumnElement[bool]:
    return col(Incident.status).in_(OPEN_STATUSES)
