"""Answers to an interaction: the payload of an ack, and what is POSTed to a response_url.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.sandbox import losses
from bot.sandbox.api.chat import by_app
from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.clock import real_epoch
from bot.sandbox.content import is_empty, message_content
from bot.sandbox.errors import SlackError
from bot.sandbox.interactions import ResponseUrl
from bot.sandbox.world import Channel, User

METHOD = "response_url"
"""How faults and the record of calls name it."""


def routes(sandbox: Sandbox) -> list[Route]:
    async def endpoint(request: Request) -> Response:
        ident = str(request.path_params["ident"])
        call = {"api": "slack", "at": real_epoch(), "clock": sandbox.world.clock.now().isoformat()}
        await asyncio.sleep(sandbox.faults.amount("slow_ms", METHOD) / 1000)
        if (broken := _broken(sandbox)) is not None:
            record = {"method": METHOD, "args": {}, "status": broken.status_code, "error": "fault"}
            sandbox.world.record_call(call | record)
            return broken
        error, body = "", {}
        try:
            body = json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise SlackError("invalid_payload")
            respond(sandbox, body, sandbox.response_urls.use(ident))
        except ValueError:
            error = "invalid_payload"
        except SlackError as refusal:
            error = refusal.error
        status = 200 if not error else 404 if error in ("used_url", "expired_url") else 400
        loss = losses.struck(sandbox.faults, METHOD, frozenset({METHOD})) if not error else None
        outcome = loss.name if loss is not None else error or None
        sandbox.world.record_call(call | {"method": METHOD, "args": body, "status": status, "error": outcome})
        if loss is not None:
            await losses.lose(loss, request)
        return JSONResponse({"ok": not error} | ({"error": error} if error else {}), status)

    return [Route("/_sandbox/response/{ident}", endpoint, methods=["POST"])]


def _broken(sandbox: Sandbox) -> Response | None:
    """Return what a fault answers before anything is done."""
    for name, status in (("slack_down", 503), ("server_error", 500)):
        if (struck := sandbox.faults.strikes(name, METHOD)) is not None:
            return HTMLResponse(f"<html>{name}</html>", int(struck.get("status", status)))
    wait = sandbox.faults.too_fast(METHOD)
    return None if wait is None else PlainTextResponse("rate_limited", 429, {"Retry-After": str(wait)})


def acked(sandbox: Sandbox, payload: Any, user: User, channel: Channel) -> None:
    """Show what a command's ack carried: a text, or a message. Raises SlackError for one that Slack refuses."""
    body = {"text": payload} if isinstance(payload, str) else payload
    if isinstance(body, dict) and body:
        respond(sandbox, body, ResponseUrl(user.id, channel.id, sandbox.world.clock.now()))


def respond(sandbox: Sandbox, body: dict[str, Any], to: ResponseUrl) -> None:
    """Replace, delete, or say something new, to one person or to the channel."""
    if body.get("delete_original"):
        _delete(sandbox, to)
        return
    content = message_content(Args(body))
    if is_empty(content):
        raise SlackError("no_text")
    if body.get("replace_original") and to.ts:
        _replace(sandbox, to, content)
        return
    thread_ts = body.get("thread_ts") or ("" if "thread_ts" in body else to.thread_ts)
    if thread_ts:
        content["thread_ts"] = str(thread_ts)
    if body.get("response_type") == "in_channel":
        shown = sandbox.world.add_message(to.channel, by_app(sandbox) | {"text": ""} | content, "app")
    else:
        content.pop("metadata", None)
        shown = sandbox.world.add_ephemeral(to.user, to.channel, content)
    if not to.ts:
        to.ts, to.ephemeral = shown["ts"], body.get("response_type") != "in_channel"


def refuse(sandbox: Sandbox, user: User, channel: Channel, text: str) -> None:
    """Let Slackbot tell `user` in words that Slack itself refused something."""
    sandbox.world.add_ephemeral(user.id, channel.id, {"text": text}, "slack")


def _original(sandbox: Sandbox, to: ResponseUrl) -> dict[str, Any] | None:
    if not to.ephemeral:
        return sandbox.world.message(to.channel, to.ts)
    shown = sandbox.world.ephemerals
    return next((one for one in reversed(shown) if one["ts"] == to.ts and one["user"] == to.user), None)


def _delete(sandbox: Sandbox, to: ResponseUrl) -> None:
    original = _original(sandbox, to)
    if original is None:
        return
    if to.ephemeral:
        original["gone"] = True
        sandbox.world.touch("ephemeral", "app", channel=to.channel, user=to.user, ref=to.ts)
    elif not original.get("deleted"):
        sandbox.world.remove_message(to.channel, original, "app")


def _replace(sandbox: Sandbox, to: ResponseUrl, content: dict[str, Any]) -> None:
    original = _original(sandbox, to)
    if original is None or original.get("deleted"):
        raise SlackError("message_not_found")
    for key in ("blocks", "attachments"):
        original.pop(key, None)
    original |= {"text": ""} | content
    if to.ephemeral:
        original["gone"] = False
        sandbox.world.touch("ephemeral", "app", channel=to.channel, user=to.user, ref=to.ts)
    else:
        sandbox.world.touch("message", "app", channel=to.channel, ref=to.ts)
