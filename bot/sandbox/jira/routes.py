"""All of Jira's addresses, and two by which a test acts as a person in Jira without authentication."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.asked import BadAct, body_of
from bot.sandbox.box import Sandbox
from bot.sandbox.jira import about, search, work
from bot.sandbox.jira import vocabulary as v
from bot.sandbox.jira.issues import Issues
from bot.sandbox.jira.refusal import Refusal
from bot.sandbox.jira.rest import Ask, Endpoint, Reply, answer
from bot.sandbox.world import User


def routes(sandbox: Sandbox) -> list[Route]:
    issues = Issues(sandbox.world, sandbox.hooks)
    listed = [*search.ENDPOINTS, *about.ENDPOINTS, *work.ENDPOINTS]
    made = [
        Route(path, _endpoint(sandbox, issues, name, endpoint), methods=[verb]) for verb, path, name, endpoint in listed
    ]
    verbs = ["GET", "POST", "PUT", "DELETE"]
    unknown = _endpoint(sandbox, issues, "unknown", _unknown)
    return [
        *made,
        Route("/jira/rest/{path:path}", unknown, methods=verbs),
        Route("/jira/_edge/tenant_info", _tenant, methods=["GET"]),
        Route("/jira/_move", _as_person(issues), methods=["POST"]),
        Route("/_sandbox/jira", _as_person(issues), methods=["POST"]),
    ]


def _endpoint(
    sandbox: Sandbox, issues: Issues, name: str, endpoint: Endpoint
) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        return await answer(sandbox, issues, name, endpoint, request)

    return run


def _unknown(_ask: Ask) -> Reply:
    raise Refusal(404, "null for uri: there is no such resource in the sandbox")


async def _tenant(_request: Request) -> Response:
    return JSONResponse({"cloudId": "00000000-5a4d-4b0c-8000-000000000000"})


def _as_person(issues: Issues) -> Callable[[Request], Awaitable[Response]]:
    """`{key, user?, status?, assignee?, summary?, labels?, priority?}`: a person changes an issue in Jira."""

    async def run(request: Request) -> Response:
        try:
            body = await body_of(request)
            issue = issues.get(str(body.get("key", "")))
            _change(issues, issue, body)
        except BadAct as refusal:
            return JSONResponse({"ok": False, "error": str(refusal)}, 400)
        except Refusal as refusal:
            texts = [*refusal.body["errorMessages"], *refusal.body["errors"].values()]
            return JSONResponse({"ok": False, "error": "; ".join(texts)}, 400)
        return JSONResponse({"ok": True, "error": None, "issue": issue})

    return run


def _change(issues: Issues, issue: dict[str, Any], body: dict[str, Any]) -> None:
    by = _who(issues, str(body.get("user") or "dana"))
    fields: dict[str, Any] = {name: body[name] for name in ("summary", "labels") if name in body}
    if "priority" in body:
        fields["priority"] = {"name": body["priority"]}
    if "assignee" in body:
        assignee = body["assignee"]
        fields["assignee"] = {"accountId": v.account_id(_who(issues, str(assignee)))} if assignee else None
    if fields:
        issues.edit(issue, {"fields": fields}, by, "person")
    if "status" in body:
        wanted = str(body["status"]).lower()
        ident = next((one for one, status in v.TRANSITIONS.items() if status["name"].lower() == wanted), None)
        if ident is None:
            raise BadAct(f"no such status: {body['status']!r}")
        issues.transition(issue, {"transition": {"id": ident}}, by, "person")


def _who(issues: Issues, ref: str) -> User:
    user = issues.world.user(ref)
    if user is None:
        raise BadAct(f"no such user: {ref!r}")
    return user
