"""auth.*, apps.*, users.*, usergroups.*, team.*: who is who. https://docs.slack.dev/reference/methods"""

from typing import Any
from zoneinfo import ZoneInfo

from bot.sandbox.api.method import Method, Methods, page_of
from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.errors import SlackError
from bot.sandbox.world import APP, BOT_ID, BOT_USER, SLACKBOT, TEAM, User


def auth_test(sandbox: Sandbox, _args: Args) -> dict[str, Any]:
    return {
        "url": f"{sandbox.address}/",
        "team": "Sandbox",
        "user": sandbox.world.users[BOT_USER].name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def connections_open(sandbox: Sandbox, _args: Args) -> dict[str, Any]:
    if sandbox.settings.events_url:
        raise SlackError("socket_mode_disabled")
    host = sandbox.address.partition("://")[2]
    return {"url": f"ws://{host}/link/?ticket={sandbox.sockets.ticket()}&app_id={APP}"}


def users_list(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    page, cursor = page_of(list(sandbox.world.users.values()), args)
    shown = [shape(sandbox, user) for user in page]
    return {
        "members": shown,
        "cache_ts": int(sandbox.world.clock.epoch()),
        "response_metadata": {"next_cursor": cursor},
    }


def users_info(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    user = sandbox.world.users.get(args.need("user", "user_not_found"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": shape(sandbox, user)}


def lookup_by_email(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    email = args.need("email", "users_not_found").lower()
    user = next((u for u in sandbox.world.users.values() if not u.is_bot and address(u) == email), None)
    if user is None:
        raise SlackError("users_not_found")
    return {"user": shape(sandbox, user)}


def usergroups_list(_sandbox: Sandbox, _args: Args) -> dict[str, Any]:
    return {"usergroups": []}


def team_info(sandbox: Sandbox, _args: Args) -> dict[str, Any]:
    team = {"id": TEAM, "name": "Sandbox", "domain": "sandbox", "url": f"{sandbox.address}/"}
    return {"team": team}


def bots_info(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    if args.text("bot", BOT_ID) != BOT_ID:
        raise SlackError("bot_not_found")
    name = sandbox.world.users[BOT_USER].name
    return {"bot": {"id": BOT_ID, "deleted": False, "name": name, "app_id": APP, "user_id": BOT_USER}}


def address(user: User) -> str:
    return f"{user.name}@example.com"


def shape(sandbox: Sandbox, user: User) -> dict[str, Any]:
    """Return a user as users.info does; the email only with its scope. Slackbot is famously not `is_bot`."""
    offset = sandbox.world.clock.now().astimezone(ZoneInfo(user.tz)).utcoffset()
    profile = {"real_name": user.real_name, "display_name": user.name, "real_name_normalized": user.real_name}
    if user.is_bot:
        profile |= {"bot_id": BOT_ID, "api_app_id": APP}
    elif "users:read.email" in sandbox.manifest.scopes:
        profile["email"] = address(user)
    return {
        "id": user.id,
        "team_id": TEAM,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "tz": user.tz,
        "tz_label": user.tz,
        "tz_offset": int(offset.total_seconds()) if offset is not None else 0,
        "is_bot": user.is_bot and user.id != SLACKBOT,
        "is_app_user": False,
        "is_admin": user.id == "U03DANA",
        "is_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "updated": 0,
        "profile": profile,
    }


METHODS: Methods = {
    "auth.test": Method(auth_test, (), "special"),
    "apps.connections.open": Method(connections_open, (), "special"),
    "users.list": Method(users_list, ("users:read",), 2),
    "users.info": Method(users_info, ("users:read",), 4),
    "users.lookupByEmail": Method(lookup_by_email, ("users:read.email",), 3),
    "usergroups.list": Method(usergroups_list, ("usergroups:read",), 2),
    "team.info": Method(team_info, ("team:read",), 3),
    "bots.info": Method(bots_info, ("users:read",), 3),
}
