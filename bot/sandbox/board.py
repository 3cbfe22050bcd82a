"""The page of the sandbox's Jira: a board of three columns and one page per issue.

Moving a card posts a transition to the REST API as any client would, so the bot hears of it in the same way as
of a move in the real Jira.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.sandbox.adf import document
from bot.sandbox.box import Sandbox
from bot.sandbox.look import read_look, viewer_of
from bot.sandbox.markup import tag
from bot.sandbox.panels import status_category
from bot.sandbox.rows import avatar
from bot.sandbox.serving import HEADERS, EventStream, sandbox_of
from bot.sandbox.templates import template
from bot.sandbox.texts import Json, dicts, words
from bot.sandbox.viewer import Viewer
from bot.sandbox.world import User, World

COLUMNS = (("new", "To Do"), ("indeterminate", "In Progress"), ("done", "Done"))
STATUSES = tuple(name for _, name in COLUMNS)
DONE_SHOWN = 30
KEEP_ALIVE_S = 15.0


async def index(request: Request) -> Response:
    """Answer with the board."""
    sandbox = sandbox_of(request)
    user, _ = _reader(sandbox, request)
    return _page(columns(sandbox, user), user, heading="Machine learning (ML)", title="ML board · sandbox")


async def issue(request: Request) -> Response:
    """Answer with one issue."""
    sandbox = sandbox_of(request)
    user, viewer = _reader(sandbox, request)
    key = request.path_params["key"]
    body = issue_body(sandbox, key, viewer)
    if body is None:
        missing = tag("p", f"There is no issue {key}.", class_="empty-home")
        return _page(missing, user, heading=key, title=f"{key} · sandbox", status=404)
    return _page(body, user, heading=key, title=f"{key} · sandbox", issue=key)


async def stream(request: Request) -> Response:
    """Push the board, or the issue page, whenever something about a ticket changed."""
    sandbox = sandbox_of(request)
    user, viewer = _reader(sandbox, request)
    return EventStream(_events(sandbox, user, viewer, request.query_params.get("issue", "")), headers=HEADERS)


async def _events(sandbox: Sandbox, user: User, viewer: Viewer, key: str) -> AsyncIterator[str]:
    shown: Markup | None = None
    version = -1
    while True:
        version = await sandbox.world.changed(version, KEEP_ALIVE_S)
        drawn = (issue_body(sandbox, key, viewer) or Markup("")) if key else columns(sandbox, user)
        if drawn == shown:
            yield ": still here\n\n"
            await asyncio.sleep(0.1)
            continue
        shown = drawn
        yield f"retry: 500\ndata: {json.dumps(str(drawn))}\n\n"


def columns(sandbox: Sandbox, user: User) -> Markup:
    """Return the three columns, newest issue first; done ones only as many as anyone reads."""
    cards: dict[str, list[dict[str, object]]] = {key: [] for key, _ in COLUMNS}
    for held in reversed(sandbox.world.issues.values()):
        key = status_category(held)
        cards.setdefault(key, []).append(_card(sandbox.world, held, user))
    listed = [
        {"key": key, "name": name, "issues": cards[key][: DONE_SHOWN if key == "done" else None]}
        for key, name in COLUMNS
    ]
    return template("_columns.html", columns=listed, statuses=STATUSES)


def issue_body(sandbox: Sandbox, key: str, viewer: Viewer) -> Markup | None:
    """Return the inside of an issue's page, or None."""
    held = sandbox.world.issues.get(key) or next(
        (one for one in sandbox.world.issues.values() if one.get("key") == key), None
    )
    if held is None:
        return None
    fields = _fields(held)
    comments = fields.get("comment")
    found = comments.get("comments") if isinstance(comments, dict) else held.get("comments")
    facts = [
        ("Assignee", _name(fields.get("assignee")) or "Unassigned"),
        ("Reporter", _name(fields.get("reporter")) or "–"),
        ("Priority", _named(fields.get("priority")) or "–"),
        ("Labels", ", ".join(map(str, fields.get("labels") or [])) or "–"),
        ("Created", _when(fields.get("created"), viewer)),
        ("Updated", _when(fields.get("updated"), viewer)),
    ]
    objects = [link["object"] for link in dicts(held.get("remotelinks")) if isinstance(link.get("object"), dict)]
    return template(
        "_issue.html",
        issue=_card(sandbox.world, held, None),
        statuses=STATUSES,
        description=document(fields.get("description")),
        comments=[_comment(sandbox.world, comment, viewer) for comment in dicts(found)],
        facts=facts,
        links=[(url, words(o.get("title"))) for o in objects if (url := words(o.get("url"))).startswith("http")],
    )


def _page(body: Markup, user: User, *, heading: str, title: str, issue: str = "", status: int = 200) -> HTMLResponse:
    html = template("board.html", body=body, user=user, heading=heading, title=title, issue=issue)
    return HTMLResponse(str(html), headers=HEADERS, status_code=status)


def _reader(sandbox: Sandbox, request: Request) -> tuple[User, Viewer]:
    look = read_look(sandbox.world, request.query_params)
    return look.user, viewer_of(sandbox.world, look)


def _fields(held: dict[str, Any]) -> dict[str, Any]:
    fields = held.get("fields")
    return fields if isinstance(fields, dict) else {}


def _card(world: World, held: dict[str, Any], user: User | None) -> dict[str, object]:
    fields = _fields(held)
    key = str(held.get("key", ""))
    return {
        "key": key,
        "address": f"/jira/browse/{key}?user={user.name}" if user else f"/jira/browse/{key}",
        "summary": words(fields.get("summary")),
        "type": _named(fields.get("issuetype")) or "Task",
        "status": _named(fields.get("status")) or "To Do",
        "priority": _named(fields.get("priority")) or "",
        "labels": [str(label) for label in fields.get("labels") or []],
        "face": _face(world, _name(fields.get("assignee"))),
    }


def _comment(world: World, comment: Json, viewer: Viewer) -> dict[str, object]:
    author = _name(comment.get("author")) or "somebody"
    when = _when(comment.get("created"), viewer)
    return {"author": author, "face": _face(world, author), "when": when, "body": document(comment.get("body"))}


def _named(value: object) -> str:
    return words(value.get("name")) if isinstance(value, dict) else ""


def _name(value: object) -> str:
    return words(value.get("displayName") or value.get("emailAddress")) if isinstance(value, dict) else ""


def _face(world: World, name: str) -> Markup:
    if not name:
        return tag("span", "–", class_="face nobody", title="Unassigned")
    known = next((user.id for user in world.users.values() if name in (user.real_name, user.name)), "")
    face = avatar(world, known, "face") if known else tag("span", name[:1].upper(), class_="face")
    return tag("span", face, title=name)


def _when(value: object, viewer: Viewer) -> str:
    """Read Jira's `2026-11-23T09:00:00.000+0100`."""
    try:
        return viewer.when(datetime.fromisoformat(str(value)).timestamp())
    except ValueError:
        return "–"
