"""The forms: declare, update and resolve an incident; those of a decision are in `deciding`.

At most three inputs have to be filled, and those are prefilled.

`private_metadata` carries `<id>:<revision>` of what the person saw, so that an old form changes nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.domain.actions import OPEN_STATUSES, Cause
from bot.domain.errors import UserError
from bot.domain.names import clip
from bot.slack import deciding, incidents, text
from bot.slack.answers.status import shared
from bot.slack.blocks import Message, context, modal, person_input, select_input, text_input
from bot.slack.cards.look import Look
from bot.store.queries.models import all_models, names_of
from bot.store.tables import AlertGroup, Incident

BUTTONS = (
    "incident_update",
    "incident_resolve",
    "incident_declare",
    "group_open_incident",
    "proposal_approve",
    "proposal_reject",
)
"""The buttons that open a form."""
SEVERITIES = (
    ("SEV1: users hurt now", "sev1"),
    ("SEV2: will hurt soon", "sev2"),
    ("SEV3: can wait for the day", "sev3"),
)
MINUTES = (("in 15 minutes", "15"), ("in 30 minutes", "30"), ("in 60 minutes", "60"), ("not promised", "none"))
CAUSES: Mapping[Cause, str] = {
    Cause.DEPLOY: "Deploy of a version",
    Cause.CONFIG: "Config, rule or filter",
    Cause.DATA_UPSTREAM: "Data upstream: missing, corrupt, late",
    Cause.DRIFT: "Natural drift",
    Cause.LABELS: "Labels or feedback",
    Cause.INFRASTRUCTURE: "Infrastructure",
    Cause.DEPENDENCY: "A dependency",
    Cause.UNKNOWN: "Unknown",
}


def for_button(db: Session, action_id: str, value: str, user: str) -> dict[str, Any]:
    """Return the form that this button opens for USER; raises UserError when its subject is gone, over, not theirs."""
    number = int(head) if (head := value.partition(":")[0]).isdigit() else 0
    match action_id:
        case "incident_update":
            return update(db, number)
        case "incident_resolve":
            return resolve(db, number)
        case "group_open_incident":
            return declare(db, group_id=number)
        case "proposal_approve":
            return deciding.approve(db, number, value, user)
        case "proposal_reject":
            return deciding.put_aside(db, number, value, user)
        case _:
            model, _, title = value.partition("\n")
            return declare(db, model=model or None, title=title)


def update(db: Session, incident_id: int) -> dict[str, Any]:
    """Return the form that tells the thread what is known; raises UserError for an incident that is over."""
    incident = _incident(db, incident_id)
    if incident.status not in OPEN_STATUSES:
        raise UserError(f"{incidents.name(incident)} is {text.word(incident.status)} already. Reopen it first.")
    states = [(str(s).capitalize(), str(s)) for s in OPEN_STATUSES]
    return modal(
        "update_incident",
        f"Update {incidents.name(incident)}",
        "Post update",
        incidents.value(incident),
        text_input(
            "text",
            "What is known, what comes next",
            multiline=True,
            optional=True,
            hint="Everybody in the thread reads it.",
        ),
        select_input("status", "Status", states, chosen=incident.status),
        select_input("severity", "Severity", SEVERITIES, chosen=incident.severity),
        select_input("next_update", "Next update", MINUTES, chosen="30"),
        person_input("lead", "Lead", chosen=incident.lead),
    )


def resolve(db: Session, incident_id: int) -> dict[str, Any]:
    """Return the form that closes an incident, or names the cause of a closed one."""
    incident = _incident(db, incident_id)
    is_open = incident.status in OPEN_STATUSES
    causes = [(label, str(cause)) for cause, label in CAUSES.items()]
    return modal(
        "resolve_incident",
        f"{'Resolve' if is_open else 'Cause of'} {incidents.name(incident)}",
        "Resolve" if is_open else "Save",
        incidents.value(incident),
        select_input("cause", "Cause", causes, chosen=incident.cause or Cause.UNKNOWN),
        text_input("text", "What happened, how it was fixed", multiline=True, optional=True),
        text_input(
            "eval_case",
            "Evaluation case added",
            value=incident.eval_case,
            optional=True,
            hint="Where the failure went into your evaluation set: a path, a row, a ticket.",
        ),
    )


def declare(
    db: Session, *, model: str | None = None, group_id: int | None = None, title: str = "", lead: str | None = None
) -> dict[str, Any]:
    """Return the form that opens an incident, prefilled from an alert group or a model."""
    group = db.get(AlertGroup, group_id) if group_id else None
    if group_id and group is None:
        raise UserError("This alert group is gone from my records; nothing done.")
    if group is not None:
        model = names_of(db, [group.model_id]).get(group.model_id or 0)
        title = title or (f"{model}: {group.symptom}" if model else group.symptom)
    names = [m.name for m in all_models(db)]
    listed = sorted({*names[:99], *([model] if model in names and model else [])})
    choices = [(clip(name, 75), name) for name in listed if len(name) <= 150]
    return modal(
        "declare_incident",
        "Declare incident",
        "Open incident",
        f"{group.id}:{group.revision}" if group else "",
        text_input("title", "What is wrong", value=title),
        select_input("severity", "Severity", SEVERITIES, chosen="sev2"),
        select_input("model", "Model", choices, chosen=model, optional=True) if choices else None,
        person_input("lead", "Lead", chosen=lead),
        context("A thread opens for it, with what changed in the 72 h before; its ticket follows."),
    )


def shared_status(db: Session, model_name: str, now: datetime, look: Callable[[Session], Look], user: str) -> Message:
    """Return the status of a model for the channel, signed by who shared it."""
    return shared(db, model_name, now, look(db), by=user)


def _incident(db: Session, incident_id: int) -> Incident:
    incident = db.get(Incident, incident_id)
    if incident is None:
        raise UserError(f"There is no INC-{incident_id}; nothing done.")
    if incident.merged_into is not None:
        raise UserError(f"INC-{incident_id} is part of INC-{incident.merged_into} now; go on there.")
    return incident
