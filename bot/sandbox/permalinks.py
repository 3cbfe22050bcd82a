"""`/archives/{channel}/p{ts}`: what chat.getPermalink hands out leads to the message on the page."""

import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.sandbox.box import Sandbox


def routes(sandbox: Sandbox) -> list[Route]:
    async def endpoint(request: Request) -> Response:
        channel = sandbox.world.channels.get(str(request.path_params["channel"]))
        found = re.fullmatch(r"p(\d+)(\d{6})", str(request.path_params["message"]))
        ts = f"{found[1]}.{found[2]}" if found else ""
        message = sandbox.world.message(channel.id, ts) if channel is not None else None
        if channel is None or message is None:
            return PlainTextResponse("There is no such message.", 404)
        root = message.get("thread_ts")
        thread = f"&thread={root}" if root else ""
        pane = "t" if root and root != ts else "m"
        return RedirectResponse(f"/?channel={channel.name or channel.id}{thread}#{pane}-{ts}")

    return [Route("/archives/{channel}/{message}", endpoint, methods=["GET"])]
