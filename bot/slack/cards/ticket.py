"""M5, the ticket's line in an incident's thread: edited when the ticket system says something new."""

from sqlmodel import Session

from bot.domain import keys
from bot.ports import Body
from bot.slack import incidents, text
from bot.slack.blocks import context, message
from bot.slack.cards.frame import reply
from bot.slack.cards.look import Look
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import ticket_of


def card(db: Session, incident_id: int, look: Look) -> Body | None:
    """Return the line; None while there is no ticket or no thread."""
    ticket = ticket_of(db, incident_id)
    if ticket is None:
        return None
    ids = user_ids(db, [ticket.assignee])
    line = text.join(
        text.join(f"🎫 {incidents.ticket_link(ticket, look)}", text.bold(ticket.summary, 200), by="  "),
        text.line(ticket.status, 40),
        text.line(ticket.priority, 40),
        text.mention(ticket.assignee, ids),
        by="  ·  ",
    )
    sentence = f"{text.line(ticket.key, 40)} {text.line(ticket.status, 40)}: {text.line(ticket.summary, 200)}"
    return reply(db, keys.incident(incident_id), message(sentence, context(line)), look)
