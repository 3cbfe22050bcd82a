"""The frame around Jira's endpoints: who may call, limits, faults, the record of calls."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from bot.sandbox import losses
from bot.sandbox.box import Sandbox
from bot.sandbox.clock import real_epoch
from bot.sandbox.jira import vocabulary as v
from bot.sandbox.jira.issues import Issues
from bot.sandbox.jira.refusal import Refusal
from bot.sandbox.settings import JIRA_TOKEN
from bot.sandbox.world import BOT_USER, Cause, User

ONLY_IF_NAMED: frozenset[str] = frozenset()  # accept_then_* strike Jira only when its methods are named


@dataclass(frozen=True)
class Ask:
    """One request, decoded. `by` is who the e-mail stands for: a person, or the app for any other address."""

    issues: Issues
    sandbox: Sandbox
    path: dict[str, str]
    query: dict[str, str]
    body: Any
    by: User

    @property
    def cause(self) -> Cause:
        return "app" if self.by.is_bot else "person"

    def object(self) -> dict[str, Any]:
        """Return the body as an object. Raises Refusal."""
        if not isinstance(self.body, dict):
            raise Refusal(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        return self.body


Reply = tuple[int, Any]
Endpoint = Callable[[Ask], Reply]


async def answer(sandbox: Sandbox, issues: Issues, name: str, endpoint: Endpoint, request: Request) -> Response:
    """Run one endpoint. `name` is what calls and faults know it by ("POST issue")."""
    issues.address = sandbox.address
    call = {"api": "jira", "at": real_epoch(), "clock": sandbox.world.clock.now().isoformat(), "method": name}
    delay = sandbox.faults.amount("slow_ms", name)
    if delay:
        await asyncio.sleep(delay / 1000)
    status, error, args = 200, "", dict(request.path_params) | dict(request.query_params)
    response = Response()
    try:
        if (down := sandbox.faults.strikes("jira_down", name)) is not None:
            status, error = int(down.get("status", 503)), "jira_down"
            response = HTMLResponse("<html>Jira is down</html>", status)
        else:
            by = _caller(sandbox, request)
            _strike(sandbox, name)
            body = _decode(await request.body())
            args |= body if isinstance(body, dict) else {}
            _limit(sandbox, request)
            ask = Ask(issues, sandbox, dict(request.path_params), dict(request.query_params), body, by)
            status, content = endpoint(ask)
            response = JSONResponse(content, status) if content is not None else Response(status_code=status)
    except Refusal as refusal:
        status = refusal.status
        error = "; ".join([*refusal.body["errorMessages"], *refusal.body["errors"].values()])
        response = JSONResponse(refusal.body, status, refusal.headers)
    loss = losses.struck(sandbox.faults, name, ONLY_IF_NAMED) if not error else None
    outcome = loss.name if loss is not None else error or None
    sandbox.world.record_call(call | {"args": args, "status": status, "error": outcome})
    if loss is not None:
        await losses.lose(loss, request)
    return response


def _caller(sandbox: Sandbox, request: Request) -> User:
    """Return who calls: any e-mail with the token `sandbox`. Raises Refusal 401."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    refusal = Refusal(
        401,
        "Client must be authenticated to access this resource.",
        headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED", "WWW-Authenticate": 'Basic realm="protected-area"'},
    )
    if scheme.lower() != "basic":
        raise refusal
    try:
        email, _, token = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refusal from error
    if token != JIRA_TOKEN or not email:
        raise refusal
    user = sandbox.world.user(email.partition("@")[0])
    return user if user is not None else sandbox.world.users[BOT_USER]


def _strike(sandbox: Sandbox, name: str) -> None:
    if (limited := sandbox.faults.strikes("jira_rate_limit", name)) is not None:
        raise _too_many(int(limited.get("retry_after", 5)), str(limited.get("reason", "jira-burst-based")))
    if (broken := sandbox.faults.strikes("jira_error", name)) is not None:
        raise Refusal(int(broken.get("status", 500)), str(broken.get("message", "Internal server error")))


def _limit(sandbox: Sandbox, request: Request) -> None:
    """Per issue 20 writes in 2 s and 100 in 30 s; per kind of request 100 a second (PUT, DELETE 50)."""
    verb, rates = request.method, sandbox.rates
    per_s = 50 if verb in ("PUT", "DELETE") else 100
    if rates.window(f"jira/{verb}/{request.scope.get('route')}", per_s, 1.0):
        raise _too_many(1, "jira-burst-based")
    key = request.path_params.get("key")
    if verb == "GET" or key is None:
        return
    for most, seconds in ((20, 2.0), (100, 30.0)):
        wait = rates.window(f"jira/{key}/{seconds}", most, seconds)
        if wait:
            raise _too_many(wait, "jira-per-issue-on-write")


def _too_many(retry_after: int, reason: str) -> Refusal:
    headers = {
        "Retry-After": str(retry_after),
        "RateLimit-Reason": reason,
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "0",
    }
    return Refusal(429, "Rate limit exceeded.", headers=headers)


def _decode(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise Refusal(400, "Invalid request payload. Refer to the REST API documentation and try again.") from error


def user_of(ask: Ask, ident: Any) -> User | None:
    """Return the user with this accountId. Raises Refusal 404."""
    if ident is None:
        return None
    user = v.by_account(ask.issues.world, str(ident))
    if user is None:
        raise Refusal(404, f"User '{ident}' does not exist.")
    return user
