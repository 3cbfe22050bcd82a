"""M4, the root of an incident's thread: what it is, who has it, what is suspected, and the alerts that it holds."""

from collections.abc import Sequence

from sqlmodel import Session

from bot.domain import durations, keys
from bot.domain.actions import Cause, IncidentStatus
from bot.ports import Body
from bot.slack import alerting, incidents, text
from bot.slack.blocks import (
    AMBER,
    GREEN,
    RED,
    Block,
    Message,
    actions,
    barred,
    button,
    context,
    fields,
    message,
    section,
)
from bot.slack.cards.frame import posted
from bot.slack.cards.look import Look
from bot.store.queries.alerts import Features, features_of
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import groups_of, is_open, remote_ids, ticket_of
from bot.store.queries.models import WayBack, names_of, way_back
from bot.store.tables import AlertGroup, Change, Incident

DETAILED = 6
"""How many groups get a line of their own; the others are named in one."""
NAMED, ROOM = 60, 2_800
"""So many, and in so many characters."""


def card(db: Session, incident_id: int, look: Look) -> Body | None:
    """Return the root card of an incident."""
    incident = db.get(Incident, incident_id)
    if incident is None:
        return None
    groups = groups_of(db, incident_id)
    names = names_of(db, {incident.model_id, *(g.model_id for g in groups)})
    if incident.status == IncidentStatus.MERGED:
        shown = _merged(db, incident, look)
    elif is_open(incident):
        shown = _open(db, incident, groups, names, look)
    else:
        shown = _resolved(db, incident, groups, names, look)
    return posted(shown, look, channel=incident.channel)


def _open(db: Session, incident: Incident, groups: Sequence[AlertGroup], names: dict[int, str], look: Look) -> Message:
    model = names.get(incident.model_id or 0, "")
    back = way_back(db, incident)
    status = text.word(incident.status)
    head = text.join(
        f"🔥 *{incidents.name(incident)}*  {text.severity(incident.severity)} · *{status.capitalize()}*",
        text.bold(model),
        next((words for g in groups if g.model_id == incident.model_id and (words := alerting.served(db, g))), ""),
        f"since {text.date(incident.opened_at)}",
    )
    sentence = f"{incidents.name(incident)} {text.severity(incident.severity)} {status}: {text.line(incident.title)}"
    return barred(
        sentence,
        RED if incident.severity == "sev1" else AMBER,
        section(head, text.bold(incident.title, 250)),
        _fields(db, incident, look),
        *_evidence(db, incident, groups, names),
        _way_back(incident, back),
        actions(
            button("Update…", "incident_update", incidents.value(incident), style="primary"),
            incidents.rollback_button(incident, back, model, told=incident.channel),
            button("Resolve…", "incident_resolve", incidents.value(incident)),
        ),
    )


def _fields(db: Session, incident: Incident, look: Look) -> Block:
    ids = user_ids(db, [incident.lead])
    change = db.get(Change, incident.suspect_change_id) if incident.suspect_change_id else None
    ticket = incidents.ticket_words(db, incident, ticket_of(db, incident.id or 0), look)
    lead = text.user(incident.lead, ids) or "nobody yet"
    upcoming = text.clock(incident.next_update_at) if incident.next_update_at else "not set"
    suspect = incidents.suspect(incident, change)
    return fields(("Lead", lead), ("Ticket", ticket), ("Suspect", suspect), ("Next update", upcoming))


def _evidence(db: Session, incident: Incident, groups: Sequence[AlertGroup], names: dict[int, str]) -> list[Block]:
    """Return what the groups say: the first ones a line each, the others named, for they have no card elsewhere."""
    if not groups:
        return []
    features = features_of(db, [g.id for g in groups[:DETAILED] if g.id is not None])
    lines = [_line(g, names, features.get(g.id or 0, Features())) for g in groups[:DETAILED]]
    rest = [f"{_model(g, names)} {text.line(g.symptom, 60)}" for g in groups[DETAILED:]]
    named = rest[:NAMED]
    while len(", ".join(named)) > ROOM:
        named.pop()
    more = f" and {len(rest) - len(named)} more" if len(rest) > len(named) else ""
    return [section(*lines), *([context(f"also: {', '.join(named)}{more}")] if rest else [])]


def _line(group: AlertGroup, names: dict[int, str], features: Features) -> str:
    resolved = group.status == "resolved"
    how_many = text.plural(group.total, "alert") + ", resolved" if resolved else alerting.counts(group)
    said = f"{text.word(group.verdict)}, says {text.user(group.verdict_by)}" if group.verdict else ""
    subject = f"{text.state(group.status).split(' ')[0]} {_model(group, names)}"
    return text.join(subject, text.bold(group.symptom), how_many, alerting.ranked_features(features), said)


def _model(group: AlertGroup, names: dict[int, str]) -> str:
    return text.line(names.get(group.model_id or 0, "no model"), 80)


def _way_back(incident: Incident, back: WayBack | None) -> Block | None:
    """Return the line that took the place of the roll-back button."""
    if incident.mitigation:
        return context(f"↩️ {text.line(incident.mitigation)}")
    if incident.rollback_by is None:
        return None
    moved = f" {text.version(back.version)} → {text.version(back.previous)}" if back else ""
    at = text.clock(incident.rollback_at) if incident.rollback_at else ""
    return context(f"↩️ {text.user(incident.rollback_by)} asked to roll back{moved}", at)


def _resolved(
    db: Session, incident: Incident, groups: Sequence[AlertGroup], names: dict[int, str], look: Look
) -> Message:
    lasted = durations.short(incident.resolved_at - incident.opened_at) if incident.resolved_at else ""
    unknown = incident.cause in (None, Cause.UNKNOWN)
    by = f" ({text.user(incident.cause_by)})" if incident.cause_by else ""
    cause = f"cause: {text.word(incident.cause or 'unknown')}{by}"
    who = "" if incident.resolved_by == incident.cause_by else f"by {text.user(incident.resolved_by)}"
    over = who if incident.resolved_by else "its alerts resolved"
    ticket = ticket_of(db, incident.id or 0)
    key = incidents.ticket_words(db, incident, ticket, look) if ticket or look.tickets else ""
    added = f"eval case {text.line(incident.eval_case, 80)}" if incident.eval_case else ""
    head = text.join(f"✅ *{incidents.name(incident)}* resolved in {lasted}", over)
    seen = sorted({f"{_model(g, names)} {text.line(g.symptom, 60)}" for g in groups})
    subject = "" if seen else text.line(names.get(incident.model_id or 0))
    alerts = ", ".join(seen[:DETAILED]) + (f" and {len(seen) - DETAILED} more" if len(seen) > DETAILED else "")
    return barred(
        text.join(f"{incidents.name(incident)} resolved in {lasted}", cause, text.line(incident.title), by=", "),
        GREEN,
        section(head, text.bold(incident.title, 250)),
        context(text.join(cause, key, added), text.join(subject, alerts)),
        actions(
            button("Set cause…", "incident_resolve", incidents.value(incident)) if unknown else None,
            button("Reopen", "incident_reopen", incidents.value(incident)),
        ),
    )


def _merged(db: Session, incident: Incident, look: Look) -> Message:
    target = incident.merged_into or 0
    place = remote_ids(db, [keys.incident(target)]).get(keys.incident(target))
    into = text.link(text.permalink(place, look.workspace), f"INC-{target}")
    words = f"{incidents.name(incident)} is part of INC-{target} now: {text.line(incident.title)}"
    shown = section(f"🔗 *{incidents.name(incident)}* is part of {into} now · {text.line(incident.title)}")
    return message(words, shown)
