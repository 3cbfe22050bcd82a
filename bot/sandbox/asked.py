"""The bodies of `/_sandbox/...` requests: JSON objects that name people, channels and messages."""

import json
from typing import Any

from starlette.requests import Request

from bot.sandbox.box import Sandbox
from bot.sandbox.world import BOT_USER, Channel, User, World


class BadAct(Exception):
    """A person cannot do this; the text says why. Answered as `{"ok": false, "error": ...}`."""


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object of the request. Raises BadAct."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise BadAct("the body is not JSON") from error
    if not isinstance(body, dict):
        raise BadAct("the body is not a JSON object")
    return body


def person(sandbox: Sandbox, body: dict[str, Any]) -> User:
    """Return the user who acts (by name or id)."""
    ref = str(body.get("user", ""))
    user = sandbox.world.user(ref)
    if user is None or user.is_bot:
        raise BadAct(f"no such user: {ref!r}")
    return user


def place(sandbox: Sandbox, body: dict[str, Any], user: User) -> Channel:
    """Return the channel of the act; `@bellwether` or the app's user id is the direct message with the app."""
    ref = str(body.get("channel", ""))
    app = sandbox.world.user(ref)
    if app is not None and app.id == BOT_USER:
        return sandbox.world.direct(user.id)
    channel = sandbox.world.channel(ref)
    if channel is None or (channel.is_im and channel.user != user.id):
        raise BadAct(f"no such channel: {ref!r}")
    return channel


def writable(sandbox: Sandbox, body: dict[str, Any], user: User) -> Channel:
    """Return the channel if `user` may write there."""
    channel = place(sandbox, body, user)
    if channel.is_archived:
        raise BadAct("is_archived")
    if user.id not in channel.members:
        raise BadAct("not_in_channel")
    return channel


def message(sandbox: Sandbox, body: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Return the message that `ts` names and that is still there."""
    found = sandbox.world.message(channel.id, str(body.get("ts", "")))
    if found is None or found.get("deleted"):
        raise BadAct("message_not_found")
    return found


def with_ids(world: World, kind: str, value: Any) -> Any:
    """Return `value` of a menu of people or channels with ids in the place of names."""
    if isinstance(value, list):
        return [with_ids(world, kind, one) for one in value]
    if not isinstance(value, str):
        return value
    found: User | Channel | None = None
    if "users_select" in kind:
        found = world.user(value)
    elif "channels_select" in kind or "conversations_select" in kind:
        found = world.channel(value)
    return found.id if found is not None else value
