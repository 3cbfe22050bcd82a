"""`/api/{method}`: who may call, how often, what goes wrong on purpose; the methods themselves are in `api/`.

https://docs.slack.dev/apis/web-api
"""

import asyncio
import json
import logging
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bot.sandbox import losses
from bot.sandbox.api import accounts, chat, conversations, marks, validate, views
from bot.sandbox.api.method import Method, Methods
from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.clock import real_epoch
from bot.sandbox.errors import SlackError
from bot.sandbox.rates import POST_BURST, POSTS_PER_MIN, POSTS_PER_S, SPECIAL, TIER
from bot.sandbox.settings import APP_TOKEN, BOT_TOKEN

logger = logging.getLogger(__name__)

METHODS: Methods = {
    **accounts.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **marks.METHODS,
    **validate.METHODS,
    **views.METHODS,
}
WRITING = frozenset(name for name, method in METHODS.items() if method.writes)
WITHOUT_TOKEN = frozenset({"blocks.validate", "api.test"})
STRUCTURES = ("blocks", "attachments", "metadata", "view")


class TooFast(Exception):
    """The call is over a limit; becomes a 429."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def routes(sandbox: Sandbox) -> list[Route]:
    async def endpoint(request: Request) -> Response:
        return await _call(sandbox, request)

    return [Route("/api/{method}", endpoint, methods=["GET", "POST"])]


async def _call(sandbox: Sandbox, request: Request) -> Response:
    name = str(request.path_params["method"])
    call = {"api": "slack", "at": real_epoch(), "clock": sandbox.world.clock.now().isoformat(), "method": name}
    values: dict[str, Any] = {}
    delay = sandbox.faults.amount("slow_ms", name)
    if delay:
        await asyncio.sleep(delay / 1000)
    status, error, response = 200, "", Response()
    if (down := sandbox.faults.strikes("slack_down", name)) is not None:
        status, error = int(down.get("status", 503)), "slack_down"
        response = HTMLResponse("<html>down</html>", status, {"Retry-After": "1"})
    else:
        try:
            values, token = await _arguments(request)
            body = _answer(sandbox, name, Args(values), token)
            response = _json(sandbox, {"ok": True} | body)
            error = str(body.get("error", ""))
        except TooFast as fast:
            status, error = 429, "ratelimited"
            headers = {"Retry-After": str(fast.retry_after)}
            response = JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers)
        except SlackError as refusal:
            error = refusal.error
            response = _json(sandbox, {"ok": False, "error": error} | refusal.extra)
        except Broken as broken:
            status, error = broken.status, "server_error"
            response = HTMLResponse("<html>server error</html>", status)
    loss = losses.struck(sandbox.faults, name, WRITING) if not error else None
    outcome = loss.name if loss is not None else error or None
    sandbox.world.record_call(call | {"args": _readable(values), "status": status, "error": outcome})
    if loss is not None:
        await losses.lose(loss, request)
    return response


class Broken(Exception):
    """The fault server_error strikes before anything is done."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _answer(sandbox: Sandbox, name: str, args: Args, token: str) -> dict[str, Any]:
    method = METHODS.get(name)
    if name not in WITHOUT_TOKEN:
        _check_token(sandbox, name, token)
    if name == "api.test":
        return {"args": args.values}
    if method is None:
        raise SlackError("unknown_method", req_method=name)
    _check_scope(sandbox, name, method)
    _check_rate(sandbox, name, method, args)
    if (broken := sandbox.faults.strikes("server_error", name)) is not None:
        raise Broken(int(broken.get("status", 500)))
    if (refused := sandbox.faults.strikes("slack_error", name)) is not None:
        raise SlackError(str(refused.get("error") or refused.get("value") or "internal_error"))
    return method.run(sandbox, args)


def _check_token(sandbox: Sandbox, name: str, token: str) -> None:
    if not token:
        raise SlackError("not_authed")
    if token not in (BOT_TOKEN, APP_TOKEN):
        raise SlackError("invalid_auth")
    if sandbox.faults.strikes("token_revoked", name) is not None:
        raise SlackError("token_revoked")
    if (token == APP_TOKEN) != (name == "apps.connections.open") and name in METHODS:
        raise SlackError("not_allowed_token_type")


def _check_scope(sandbox: Sandbox, name: str, method: Method) -> None:
    granted = _granted(sandbox)
    struck = (
        bool(method.scopes)
        and len(granted) == len(sandbox.manifest.scopes)
        and sandbox.faults.strikes("missing_scope", name) is not None
    )
    if struck or (method.scopes and not set(granted).intersection(method.scopes)):
        raise SlackError("missing_scope", needed=method.scopes[0], provided=",".join(granted))


def _granted(sandbox: Sandbox) -> list[str]:
    """Return the manifest's scopes without those that the fault `missing_scope` names."""
    fault = sandbox.faults.options("missing_scope") or {}
    named = fault.get("scopes") or fault.get("value") or fault.get("methods") or ()
    taken = {named} if isinstance(named, str) else set(named)
    return [scope for scope in sandbox.manifest.scopes if scope not in taken]


def _check_rate(sandbox: Sandbox, name: str, method: Method, args: Args) -> None:
    """Raise TooFast."""
    rates, fault = sandbox.rates, sandbox.faults.options("rate_limit") or {}
    if (struck := sandbox.faults.too_fast(name)) is not None:
        raise TooFast(struck)
    if fault.get("off"):
        return
    if method.tier == "post":
        rate = float(fault.get("post_per_s", POSTS_PER_S))
        burst = int(fault.get("post_burst", POST_BURST if rate >= POSTS_PER_S else 1))
        channel = sandbox.world.channel(args.text("channel"))
        wait = rates.per_second(f"post/{channel.id if channel else args.text('channel')}", rate, max(burst, int(rate)))
        wait = wait or rates.per_minute(name, max(POSTS_PER_MIN, rate * 60))
    elif name == "chat.update":
        wait = rates.per_minute(name, float(fault.get("update_per_min", TIER[3])))
    else:
        wait = rates.per_minute(name, SPECIAL if method.tier == "special" else TIER[method.tier])
    if wait:
        raise TooFast(wait)


async def _arguments(request: Request) -> tuple[dict[str, Any], str]:
    """Return the arguments and the token; the header wins over an argument `token`."""
    values: dict[str, Any] = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if request.method == "POST" and kind.startswith("application/json"):
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError as error:
            raise SlackError("invalid_json") from error
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        values |= body
    elif request.method == "POST":
        values |= dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = str(values.pop("token", ""))
    return values, token.strip() if scheme.lower() == "bearer" else given


def _json(sandbox: Sandbox, body: dict[str, Any]) -> Response:
    headers = {
        "X-OAuth-Scopes": ",".join(_granted(sandbox)),
        "X-Accepted-OAuth-Scopes": "",
        "X-Slack-Req-Id": sandbox.world.new_id("R"),
    }
    return JSONResponse(body, headers=headers)


def _readable(values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with JSON in strings decoded, so that all calls read alike."""
    shown = dict(values)
    for name in STRUCTURES:
        if isinstance(shown.get(name), str):
            try:
                shown[name] = json.loads(shown[name])
            except ValueError:
                logger.debug("not JSON: %s", name)
    return shown
