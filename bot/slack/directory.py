"""The workspace's people and channels, read into rows, so that cards name them and names find them."""

import logging
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from sqlmodel import Session, select

from bot.store.database import Database
from bot.store.tables import Directory

logger = logging.getLogger(__name__)

PAGE = 200


async def sync(client: AsyncWebClient, database: Database) -> int:
    """Read everybody and every channel that the bot may see into rows; returns how many. Raises what the SDK raises."""
    people = await _pages(client, "users.list", "members", {})
    channels = await _pages(
        client, "conversations.list", "channels", {"types": "public_channel,private_channel", "exclude_archived": True}
    )
    rows = [(p["id"], "user", p.get("name", "")) for p in people if not p.get("deleted")]
    rows += [(c["id"], "channel", c["name"]) for c in channels]
    await database.write(store, rows)
    return len(rows)


def store(db: Session, rows: list[tuple[str, str, str]]) -> None:
    """Write (id, kind, name) ROWS; what is gone from Slack stays known, because old cards may name it.

    A name that another one has now is theirs: cards go to a new channel of that name, and not to the archived one.
    """
    known = {row.id: row for row in db.exec(select(Directory))}
    theirs = {(kind, name): identifier for identifier, kind, name in rows}
    for row in known.values():
        if theirs.get((row.kind, row.name), row.id) != row.id:
            row.name = row.id
    for identifier, kind, name in rows:
        row = known.setdefault(identifier, Directory(id=identifier, kind=kind, name=name))
        row.kind, row.name = kind, name
        db.add(row)


def next_cursor(page: AsyncSlackResponse) -> str:
    """Return where the next page begins, empty after the last one."""
    metadata: dict[str, Any] = page.get("response_metadata") or {}
    return str(metadata.get("next_cursor") or "")


async def _pages(client: AsyncWebClient, method: str, key: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await client.api_call(method, params={**arguments, "limit": PAGE, "cursor": cursor})
        found += page[key]
        cursor = next_cursor(page)
        if not cursor:
            return found
