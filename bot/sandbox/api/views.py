"""views.*: modals and App Home. https://docs.slack.dev/surfaces/modals"""

import copy
import secrets
from typing import Any

from bot.domain import limits
from bot.sandbox.api.method import Method, Methods
from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.content import complete_blocks
from bot.sandbox.errors import SlackError, refused
from bot.sandbox.fieldstate import initial_values
from bot.sandbox.world import APP, BOT_ID, TEAM

KEPT = (
    "type", "title", "blocks", "close", "submit", "private_metadata", "callback_id", "clear_on_close",
    "notify_on_close", "submit_disabled", "external_id",
)  # fmt: skip


def views_open(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    view = checked(args.structure("view", "invalid_arguments"), "modal")
    trigger = sandbox.triggers.use(args.text("trigger_id") or args.need("interactivity_pointer", "invalid_trigger_id"))
    for ident in [one for one, shown in sandbox.world.views.items() if shown["user"] == trigger.user]:
        del sandbox.world.views[ident]
    return {"view": public(show(sandbox, trigger.user, view))}


def views_push(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    view = checked(args.structure("view", "invalid_arguments"), "modal")
    trigger = sandbox.triggers.use(args.text("trigger_id") or args.need("interactivity_pointer", "invalid_trigger_id"))
    if sandbox.world.open_view(trigger.user) is None:
        raise SlackError("not_found")
    return {"view": public(show(sandbox, trigger.user, view))}


def views_update(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    view = checked(args.structure("view", "invalid_arguments"), "modal")
    found = _find(sandbox, args)
    if "hash" in args and args.text("hash") != found["hash"]:
        raise SlackError("hash_conflict")
    replace(sandbox, found, view)
    return {"view": public(found)}


def views_publish(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    view = checked(args.structure("view", "invalid_arguments"), "home")
    user = args.need("user_id")
    if user not in sandbox.world.users:
        raise SlackError("user_not_found")
    before = sandbox.world.homes.get(user)
    if "hash" in args and before is not None and args.text("hash") != before["hash"]:
        raise SlackError("hash_conflict")
    ident = before["id"] if before is not None else sandbox.world.new_id("V")
    home = _stored(view, ident, user) | {"state": {"values": initial_values(view["blocks"])}}
    home |= {"root_view_id": ident, "previous_view_id": None}
    sandbox.world.homes[user] = home
    sandbox.world.touch("home", "app", user=user, ref=ident)
    return {"view": public(home)}


def checked(view: Any, kind: str) -> dict[str, Any]:
    """Return a private copy with ids. Raises SlackError with the pointers of what is wrong."""
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", response_metadata={"messages": ["[ERROR] missing required field: view"]})
    found = limits.view_problems(view)
    if view.get("type") != kind:
        found.insert(0, limits.Problem("/type", "invalid_value", f"must be {kind}"))
    if any(problem.code == "view_too_large" for problem in found):
        raise SlackError("view_too_large")
    if found:
        under = [limits.Problem(f"/view{one.pointer}", one.code, one.message) for one in found]
        raise refused("invalid_arguments", under)
    mine = {key: copy.deepcopy(view[key]) for key in KEPT if key in view}
    complete_blocks(mine["blocks"])
    return mine


def show(sandbox: Sandbox, user: str, view: dict[str, Any]) -> dict[str, Any]:
    """Put a checked view on top of what `user` sees. Raises SlackError push_limit_reached."""
    world = sandbox.world
    below = [one for one in world.views.values() if one["user"] == user]
    if len(below) >= limits.VIEW_STACK:
        raise SlackError("push_limit_reached")
    external = view.get("external_id")
    if external and any(one.get("external_id") == external for one in world.views.values()):
        raise SlackError("duplicate_external_id")
    ident = world.new_id("V")
    stored = _stored(view, ident, user) | {"state": {"values": initial_values(view["blocks"])}}
    stored["root_view_id"] = below[0]["id"] if below else ident
    stored["previous_view_id"] = below[-1]["id"] if below else None
    world.views[ident] = stored
    world.touch("view", "app", user=user, ref=ident)
    return stored


def replace(sandbox: Sandbox, shown: dict[str, Any], view: dict[str, Any]) -> None:
    """Put a checked view in the place of `shown`; what was typed stays where block_id and action_id are the same."""
    values = initial_values(view["blocks"])
    before = shown["state"]["values"]
    for block, actions in values.items():
        for action in actions:
            if action in before.get(block, {}):
                values[block][action] = before[block][action]
    kept = {key: shown[key] for key in ("root_view_id", "previous_view_id")}
    fresh = _stored(view, shown["id"], shown["user"]) | kept | {"state": {"values": values}}
    shown.clear()
    shown |= fresh
    sandbox.world.touch("view", "app", user=shown["user"], ref=shown["id"])


def public(view: dict[str, Any]) -> dict[str, Any]:
    """Return the view as Slack sends it."""
    return {key: value for key, value in view.items() if key not in ("user", "errors")}


def _stored(view: dict[str, Any], ident: str, user: str) -> dict[str, Any]:
    empty = {"private_metadata": "", "callback_id": "", "external_id": "", "close": None, "submit": None}
    flags = {"clear_on_close": False, "notify_on_close": False}
    made = {
        "id": ident,
        "team_id": TEAM,
        "app_id": APP,
        "bot_id": BOT_ID,
        "app_installed_team_id": TEAM,
        "hash": f"{secrets.randbelow(10**10)}.{secrets.token_hex(4)}",
        "user": user,
    }
    return {**empty, **flags, **view, **made}


def _find(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    ident, external = args.text("view_id"), args.text("external_id")
    views = sandbox.world.views.values()
    found = next((one for one in views if one["id"] == ident or (external and one["external_id"] == external)), None)
    if found is None:
        raise SlackError("not_found")
    return found


METHODS: Methods = {
    "views.open": Method(views_open, (), 4, writes=True),
    "views.push": Method(views_push, (), 4, writes=True),
    "views.update": Method(views_update, (), 4, writes=True),
    "views.publish": Method(views_publish, (), 4, writes=True),
}
