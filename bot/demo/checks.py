"""After a story: is what stands in Slack and Jira what the rows say?"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from bot.cli.stats import stats
from bot.config import load
from bot.demo.stage import State
from bot.ports import Body
from bot.rendering import Rendering
from bot.store.database import Database
from bot.store.tables import Incident, Projection, Ticket

T = TypeVar("T")


async def lagging(environment: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return what `db stats --json` prints."""
    return await _ask(environment, lambda db: stats(db, now))


async def differences(environment: Mapping[str, str], state: State) -> list[str]:
    """Return, in words, where a message, thread or ticket in STATE is not what the rows say; empty is what we want."""
    settings = load(environment)
    rendering = Rendering(settings, ticket_url=f"{settings.environment.jira_url}/browse/")
    rendering.workspace_url = environment["SLACK_API_URL"].removesuffix("/api/")
    shown = {f"{c['id']}:{m['ts']}": m for c in state["channels"] for m in c["messages"] if not m.get("deleted")}

    def compare(db: Session) -> list[str]:
        found: list[str] = []
        copies = db.exec(select(Projection).where(col(Projection.key).startswith("slack/"))).all()
        for row in copies:
            if row.remote_id is None or row.key.startswith("slack/home/"):
                continue
            found += _compare(row.key, shown.get(row.remote_id), rendering.slack(db, row.key))
        for ticket, incident in db.exec(select(Ticket, Incident).where(Ticket.incident_id == Incident.id)):
            names = {i["key"]: i["fields"]["status"]["name"] for i in state["issues"]}
            if names.get(ticket.key) != ticket.status:
                found.append(
                    f"{ticket.key} of INC-{incident.id} is {names.get(ticket.key)}, the row says {ticket.status}"
                )
        return found

    return await _ask(environment, compare)


def _compare(key: str, message: Mapping[str, Any] | None, body: Body | None) -> list[str]:
    if message is None:
        return [f"{key} is not in its channel"]
    if body is None:
        return []
    wanted, stands = body.content, message
    if wanted["text"] != stands["text"]:
        return [f"{key} says {stands['text']!r}, the rows say {wanted['text']!r}"]
    if _plain(wanted.get("blocks")) != _plain(stands.get("blocks")):
        return [f"{key}: the blocks differ from the rows"]
    return []


def _plain(node: Any) -> Any:
    """Return blocks without what Slack adds to them."""
    if isinstance(node, Mapping):
        return {k: _plain(v) for k, v in node.items() if k not in ("block_id", "emoji", "verbatim")}
    if isinstance(node, list | tuple):
        return [_plain(item) for item in node]
    return node


async def _ask(environment: Mapping[str, str], ask: Callable[[Session], T]) -> T:
    database = Database(environment["DATABASE_URL"])
    try:
        return await database.read(ask)
    finally:
        await asyncio.to_thread(database.close)
