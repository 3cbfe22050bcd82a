"""What people did, written to rows: verdicts, incidents declared, updated, rolled back, resolved and reopened.

A click on a card that changed meanwhile raises StaleAction and changes nothing.
"""

from datetime import datetime, timedelta
from typing import assert_never

from sqlmodel import Session

from bot.domain import keys
from bot.domain.actions import (
    OPEN_STATUSES,
    Action,
    AskPromotion,
    AskRollback,
    Decide,
    DeclareIncident,
    GiveVerdict,
    GoBack,
    IncidentStatus,
    LinkEvents,
    LogChange,
    MarkVersion,
    MergeModels,
    RenameModel,
    ReopenIncident,
    ResolveIncident,
    RetireModel,
    StaleAction,
    UnlinkEvents,
    UpdateIncident,
)
from bot.domain.attribution import onset_of
from bot.domain.errors import UserError
from bot.domain.names import escape, version_label
from bot.ingest import incidents, proposals
from bot.ingest.cataloguing import catalogued
from bot.ingest.correlate import models_named, open_incident_of
from bot.ingest.linking import drop_rule, take_rule
from bot.ingest.record import link_earlier
from bot.ingest.rules import Rules
from bot.ingest.timeline import tell
from bot.ingest.typed import log_change, mark_version
from bot.store.projection import touch, touch_existing
from bot.store.queries.models import way_back
from bot.store.tables import AlertGroup, Audit, Incident, Model, Triage

REOPENED = "reopened it"


def record_action(db: Session, action: Action, now: datetime, rules: Rules) -> int:
    """Write what a person did; returns the number of the group, incident, change, model or proposal that it is of.

    Raises StaleAction or UserError, and then nothing is written.
    """
    match action:
        case GiveVerdict():
            subject, number = "group", _give_verdict(db, action, now)
        case DeclareIncident():
            subject, number = "incident", _declare(db, action, now, rules)
        case UpdateIncident():
            subject, number = "incident", _update(db, action, now, rules)
        case AskRollback():
            subject, number = "incident", _ask_rollback(db, action, now, rules)
        case ResolveIncident():
            subject, number = "incident", _resolve(db, action, now, rules)
        case ReopenIncident():
            subject, number = "incident", _reopen(db, action, now, rules)
        case LogChange():
            subject, number = "change", log_change(db, action, now)
        case MarkVersion():
            subject, number = "model", mark_version(db, action, now)
        case AskPromotion():
            subject, number = "proposal", proposals.ask(db, action, now, rules)
        case GoBack():
            subject, number = "proposal", proposals.go_back(db, action, now, rules)
        case Decide():
            subject, number = "proposal", proposals.decide(db, action, now)
        case RenameModel() | MergeModels() | RetireModel():
            subject, number = "model", catalogued(db, action, now, rules)
        case LinkEvents():
            subject, number = "model", take_rule(db, action, now)
            link_earlier(db, now, rules, (action.label, action.value))
        case UnlinkEvents():
            subject, number = "model", drop_rule(db, action)
        case _:
            assert_never(action)
    what = type(action).__name__
    detail = {k: str(v) for k, v in vars(action).items() if v is not None and k not in ("by", "seen")}
    db.add(Audit(at=now, who=action.by, what=what, subject=f"{subject}/{number}", detail=detail))
    touch_existing(db, now, keys.ALL_HOMES, urgent=True)
    return number


def _give_verdict(db: Session, action: GiveVerdict, now: datetime) -> int:
    group = db.get(AlertGroup, action.group_id)
    if group is None or group.id is None:
        raise UserError("This alert group is gone from my records; nothing done.")
    if action.seen is not None and action.seen != group.revision and group.verdict is not None:
        said = f"marked it *{group.verdict.replace('_', ' ')}*"
        raise StaleAction.changed(group.verdict_at, group.verdict_by, said)
    db.add(Triage(group_id=group.id, verdict=action.verdict, by=action.by, at=now))
    group.verdict, group.verdict_by, group.verdict_at = action.verdict, action.by, now
    group.revision += 1
    db.add(group)
    touch(db, now, keys.group(group.id), urgent=True)
    if group.incident_id is not None:
        touch(db, now, keys.incident(group.incident_id))
    return group.id


def _declare(db: Session, action: DeclareIncident, now: datetime, rules: Rules) -> int:
    group = db.get(AlertGroup, action.group_id) if action.group_id is not None else None
    if group is not None and group.incident_id is not None:
        known = db.get_one(Incident, group.incident_id)
        if known.status in OPEN_STATUSES:
            raise StaleAction(f"INC-{known.id} is open for this alert already: {escape(known.title)}. Nothing done.")
    model: Model | None = None
    if group is not None and group.model_id is not None:
        model = db.get_one(Model, group.model_id)
    elif action.model:
        model = models_named(db, [action.model], now)[action.model]
    if model is not None and (already := open_incident_of(db, model.id)):
        raise StaleAction(
            f"INC-{already.id} is open for {escape(model.name)} already: {escape(already.title)}. Nothing done."
        )
    lookback = timedelta(seconds=group.lookback_s) if group and group.lookback_s is not None else None
    incident = incidents.open_incident(
        db,
        now,
        rules,
        title=action.title,
        severity=action.severity,
        model=model,
        channel=action.channel or (model.channel if model else None) or rules.default_channel,
        onset=onset_of(group.opened_at, lookback, category=group.category) if group else onset_of(now),
        stage=group.stage if group else None,
        symptom=group.symptom if group else None,
        opened_by=action.by,
        lead=action.lead or action.by,
    )
    assert incident.id is not None
    if group is not None:
        incidents.attach(db, now, [group], incident, rules)
        touch(db, now, keys.group(group.id or 0), urgent=True)
    return incident.id


