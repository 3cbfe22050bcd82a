"""The first reply in an incident's thread: what changed in the 72 hours before, and what is not heard of."""

from sqlmodel import Session

from bot.domain import keys
from bot.ports import Body
from bot.slack import changelog, text
from bot.slack.blocks import context, message, section, sections
from bot.slack.cards.frame import reply
from bot.slack.cards.look import Look
from bot.store.queries.changes import MOST, changes_before
from bot.store.queries.incidents import groups_of
from bot.store.queries.models import names_of
from bot.store.queries.sources import hearing
from bot.store.tables import Incident

SHOWN = 20
IN_ONE_BLOCK = 10


def card(db: Session, incident_id: int, look: Look) -> Body | None:
    """Return the reply; None while the incident has no thread."""
    incident = db.get(Incident, incident_id)
    if incident is None:
        return None
    models = {incident.model_id, *(g.model_id for g in groups_of(db, incident_id))} - {None}
    ids = sorted(i for i in models if i is not None)
    found = changes_before(db, ids, incident.onset_at)
    listed = changelog.lines(db, found[:SHOWN])
    heard = hearing(db, look.sources, incident.opened_at)
    last, whole = changelog.connected(db, ids, heard, by=incident.opened_at)
    window = f"in the 72 h before {text.date(incident.onset_at)}"
    if not found:
        listed = [changelog.nothing(window, whole=whole)]
    rest = ""
    if len(found) > SHOWN:
        count = f"at least {len(found) - SHOWN}" if len(found) == MOST else str(len(found) - SHOWN)
        names = names_of(db, ids)
        rest = f"and {count} more: {text.code(f'{look.command} changes {names[ids[0]]}')}"
    sentence = f"{text.plural(len(found), 'change')} in the 72 h before INC-{incident_id}. {last}"
    body = message(
        sentence,
        section(f"📌 *Changes {window}*"),
        *sections(listed, IN_ONE_BLOCK),
        context(rest) if rest else None,
        context(last),
    )
    return reply(db, keys.incident(incident_id), body, look)
