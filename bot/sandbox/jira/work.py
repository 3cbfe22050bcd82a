"""Endpoints on issues: create, read, change, move, link, comment.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
"""

from typing import Any

from bot.sandbox.jira import edits
from bot.sandbox.jira import vocabulary as v
from bot.sandbox.jira.issues import Issue
from bot.sandbox.jira.refusal import Refusal
from bot.sandbox.jira.rest import Ask, Endpoint, Reply, user_of

GLOBAL_ID = 255


def create(ask: Ask) -> Reply:
    issue = ask.issues.create(ask.object(), ask.by, ask.cause)
    return 201, {key: issue[key] for key in ("id", "key", "self")}


def get(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    wanted = ask.query.get("fields", "*all").split(",")
    held = ask.query["properties"].split(",") if "properties" in ask.query else []
    answer = shown(issue, issue["fields"], wanted, held)
    if "changelog" in ask.query.get("expand", ""):
        histories = list(reversed(issue["changelog"]))
        answer["changelog"] = {"startAt": 0, "maxResults": len(histories), "total": len(histories)}
        answer["changelog"]["histories"] = histories
    return 200, answer


def edit(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    ask.issues.edit(issue, ask.object(), ask.by, ask.cause)
    if ask.query.get("returnIssue") == "true":
        return 200, shown(issue, issue["fields"], ["*all"], [])
    return 204, None


def assign(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    user = user_of(ask, ask.object().get("accountId"))
    fields = {"assignee": {"accountId": v.account_id(user)} if user else None}
    ask.issues.edit(issue, {"fields": fields}, ask.by, ask.cause)
    return 204, None


def transitions(ask: Ask) -> Reply:
    ask.issues.get(ask.path["key"])
    listed = [
        {
            "id": ident,
            "name": status["name"],
            "to": status,
            "hasScreen": False,
            "isGlobal": True,
            "isInitial": False,
            "isAvailable": True,
            "isConditional": False,
            "fields": {},
        }
        for ident, status in v.TRANSITIONS.items()
    ]
    return 200, {"expand": "transitions", "transitions": listed}


def transition(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    ask.issues.transition(issue, ask.object(), ask.by, ask.cause)
    return 204, None


def links(ask: Ask) -> Reply:
    found = ask.issues.get(ask.path["key"])["remotelinks"]
    wanted = ask.query.get("globalId")
    if wanted is None:
        return 200, found
    one = next((link for link in found if link.get("globalId") == wanted), None)
    if one is None:
        raise Refusal(404, f"A remote link with global id '{wanted}' does not exist.")
    return 200, one


def link(ask: Ask) -> Reply:
    """An upsert by globalId: 201 made, 200 replaced; what is left out becomes null."""
    issue, body = ask.issues.get(ask.path["key"]), ask.object()
    thing = body.get("object")
    errors = {
        f"object.{name}": f"'{name}' is required."
        for name in ("url", "title")
        if not isinstance(thing, dict) or not thing.get(name)
    }
    if len(str(body.get("globalId") or "")) > GLOBAL_ID:
        errors["globalId"] = f"'globalId' must be at most {GLOBAL_ID} characters."
    if errors:
        raise Refusal(400, errors=errors)
    ident = body.get("globalId")
    kept = {name: body.get(name) for name in ("globalId", "application", "relationship", "object")}
    found = next((one for one in issue["remotelinks"] if ident and one["globalId"] == ident), None)
    status = 201 if found is None else 200
    if found is not None:
        found |= kept
    else:
        number = 10_000 + sum(len(one["remotelinks"]) for one in ask.issues.world.issues.values())
        found = {"id": number, "self": f"{issue['self']}/remotelink/{number}", **kept}
        issue["remotelinks"].append(found)
    ask.issues.touched(issue, ask.cause)
    return status, {"id": found["id"], "self": found["self"]}


def unlink(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    wanted = ask.query.get("globalId")
    left = [one for one in issue["remotelinks"] if one.get("globalId") != wanted]
    if len(left) == len(issue["remotelinks"]):
        raise Refusal(404, f"A remote link with global id '{wanted}' does not exist.")
    issue["remotelinks"] = left
    ask.issues.touched(issue, ask.cause)
    return 204, None


def comments(ask: Ask) -> Reply:
    found = ask.issues.get(ask.path["key"])["fields"]["comment"]["comments"]
    return 200, {"startAt": 0, "maxResults": 5000, "total": len(found), "comments": found}


def add_comment(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    return 201, ask.issues.comment(issue, ask.object(), ask.by, ask.cause)


def comment(ask: Ask) -> Reply:
    return 200, _comment(ask)[1]


def edit_comment(ask: Ask) -> Reply:
    issue, found = _comment(ask)
    found["body"] = edits.adf(ask.object().get("body"), "comment")
    found["updateAuthor"] = v.account(ask.by)
    ask.issues.touched(issue, ask.cause)
    return 200, found


def delete_comment(ask: Ask) -> Reply:
    issue, found = _comment(ask)
    held = issue["fields"]["comment"]
    held["comments"].remove(found)
    held["total"] = held["maxResults"] = len(held["comments"])
    ask.issues.touched(issue, ask.cause)
    return 204, None


def properties(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    return 200, {"keys": [{"key": key, "self": f"{issue['self']}/properties/{key}"} for key in issue["properties"]]}


def get_property(ask: Ask) -> Reply:
    held = ask.issues.get(ask.path["key"])["properties"]
    name = ask.path["property"]
    if name not in held:
        raise Refusal(404, f"The property with key '{name}' does not exist.")
    return 200, {"key": name, "value": held[name]}


def set_property(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    name = edits.property_key(ask.path["property"])
    status = 200 if name in issue["properties"] else 201
    issue["properties"][name] = edits.property_value(ask.body)
    ask.issues.touched(issue, ask.cause)
    return status, None


def delete_property(ask: Ask) -> Reply:
    issue = ask.issues.get(ask.path["key"])
    if issue["properties"].pop(ask.path["property"], None) is None:
        raise Refusal(404, f"The property with key '{ask.path['property']}' does not exist.")
    ask.issues.touched(issue, ask.cause)
    return 204, None


def shown(issue: Issue, fields: dict[str, Any], wanted: list[str], properties: list[str]) -> dict[str, Any]:
    """Return an issue with the wanted fields ("*all", "*navigable", "id", names, "-name") and properties."""
    names = [name.strip() for name in wanted if name.strip()]
    answer = {"expand": "", **{key: issue[key] for key in ("id", "key", "self")}}
    every = "*all" in names or "*navigable" in names or (bool(names) and all(n.startswith("-") for n in names))
    minus = {name[1:] for name in names if name.startswith("-")}
    kept = {name: value for name, value in fields.items() if (every or name in names) and name not in minus}
    if kept or set(names) - {"id", "key"}:
        answer["fields"] = kept
    if properties:
        every_one = "*all" in properties
        answer["properties"] = {
            key: value for key, value in issue["properties"].items() if every_one or key in properties
        }
    return answer


def _comment(ask: Ask) -> tuple[Issue, dict[str, Any]]:
    issue = ask.issues.get(ask.path["key"])
    listed: list[dict[str, Any]] = issue["fields"]["comment"]["comments"]
    found = next((one for one in listed if one["id"] == ask.path["comment"]), None)
    if found is None:
        raise Refusal(404, "Can not find a comment for the id: " + ask.path["comment"])
    return issue, found


ISSUE = "/jira/rest/api/3/issue"
ENDPOINTS: tuple[tuple[str, str, str, Endpoint], ...] = (
    ("POST", ISSUE, "POST issue", create),
    ("GET", f"{ISSUE}/{{key}}", "GET issue", get),
    ("PUT", f"{ISSUE}/{{key}}", "PUT issue", edit),
    ("PUT", f"{ISSUE}/{{key}}/assignee", "PUT issue/assignee", assign),
    ("GET", f"{ISSUE}/{{key}}/transitions", "GET issue/transitions", transitions),
    ("POST", f"{ISSUE}/{{key}}/transitions", "POST issue/transitions", transition),
    ("GET", f"{ISSUE}/{{key}}/remotelink", "GET issue/remotelink", links),
    ("POST", f"{ISSUE}/{{key}}/remotelink", "POST issue/remotelink", link),
    ("DELETE", f"{ISSUE}/{{key}}/remotelink", "DELETE issue/remotelink", unlink),
    ("GET", f"{ISSUE}/{{key}}/comment", "GET issue/comment", comments),
    ("POST", f"{ISSUE}/{{key}}/comment", "POST issue/comment", add_comment),
    ("GET", f"{ISSUE}/{{key}}/comment/{{comment}}", "GET issue/comment", comment),
    ("PUT", f"{ISSUE}/{{key}}/comment/{{comment}}", "PUT issue/comment", edit_comment),
    ("DELETE", f"{ISSUE}/{{key}}/comment/{{comment}}", "DELETE issue/comment", delete_comment),
    ("GET", f"{ISSUE}/{{key}}/properties", "GET issue/properties", properties),
    ("GET", f"{ISSUE}/{{key}}/properties/{{property}}", "GET issue/properties", get_property),
    ("PUT", f"{ISSUE}/{{key}}/properties/{{property}}", "PUT issue/properties", set_property),
    ("DELETE", f"{ISSUE}/{{key}}/properties/{{property}}", "DELETE issue/properties", delete_property),
)
