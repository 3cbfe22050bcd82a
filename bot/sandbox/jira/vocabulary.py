"""What the project knows: its types, statuses, priorities and people."""

from typing import Any

from bot.sandbox.world import User, World

PROJECT = {"id": "10000", "key": "ML", "name": "Machine learning", "projectTypeKey": "software", "simplified": True}
TYPES: tuple[dict[str, Any], ...] = (
    {"id": "10001", "name": "Task", "description": "A piece of work", "subtask": False},
    {"id": "10002", "name": "Bug", "description": "Something is broken", "subtask": False},
)
PRIORITIES = tuple(
    {"id": str(number), "name": name}
    for number, name in enumerate(("Highest", "High", "Medium", "Low", "Lowest"), start=1)
)
CATEGORIES = {
    "new": {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"},
    "indeterminate": {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
    "done": {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
}
STATUSES: tuple[dict[str, Any], ...] = (
    {"id": "10100", "name": "To Do", "statusCategory": CATEGORIES["new"]},
    {"id": "10101", "name": "In Progress", "statusCategory": CATEGORIES["indeterminate"]},
    {"id": "10102", "name": "Done", "statusCategory": CATEGORIES["done"]},
)
TRANSITIONS = {"11": STATUSES[0], "21": STATUSES[1], "31": STATUSES[2]}
RESOLUTION = {"id": "10000", "name": "Done"}


def account_id(user: User) -> str:
    return f"acc-{user.id.lower()}"


def account(user: User, email: str = "") -> dict[str, Any]:
    """Return a user as Jira shows one."""
    return {
        "accountId": account_id(user),
        "accountType": "app" if user.is_bot else "atlassian",
        "emailAddress": email or f"{user.name}@example.com",
        "displayName": user.real_name,
        "active": True,
        "timeZone": user.tz,
    }


def by_account(world: World, ident: str) -> User | None:
    return next((user for user in world.users.values() if account_id(user) == ident), None)


def named(choices: tuple[dict[str, Any], ...], given: Any) -> dict[str, Any] | None:
    """Return the choice that `{"id"}` or `{"name"}` means."""
    if not isinstance(given, dict):
        return None
    for one in choices:
        if str(given.get("id", "")) == one["id"] or str(given.get("name", "")).lower() == one["name"].lower():
            return one
    return None


def same_project(given: Any) -> bool:
    return isinstance(given, dict) and (given.get("key") == PROJECT["key"] or given.get("id") == PROJECT["id"])
