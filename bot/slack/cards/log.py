"""One reply of an incident's log: the entries from its own up to where the next reply begins, in one message."""

from sqlmodel import Session

from bot.domain import keys
from bot.domain.names import clip
from bot.ports import Body
from bot.slack import text
from bot.slack.blocks import Block, context, message, section
from bot.slack.cards.frame import reply
from bot.slack.cards.look import Look
from bot.store.queries.incidents import next_log, timeline, waits_for_earlier
from bot.store.tables import TimelineEntry

GLYPHS = {
    "opened": "🔥",
    "update": "📝",
    "rollback": "↩️",
    "rollback_asked": "↩️",
    "deployment": "🟢",
    "alerts": "✅",
    "resolved": "✅",
    "reopened": "🔥",
    "merged": "🔗",
    "ticket": "🎫",
}
MOST = 40
"""Entries of one reply; so many in one pause is a machine's doing."""
QUOTED = 300


def card(db: Session, incident_id: int, entry_id: int, look: Look) -> Body | None:
    """Return the reply that begins with this entry; None while there is no thread, nothing to tell, or not its turn."""
    if waits_for_earlier(db, incident_id, entry_id):
        return None
    entries = timeline(db, incident_id, entry_id, next_log(db, incident_id, entry_id))
    if not entries:
        return None
    blocks = [_block(entry) for entry in entries[:MOST]]
    if left := len(entries) - MOST:
        blocks += [context(f"and {text.plural(left, 'more entry', 'more entries')}")] if left > 0 else []
    sentence = ". ".join(_sentence(entry) for entry in entries[:MOST])
    return reply(db, keys.incident(incident_id), message(sentence, *blocks), look)


def _block(entry: TimelineEntry) -> Block:
    """Return a person's words as a paragraph, a machine's news as small print with its time."""
    glyph = GLYPHS.get(entry.kind, "•")
    who = text.user(entry.by)
    if who and entry.kind == "resolved":
        who += " resolved it:"
    words = text.said(entry.text)
    if entry.by and entry.kind == "update":
        return section(f"{glyph} {who}  {words}")
    return context(text.join(glyph, who, words, by=" "), text.date(entry.at))


def _sentence(entry: TimelineEntry) -> str:
    who = text.user(entry.by)
    return text.join(who, text.said(clip(entry.text, QUOTED)), by=": ")