def _update(db: Session, action: UpdateIncident, now: datetime, rules: Rules) -> int:
    incident = _open_one(db, action.incident_id, action.seen)
    moves = []
    if action.status is not None and action.status != incident.status:
        moves.append(f"{incident.status} → {action.status}")
        incident.status = action.status
        if action.status is IncidentStatus.MITIGATED:
            incident.mitigated_at = incident.mitigated_at or now
    if action.severity and action.severity != incident.severity:
        moves.append(f"{incident.severity.upper()} → {action.severity.upper()}")
        incident.severity = action.severity
    incident.lead = action.lead or incident.lead or action.by
    incident.next_update_at = action.next_update_at
    text = "\n".join(part for part in (action.text.strip(), " · ".join(moves)) if part)
    if not text:
        raise UserError("There is nothing to tell: write a line, or change status or severity.")
    tell(db, now, action.incident_id, kind="update", text=text, by=action.by)
    _acted(db, incident, action.by, now, "updated it")
    incidents.touch_incident(db, now, incident, rules, urgent=True)
    return action.incident_id


def _ask_rollback(db: Session, action: AskRollback, now: datetime, rules: Rules) -> int:
    incident = _open_one(db, action.incident_id, action.seen)
    if incident.rollback_by is not None:
        raise StaleAction.changed(incident.rollback_at, incident.rollback_by, "asked to roll back")
    back = way_back(db, incident)
    if back is None:
        raise UserError("I know no earlier version to go back to. Roll back in your deployment system; I will see it.")
    words = f"{version_label(back.version)} → {version_label(back.previous)}"
    if not back.live:
        raise StaleAction(escape(f"{words}: {version_label(back.version)}") + " does not serve any more. Nothing done.")
    incident.rollback_by, incident.rollback_at = action.by, now
    incident.lead = incident.lead or action.by
    if incident.status == IncidentStatus.INVESTIGATING:
        incident.status = IncidentStatus.FIXING
    proposals.roll_back(db, incident, back, now, rules, by=action.by)
    tell(db, now, action.incident_id, kind="rollback_asked", text=f"asked to roll back {words}", by=action.by)
    _acted(db, incident, action.by, now, f"asked to roll back {words}")
    incidents.touch_incident(db, now, incident, rules, urgent=True)
    return action.incident_id


def _resolve(db: Session, action: ResolveIncident, now: datetime, rules: Rules) -> int:
    incident = _one(db, action.incident_id)
    closed = incident.status == IncidentStatus.RESOLVED
    if closed and incident.cause not in (None, "unknown"):
        raise StaleAction.changed(incident.last_act_at or incident.resolved_at, incident.last_act_by, "resolved it")
    if not closed:
        _open_one(db, action.incident_id, action.seen)
    incident.cause, incident.cause_by = action.cause, action.by
    incident.eval_case = action.eval_case or incident.eval_case
    text = f"cause: {action.cause.replace('_', ' ')}" + (f"\n{action.text.strip()}" if action.text.strip() else "")
    _acted(db, incident, action.by, now, "resolved it")
    if closed:
        tell(db, now, action.incident_id, kind="update", text=text, by=action.by)
        incidents.touch_incident(db, now, incident, rules, urgent=True)
    else:
        incidents.close(db, now, incident, rules, by=action.by, text=text)
    return action.incident_id


def _reopen(db: Session, action: ReopenIncident, now: datetime, rules: Rules) -> int:
    incident = _one(db, action.incident_id)
    if incident.status in OPEN_STATUSES:
        if incident.last_act != REOPENED:
            raise StaleAction(f"INC-{incident.id} is open again: its alert fires again. Nothing done.")
        raise StaleAction.changed(incident.last_act_at, incident.last_act_by, REOPENED)
    _acted(db, incident, action.by, now, REOPENED)
    incidents.reopen(db, now, incident, rules, by=action.by, text="reopened")
    return action.incident_id


def _one(db: Session, incident_id: int) -> Incident:
    incident = db.get(Incident, incident_id)
    if incident is None:
        raise UserError(f"There is no INC-{incident_id}; nothing done.")
    if incident.merged_into is not None:
        raise UserError(f"INC-{incident_id} is part of INC-{incident.merged_into} now; go on there. Nothing done.")
    return incident


def _open_one(db: Session, incident_id: int, seen: int | None) -> Incident:
    """Return the incident if it is open and still what the person saw."""
    incident = _one(db, incident_id)
    over = incident.status not in OPEN_STATUSES
    if over and incident.resolved_by is None:
        raise StaleAction(f"INC-{incident_id} is resolved: all its alerts are over. Nothing done.")
    if over or (seen is not None and seen != incident.revision):
        raise StaleAction.changed(incident.last_act_at, incident.last_act_by, incident.last_act)
    return incident


def _acted(db: Session, incident: Incident, by: str, now: datetime, what: str) -> None:
    incident.last_act, incident.last_act_by, incident.last_act_at = what, by, now
    incident.revision += 1
    db.add(incident)
