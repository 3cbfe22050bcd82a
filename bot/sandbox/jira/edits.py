"""Fields of an issue as a client may set them: checked as Jira checks them, all problems at once.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-post
"""

from collections.abc import Callable
from typing import Any

from bot.sandbox.jira import vocabulary as v
from bot.sandbox.jira.refusal import Refusal
from bot.sandbox.world import World

SUMMARY = 255
LABEL = 255
PROPERTY = 32_768
PROPERTY_KEY = 255
OPERATIONS = {
    "labels": ("add", "remove", "set"),
    "summary": ("set",),
    "description": ("set",),
    "assignee": ("set",),
    "priority": ("set",),
    "comment": ("add",),
}


def checked(world: World, body: dict[str, Any], *, creating: bool) -> dict[str, Any]:
    """Return the `fields` to set, in the shape in which they are stored. Raises Refusal."""
    given = body.get("fields") or {}
    update = body.get("update") or {}
    if not isinstance(given, dict) or not isinstance(update, dict):
        raise Refusal(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    errors: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for name, value in given.items():
        take = TAKE.get(name)
        if take is None:
            errors[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            continue
        wrong, fields[name] = take(world, value)
        if wrong:
            errors[name] = wrong
    for name, operations in update.items():
        allowed = OPERATIONS.get(name)
        if allowed is None or not isinstance(operations, list):
            errors[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
        elif any(not isinstance(one, dict) or not set(one) <= set(allowed) for one in operations):
            errors[name] = f"Field does not support update operations other than {', '.join(allowed)}."
    if creating:
        _required(given, update, errors)
    if errors:
        raise Refusal(400, errors=errors)
    return fields


def apply_update(world: World, fields: dict[str, Any], update: dict[str, Any]) -> list[Any]:
    """Apply `update` operations to `fields` and return the bodies of comments to add. Raises Refusal."""
    comments: list[Any] = []
    for name, operations in update.items():
        for operation in operations:
            for verb, value in operation.items():
                if name == "comment":
                    comments.append(adf(value.get("body") if isinstance(value, dict) else None, "comment"))
                elif name == "labels" and verb != "set":
                    wrong, _ = _labels(world, [value])
                    if wrong:
                        raise Refusal(400, errors={"labels": wrong})
                    kept = [label for label in fields["labels"] if label != value]
                    fields["labels"] = sorted([*kept, value]) if verb == "add" else kept
                else:
                    wrong, fields[name] = TAKE[name](world, value)
                    if wrong:
                        raise Refusal(400, errors={name: wrong})
    return comments


def properties(body: dict[str, Any]) -> dict[str, Any]:
    """Return the issue properties of a create or an edit. Raises Refusal."""
    found: dict[str, Any] = {}
    for one in body.get("properties") or []:
        if not isinstance(one, dict) or "key" not in one or "value" not in one:
            raise Refusal(400, "A property needs a key and a value.")
        found[property_key(str(one["key"]))] = property_value(one["value"])
    return found


def property_key(key: str) -> str:
    if not 0 < len(key) <= PROPERTY_KEY:
        raise Refusal(400, f"The length of the property key has to be from 1 to {PROPERTY_KEY}.")
    return key


def property_value(value: Any) -> Any:
    if len(str(value)) > PROPERTY:
        raise Refusal(400, f"The value of the property is longer than {PROPERTY} characters.")
    return value


def adf(value: Any, field: str) -> Any:
    """Return an Atlassian document, or raise: v3 takes no plain strings."""
    if not (isinstance(value, dict) and value.get("type") == "doc" and isinstance(value.get("content"), list)):
        text = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
        raise Refusal(400, errors={field: text})
    return value


def _required(given: dict[str, Any], update: dict[str, Any], errors: dict[str, str]) -> None:
    if "summary" not in given and "summary" not in update:
        errors.setdefault("summary", "You must specify a summary of the issue.")
    if "project" not in given:
        errors.setdefault("project", "Specify a valid project ID or key")
    if "issuetype" not in given:
        errors.setdefault("issuetype", "Specify an issue type")


def _summary(_world: World, value: Any) -> tuple[str, Any]:
    if not isinstance(value, str) or not value.strip():
        return "You must specify a summary of the issue.", None
    if "\n" in value or "\r" in value:
        return "The summary is invalid because it contains newline characters.", None
    if len(value) > SUMMARY:
        return f"Summary must be less than or equal to {SUMMARY} characters.", None
    return "", value


def _description(_world: World, value: Any) -> tuple[str, Any]:
    if value is None:
        return "", None
    try:
        return "", adf(value, "description")
    except Refusal as refusal:
        return str(refusal.body["errors"]["description"]), None


def _labels(_world: World, value: Any) -> tuple[str, Any]:
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        return "data was not an array", None
    for label in value:
        if " " in label:
            return f"The label '{label}' contains spaces which is invalid.", None
        if len(label) > LABEL:
            return f"The label '{label[:20]}...' exceeds the maximum length {LABEL}.", None
    return "", sorted(set(value))


def _project(_world: World, value: Any) -> tuple[str, Any]:
    return ("", dict(v.PROJECT)) if v.same_project(value) else ("valid project is required", None)


def _type(_world: World, value: Any) -> tuple[str, Any]:
    found = v.named(v.TYPES, value)
    return ("", dict(found)) if found else ("Specify a valid issue type", None)


def _priority(_world: World, value: Any) -> tuple[str, Any]:
    found = v.named(v.PRIORITIES, value)
    if found:
        return "", dict(found)
    name = value.get("name", value.get("id")) if isinstance(value, dict) else value
    return f"Priority name '{name}' is not valid", None


def _person(world: World, value: Any) -> tuple[str, Any]:
    if value is None or (isinstance(value, dict) and value.get("accountId", value.get("id")) is None):
        return "", None
    ident = value.get("accountId") or value.get("id") if isinstance(value, dict) else value
    user = v.by_account(world, str(ident))
    return ("", v.account(user)) if user else (f"User '{ident}' does not exist.", None)


def _date(_world: World, value: Any) -> tuple[str, Any]:
    return "", value


TAKE: dict[str, Callable[[World, Any], tuple[str, Any]]] = {
    "summary": _summary,
    "description": _description,
    "labels": _labels,
    "project": _project,
    "issuetype": _type,
    "priority": _priority,
    "assignee": _person,
    "reporter": _person,
    "duedate": _date,
}
