"""The page: a chat client in the browser, drawn on the server.

`routes` is mounted by the server beside the protocol. The page only reads the world; what a person does goes
through the same `/_sandbox/...` endpoints that tests use.
"""

from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from bot.sandbox import board, panels
from bot.sandbox.box import Sandbox
from bot.sandbox.feed import SHOWN, Feed, in_channel
from bot.sandbox.inspector import Tally
from bot.sandbox.look import channels_of, people, read_look, viewer_of
from bot.sandbox.serving import HEADERS, EventStream, sandbox_of
from bot.sandbox.stream import events, stamp
from bot.sandbox.templates import template
from bot.sandbox.texts import compact
from bot.sandbox.world import BOT_USER

STATIC = Path(__file__).parent / "static"


async def index(request: Request) -> Response:
    """Answer with the whole window."""
    sandbox = sandbox_of(request)
    world = sandbox.world
    look = read_look(world, request.query_params)
    viewer = viewer_of(world, look)
    drawn = panels.regions(sandbox, look, viewer, Tally())
    name = world.users[BOT_USER].name if look.home or look.channel.is_im else f"#{look.channel.name}"
    rows = "" if look.home else Feed(world).all(look, viewer)
    thread_rows = Feed(world, look.thread).all(look, viewer) if look.thread and not look.home else ""
    page = template(
        "page.html",
        title=f"{name} · {panels.WORKSPACE} · sandbox",
        look=look,
        workspace=panels.WORKSPACE,
        version=stamp(world),
        regions=drawn,
        rows=rows,
        older=0 if look.earlier or look.home else max(0, len(in_channel(world, look.channel.id)) - SHOWN),
        thread_rows=thread_rows,
        home_id=(world.homes.get(look.user.id) or {}).get("id", ""),
        hints=compact(hints(sandbox, look.user.id)),
        shortcuts=compact([
            {"id": shortcut.callback_id, "name": shortcut.name}
            for shortcut in sandbox.manifest.shortcuts.values()
            if shortcut.kind == "message"
        ]),
    )  # fmt: skip
    return HTMLResponse(str(page), headers=HEADERS)


def hints(sandbox: Sandbox, user: str) -> dict[str, list[dict[str, str]]]:
    """Return what the message box suggests after / @ and #."""
    world = sandbox.world
    commands = [
        {"text": command.name, "hint": command.usage_hint, "about": command.description}
        for command in sandbox.manifest.commands.values()
    ]
    folks = [{"text": f"@{person.name}", "about": person.real_name} for person in people(world)]
    app = {"text": f"@{world.users[BOT_USER].name}", "about": "the app"}
    rooms = [{"text": f"#{channel.name}"} for channel in channels_of(world, world.users[user])]
    return {"/": commands, "@": [app, *folks], "#": rooms}


async def stream(request: Request) -> Response:
    """Push changes of the window whose address this has."""
    sandbox = sandbox_of(request)
    look = read_look(sandbox.world, request.query_params)
    mark = request.headers.get("last-event-id") or request.query_params.get("after", "")
    return EventStream(events(sandbox, look, mark), headers=HEADERS)


async def message(request: Request) -> Response:
    """Answer with one message as the Web API stores it, for "Copy as JSON"."""
    world = sandbox_of(request).world
    channel = world.channel(request.query_params.get("channel", ""))
    found = world.message(channel.id, request.query_params.get("ts", "")) if channel else None
    if found is None:
        return JSONResponse({"ok": False, "error": "message_not_found"}, status_code=404, headers=HEADERS)
    return JSONResponse(found, headers=HEADERS)


async def permalink(request: Request) -> Response:
    """Lead an address in the form of Slack's (`/archives/C1/p1795420800000100`) to the message in this page."""
    channel, digits = request.path_params["channel"], request.path_params["message"].removeprefix("p")
    query = {"channel": channel, "thread": request.query_params.get("thread_ts", "")}
    query |= {"user": request.query_params.get("user", ""), "at": f"{digits[:-6]}.{digits[-6:]}"}
    return RedirectResponse(f"/?{urlencode({key: value for key, value in query.items() if value})}", status_code=303)


async def favicon(request: Request) -> Response:
    """Send browsers that ask by habit to the icon that we have."""
    return RedirectResponse("/_sandbox/static/icon.svg", status_code=308)


class Static(StaticFiles):
    """The style sheets, scripts and icons; always asked for again, so that an upgrade shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


routes: list[BaseRoute] = [
    Route("/", index, name="page"),
    Route("/archives/{channel}/{message}", permalink),
    Route("/favicon.ico", favicon),
    Route("/jira", board.index),
    Route("/jira/browse/{key}", board.issue),
    Route("/_sandbox/stream", stream),
    Route("/_sandbox/stream/board", board.stream),
    Route("/_sandbox/page/message", message),
    Mount("/_sandbox/static", Static(directory=STATIC), name="static"),
]
