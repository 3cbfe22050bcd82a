"""M3, one card an alert group: a model and a symptom, from the first alert to the last one resolved.

A group has no card of its own while another message names it: a storm, or an open incident that it did not open.
A card that exists is always kept true.
"""

from sqlmodel import Session

from bot.domain import durations, keys
from bot.ports import Body
from bot.slack import alerting, text
from bot.slack.blocks import AMBER, GREEN, GREY, RED, Block, Element, Message, actions, barred, button, context, section
from bot.slack.cards.frame import posted
from bot.slack.cards.look import Look
from bot.store.queries.alerts import Features, features_of, last_verdicts, sample, storm_is_open
from bot.store.queries.incidents import final_incident, is_open, remote_ids
from bot.store.queries.models import names_of
from bot.store.tables import AlertGroup, Incident

VERDICTS = (
    ("acted", "Acted", "group_acted"),
    ("real_later", "Real, later", "group_real_later"),
    ("noise", "Noise", "group_noise"),
)
SAID = {"acted": "acted by", "real_later": "real, for later, says", "noise": "noise, says", "known": "known, says"}


def card(db: Session, group_id: int, look: Look) -> Body | None:
    """Return the card of an alert group; None while it has none of its own."""
    group = db.get(AlertGroup, group_id)
    if group is None or group.quiet:
        return None
    incident = final_incident(db, group.incident_id)
    places = remote_ids(db, [keys.group(group_id), *([keys.incident(incident.id)] if incident and incident.id else [])])
    if keys.group(group_id) not in places and _is_folded(db, group, incident):
        return None
    model = names_of(db, [group.model_id]).get(group.model_id or 0)
    if group.status == "resolved":
        return posted(_resolved(group, model), look, channel=group.channel)
    whose = "" if model else f"whose is it? {text.code(f'{look.command} unlinked')}"
    ways = text.join(_thread(incident, places, look), whose)
    return posted(_open(db, group, model, incident, ways), look, channel=group.channel)


def _is_folded(db: Session, group: AlertGroup, incident: Incident | None) -> bool:
    """Return whether another message names the group, so that it needs no card."""
    if storm_is_open(db, group.storm_id):
        return True
    if group.status == "resolved":
        return group.storm_id is not None or incident is not None
    if incident is None or not is_open(incident):
        return False
    return (incident.symptom, incident.model_id) != (group.symptom, group.model_id)


def _open(db: Session, group: AlertGroup, model: str | None, incident: Incident | None, ways: str) -> Message:
    number = group.id or 0
    alert = sample(db, number)
    features = features_of(db, [number]).get(number, Features())
    sign = text.state("firing" if group.status == "acknowledged" else group.status).split(" ", 1)
    title = alerting.title(group.symptom, alert)
    subject = text.join(f"{sign[0]} *{sign[1].capitalize()}*  {title}", _subject(model, group.stage))
    detail = text.join(alerting.value(alert), alerting.features(features), f"since {text.date(group.opened_at)}")
    before = alerting.nearest_change(db, group)
    times, verdicts = last_verdicts(db, group)
    print_ = [
        alerting.counts(group),
        before,
        alerting.served(db, group),
        alerting.history(times, verdicts),
        alerting.links(alert),
        ways,
    ]
    sentence = text.join(
        f"{sign[1].capitalize()}: {text.line(group.symptom)} on {text.line(model) if model else 'no model'}",
        alerting.counts(group),
        by=", ",
    )
    return barred(
        sentence,
        _color(group),
        section(subject),
        section(detail, alerting.summary(alert, group.symptom)),
        context(*print_),
        *([context(_cut_off(group))] if group.unlisted else []),
        *([context(_said(group))] if group.verdict else []),
        _buttons(group, incident),
    )


def _resolved(group: AlertGroup, model: str | None) -> Message:
    lasted = durations.short(group.resolved_at - group.opened_at) if group.resolved_at else ""
    head = text.join(f"✅ *Resolved*  {text.line(group.symptom)}", text.line(model))
    detail = context(text.join(lasted, text.plural(group.total, "alert"), _said(group)))
    sentence = f"Resolved: {text.line(group.symptom)} on {text.line(model) if model else 'no model'}"
    return barred(text.join(sentence, lasted, by=" after "), GREEN, section(head), detail)


def _subject(model: str | None, stage: str | None) -> str:
    return text.join(text.bold(model) or "no model", text.code(stage), by=" ")


def _color(group: AlertGroup) -> str:
    if group.status in ("suppressed", "unknown"):
        return GREY
    return AMBER if group.verdict else RED


def _cut_off(group: AlertGroup) -> str:
    return f"{text.grouped(group.unlisted)} more not sent by the source, so this stays open"


def _said(group: AlertGroup) -> str:
    """Return who said what of it: `acted by @Bob`."""
    if not group.verdict:
        return ""
    return f"{SAID.get(group.verdict, text.word(group.verdict) + ', says')} {text.user(group.verdict_by) or 'somebody'}"


def _thread(incident: Incident | None, places: dict[str, str], look: Look) -> str:
    if incident is None or incident.id is None:
        return ""
    url = text.permalink(places.get(keys.incident(incident.id)), look.workspace)
    return f"🔥 {text.link(url, f'INC-{incident.id}')}"


def _buttons(group: AlertGroup, incident: Incident | None) -> Block | None:
    opens = button("Open incident…", "group_open_incident", _value(group)) if not is_open(incident) else None
    return actions(*verdicts(group), opens)


def verdicts(group: AlertGroup) -> list[Element]:
    """Return the buttons by which people say what a group was worth, but the one that they said."""
    return [
        button(label, action, _value(group), style="primary" if verdict == "acted" else None)
        for verdict, label, action in VERDICTS
        if verdict != group.verdict
    ]


def _value(group: AlertGroup) -> str:
    return f"{group.id}:{group.revision}"
