"""What is about everybody: open incidents, and who is on call for which model."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from bot.domain import durations, keys
from bot.slack import incidents, text
from bot.slack.blocks import Message, actions, button, context, message, section, sections
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import open_incidents as incidents_now
from bot.store.queries.incidents import remote_ids, tickets_of
from bot.store.queries.models import all_models, names_of

SHOWN = 15
PEOPLE = 60
NAMED = 20
IN_ONE_BLOCK = 10


def open_incidents(db: Session, now: datetime, look: Look) -> Message:
    """Return the incidents that people work on, the most severe first."""
    found = incidents_now(db)
    declare = actions(button("Declare incident…", "incident_declare", style="danger"))
    if not found:
        return finished(message("No incident is open.", section("No incident is open."), declare), look)
    names = names_of(db, {i.model_id for i in found})
    tickets = tickets_of(db, [i.id for i in found])
    places = remote_ids(db, [keys.incident(i.id) for i in found if i.id])
    ids = user_ids(db, {i.lead for i in found})
    lines = []
    for incident in found[:SHOWN]:
        url = text.permalink(places.get(keys.incident(incident.id or 0)), look.workspace)
        ticket = tickets.get(incident.id or 0)
        lines.append(
            text.join(
                f"🔥 {text.link(url, f'*{incidents.name(incident)}*')} {text.severity(incident.severity)}",
                text.word(incident.status),
                text.line(names.get(incident.model_id or 0)),
                text.line(incident.title, 100),
                text.user(incident.lead, ids),
                incidents.ticket_link(ticket, look) if ticket else "",
                f"for {durations.short(now - incident.opened_at)}",
            )
        )
    rest = len(found) - SHOWN
    sentence = f"{text.plural(len(found), 'incident')} open: {', '.join(incidents.name(i) for i in found[:SHOWN])}"
    more = context(f"and {rest} more") if rest > 0 else None
    return finished(message(sentence, *sections(lines, IN_ONE_BLOCK), more, declare), look)


def on_call(db: Session, look: Look) -> Message:
    """Return who is on call for which model, as the configuration says."""
    models = all_models(db)
    people: dict[str, list[str]] = {}
    for model in models:
        if model.on_call or model.owner:
            people.setdefault(model.on_call or model.owner or "", []).append(model.name)
    nobody = [m.name for m in models if not m.on_call and not m.owner]
    if not models:
        return finished(message("No model yet.", section("No model yet, so nobody is on call.")), look)
    ids = user_ids(db, people)
    lines = [f"{text.mention(who, ids)}  {_some([*map(text.bold, names)])}" for who, names in sorted(people.items())]
    gap = f"nobody: {_some([*map(text.line, nobody)])}" if nobody else ""
    rest = len(lines) - PEOPLE
    sentence = f"On call for {text.plural(len(models), 'model')}: " + ", ".join(map(text.line, sorted(people)))
    source = "from `on_call:` and `owner:` in bellwether.yml"
    body = sections(lines[:PEOPLE] or ["Nobody is on call."], IN_ONE_BLOCK)
    more = context(f"and {rest} more") if rest > 0 else None
    return finished(message(sentence, *body, more, context(gap, source)), look)


def _some(names: Sequence[str]) -> str:
    """Return the first of NAMES, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
