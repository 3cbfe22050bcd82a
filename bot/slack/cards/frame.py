"""From what a card shows to what the loop sends: the channel, the thread, and the last check against Slack's limits."""

from typing import Any

from sqlmodel import Session

from bot.ports import Body
from bot.slack.blocks import Message, fit
from bot.slack.cards.look import Look
from bot.slack.fallbacks import degrade
from bot.store.tables import Projection


def posted(message: Message, look: Look, *, channel: str) -> Body:
    """Return a message of its own; `channel` is a name or an id."""
    return Body({"channel": channel, **_content(message, look)})


def reply(db: Session, root: str, message: Message, look: Look) -> Body | None:
    """Return a reply in the thread of the copy ROOT; None while there is no such thread."""
    place = thread_of(db, root)
    if place is None:
        return None
    channel, ts = place
    return Body({"channel": channel, "thread_ts": ts, **_content(message, look)})


def direct(message: Message, look: Look, *, user: str) -> Body:
    """Return a direct message."""
    return Body({"user": user, **_content(message, look)})


def thread_of(db: Session, root: str) -> tuple[str, str] | None:
    """Return channel and timestamp of the copy ROOT, if it exists."""
    row = db.get(Projection, root)
    channel, _, ts = (row.remote_id or "" if row else "").partition(":")
    return (channel, ts) if channel and ts else None


def finished(message: Message, look: Look) -> Message:
    """Return the message as this workspace takes it: nothing that it refuses, nothing over Slack's limits."""
    return fit(degrade(message, look.refused))


def _content(message: Message, look: Look) -> dict[str, Any]:
    return finished(message, look).content
