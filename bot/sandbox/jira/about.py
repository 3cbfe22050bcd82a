"""What a client asks before it works: who am I, what may I, what is there.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/
"""

from typing import Any

from bot.sandbox.jira import vocabulary as v
from bot.sandbox.jira.issues import written
from bot.sandbox.jira.refusal import Refusal
from bot.sandbox.jira.rest import Ask, Endpoint, Reply

PERMISSIONS = (
    "BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "LINK_ISSUES", "TRANSITION_ISSUES", "ADD_COMMENTS",
    "ASSIGN_ISSUES", "ASSIGNABLE_USER", "EDIT_OWN_COMMENTS", "DELETE_OWN_COMMENTS",
)  # fmt: skip
FIELDS: tuple[tuple[str, str, str, bool], ...] = (
    ("summary", "Summary", "string", True),
    ("issuetype", "Issue Type", "issuetype", True),
    ("project", "Project", "project", True),
    ("description", "Description", "string", False),
    ("labels", "Labels", "array", False),
    ("priority", "Priority", "priority", False),
    ("assignee", "Assignee", "user", False),
    ("reporter", "Reporter", "user", False),
    ("duedate", "Due date", "date", False),
)


def myself(ask: Ask) -> Reply:
    return 200, v.account(ask.by)


def permissions(ask: Ask) -> Reply:
    wanted = [name for name in ask.query.get("permissions", ",".join(PERMISSIONS)).split(",") if name]
    project = ask.query.get("projectKey")
    if project is not None and project != v.PROJECT["key"]:
        raise Refusal(404, f"No project could be found with key '{project}'.")
    shown = {
        name: {"id": str(at), "key": name, "name": name.replace("_", " ").capitalize(), "type": "PROJECT"}
        | {"havePermission": name in PERMISSIONS}
        for at, name in enumerate(wanted, start=1)
    }
    return 200, {"permissions": shown}


def server_info(ask: Ask) -> Reply:
    return 200, {
        "baseUrl": f"{ask.sandbox.address}/jira",
        "version": "1001.0.0-SANDBOX",
        "versionNumbers": [1001, 0, 0],
        "deploymentType": "Cloud",
        "buildNumber": 100_000,
        "serverTime": written(ask.sandbox.world.clock.now()),
        "scmInfo": "sandbox",
        "serverTitle": "Sandbox Jira",
    }


def project(ask: Ask) -> Reply:
    if ask.path["project"] not in (v.PROJECT["key"], v.PROJECT["id"]):
        raise Refusal(404, f"No project could be found with key '{ask.path['project']}'.")
    return 200, {
        **v.PROJECT,
        "issueTypes": list(v.TYPES),
        "self": f"{ask.sandbox.address}/jira/rest/api/3/project/10000",
    }


def projects(_ask: Ask) -> Reply:
    return 200, {"startAt": 0, "maxResults": 50, "total": 1, "isLast": True, "values": [v.PROJECT]}


def project_statuses(ask: Ask) -> Reply:
    project(ask)
    return 200, [{**one, "statuses": list(v.STATUSES)} for one in v.TYPES]


def create_types(ask: Ask) -> Reply:
    project(ask)
    types = list(v.TYPES)
    return 200, {"startAt": 0, "maxResults": 50, "total": len(types), "issueTypes": types}


def create_fields(ask: Ask) -> Reply:
    project(ask)
    if not any(one["id"] == ask.path["type"] for one in v.TYPES):
        raise Refusal(404, f"Issue type with id '{ask.path['type']}' does not exist.")
    listed: list[dict[str, Any]] = []
    for ident, name, kind, required in FIELDS:
        field = {"fieldId": ident, "key": ident, "name": name, "required": required, "operations": ["set"]}
        field |= {"schema": {"type": kind, "system": ident}, "hasDefaultValue": ident in ("priority", "reporter")}
        if ident == "priority":
            field["allowedValues"] = list(v.PRIORITIES)
        listed.append(field)
    return 200, {"startAt": 0, "maxResults": 50, "total": len(listed), "fields": listed}


def priorities(_ask: Ask) -> Reply:
    return 200, list(v.PRIORITIES)


def priority_page(_ask: Ask) -> Reply:
    values = list(v.PRIORITIES)
    return 200, {"startAt": 0, "maxResults": 50, "total": len(values), "isLast": True, "values": values}


def statuses(_ask: Ask) -> Reply:
    return 200, list(v.STATUSES)


def types(_ask: Ask) -> Reply:
    return 200, list(v.TYPES)


def fields(_ask: Ask) -> Reply:
    return 200, [{"id": ident, "key": ident, "name": name, "custom": False} for ident, name, _, _ in FIELDS]


def users(ask: Ask) -> Reply:
    """Find people by a part of their name or e-mail address."""
    wanted = ask.query.get("query", "").lower()
    people = [v.account(user) for user in ask.sandbox.world.users.values() if not user.is_bot]
    return 200, [one for one in people if wanted in f"{one['displayName']} {one['emailAddress']}".lower()]


def user(ask: Ask) -> Reply:
    found = v.by_account(ask.sandbox.world, ask.query.get("accountId", ""))
    if found is None:
        raise Refusal(404, "Specified user does not exist or you do not have required permissions")
    return 200, v.account(found)


ROOT = "/jira/rest/api/3"
ENDPOINTS: tuple[tuple[str, str, str, Endpoint], ...] = (
    ("GET", f"{ROOT}/myself", "GET myself", myself),
    ("GET", f"{ROOT}/mypermissions", "GET mypermissions", permissions),
    ("GET", f"{ROOT}/serverInfo", "GET serverInfo", server_info),
    ("GET", f"{ROOT}/project/search", "GET project/search", projects),
    ("GET", f"{ROOT}/project/{{project}}", "GET project", project),
    ("GET", f"{ROOT}/project/{{project}}/statuses", "GET project/statuses", project_statuses),
    ("GET", f"{ROOT}/issue/createmeta/{{project}}/issuetypes", "GET issue/createmeta", create_types),
    ("GET", f"{ROOT}/issue/createmeta/{{project}}/issuetypes/{{type}}", "GET issue/createmeta", create_fields),
    ("GET", f"{ROOT}/priority", "GET priority", priorities),
    ("GET", f"{ROOT}/priority/search", "GET priority/search", priority_page),
    ("GET", f"{ROOT}/status", "GET status", statuses),
    ("GET", f"{ROOT}/issuetype", "GET issuetype", types),
    ("GET", f"{ROOT}/field", "GET field", fields),
    ("GET", f"{ROOT}/user", "GET user", user),
    ("GET", f"{ROOT}/user/search", "GET user/search", users),
    ("GET", f"{ROOT}/user/assignable/search", "GET user/assignable/search", users),
)
