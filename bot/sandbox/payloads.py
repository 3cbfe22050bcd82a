"""The payloads of commands and interactions. https://docs.slack.dev/reference/interaction-payloads"""

from typing import Any

from bot.sandbox.api.views import public
from bot.sandbox.box import Sandbox
from bot.sandbox.world import APP, BOT_ID, TEAM, Channel, User


def command(sandbox: Sandbox, user: User, channel: Channel, name: str, text: str) -> dict[str, Any]:
    return {
        "token": "sandbox",
        "team_id": TEAM,
        "team_domain": "sandbox",
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": response_url(sandbox, user, channel),
        "trigger_id": trigger(sandbox, user),
    }


def block_actions(
    sandbox: Sandbox, user: User, place: dict[str, Any], action: dict[str, Any], state: dict[str, Any]
) -> dict[str, Any]:
    """`place` says where it was pressed: {channel, message}, {channel, ephemeral} or {view}."""
    view, channel = place.get("view"), place.get("channel")
    payload = _interaction("block_actions", sandbox, user)
    payload["trigger_id"] = trigger(sandbox, user, view["id"] if view and view["type"] == "modal" else "")
    payload["actions"] = [action]
    if view is not None:
        payload["container"] = {"type": "view", "view_id": view["id"]}
        payload["view"] = public(view)
        return payload
    assert isinstance(channel, Channel)  # a message is in a channel
    message = place.get("message")
    shown = message or place["ephemeral"]
    payload["container"] = {
        "type": "message",
        "message_ts": shown["ts"],
        "channel_id": channel.id,
        "is_ephemeral": message is None,
    }
    if shown.get("thread_ts"):
        payload["container"]["thread_ts"] = shown["thread_ts"]
    payload["channel"] = _channel(channel)
    if message is not None:
        payload["message"] = {key: value for key, value in message.items() if key != "deleted"}
    payload["state"] = {"values": state}
    thread_ts = shown.get("thread_ts", "")
    payload["response_url"] = response_url(
        sandbox, user, channel, ts=shown["ts"], ephemeral=message is None, thread_ts=thread_ts
    )
    return payload


def view_submission(sandbox: Sandbox, user: User, view: dict[str, Any]) -> dict[str, Any]:
    payload = _interaction("view_submission", sandbox, user)
    made = {"trigger_id": trigger(sandbox, user, view["id"]), "view": public(view), "response_urls": []}
    return payload | made


def view_closed(sandbox: Sandbox, user: User, view: dict[str, Any], *, cleared: bool) -> dict[str, Any]:
    return _interaction("view_closed", sandbox, user) | {"view": public(view), "is_cleared": cleared}


def message_shortcut(
    sandbox: Sandbox, user: User, channel: Channel, message: dict[str, Any], callback_id: str
) -> dict[str, Any]:
    return _interaction("message_action", sandbox, user) | {
        "callback_id": callback_id,
        "trigger_id": trigger(sandbox, user),
        "response_url": response_url(sandbox, user, channel, thread_ts=message.get("thread_ts", "")),
        "message_ts": message["ts"],
        "channel": _channel(channel),
        "message": {key: value for key, value in message.items() if key != "deleted"},
        "action_ts": sandbox.world.new_ts(),
    }


def global_shortcut(sandbox: Sandbox, user: User, callback_id: str) -> dict[str, Any]:
    return _interaction("shortcut", sandbox, user) | {
        "callback_id": callback_id,
        "trigger_id": trigger(sandbox, user),
        "action_ts": sandbox.world.new_ts(),
    }


def suggestion(
    sandbox: Sandbox, user: User, place: dict[str, Any], block_id: str, action_id: str, value: str
) -> dict[str, Any]:
    payload = _interaction("block_suggestion", sandbox, user)
    payload |= {"block_id": block_id, "action_id": action_id, "value": value}
    if place.get("view") is not None:
        return payload | {"view": public(place["view"]), "container": {"type": "view", "view_id": place["view"]["id"]}}
    shown = place.get("message") or place["ephemeral"]
    container = {"type": "message", "message_ts": shown["ts"], "channel_id": place["channel"].id}
    return payload | {"container": container, "channel": _channel(place["channel"])}


def trigger(sandbox: Sandbox, user: User, view: str = "") -> str:
    """Return a fresh trigger_id."""
    ident = f"{sandbox.world.new_id('')}.{TEAM}.{sandbox.world.new_id('')}"
    return sandbox.triggers.make(ident, user.id, view)


def response_url(
    sandbox: Sandbox, user: User, channel: Channel, *, ts: str = "", ephemeral: bool = False, thread_ts: str = ""
) -> str:
    ident = sandbox.world.new_id("RU")
    sandbox.response_urls.make(ident, user.id, channel.id, ts=ts, ephemeral=ephemeral, thread_ts=thread_ts)
    return f"{sandbox.address}/_sandbox/response/{ident}"


def _interaction(kind: str, sandbox: Sandbox, user: User) -> dict[str, Any]:
    return {
        "type": kind,
        "team": {"id": TEAM, "domain": "sandbox"},
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM},
        "api_app_id": APP,
        "token": "sandbox",
        "enterprise": None,
        "is_enterprise_install": False,
        "bot_id": BOT_ID,
    }


def _channel(channel: Channel) -> dict[str, Any]:
    return {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name}
