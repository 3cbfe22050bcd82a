"""Events: what the app is told about the world. https://docs.slack.dev/reference/events

Only what the manifest subscribes to is delivered, and of channels only where the app is a member.
"""

import asyncio
from typing import Any

from bot.sandbox.box import Sandbox
from bot.sandbox.delivery import Answer
from bot.sandbox.world import APP, BOT_USER, TEAM, Channel

Told = list["asyncio.Future[Answer]"]
SUBSCRIPTIONS = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}


def tell(sandbox: Sandbox, event: dict[str, Any], subscription: str = "") -> Told:
    """Deliver `event` if the manifest asks for it (by `subscription`, else by its type)."""
    world = sandbox.world
    if (subscription or event["type"]) not in sandbox.manifest.events:
        return []
    event.setdefault("event_ts", world.new_ts())
    payload = {
        "token": "sandbox",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": world.new_id("Ev"),
        "event_time": int(world.clock.epoch()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": world.new_id("EC"),
    }
    return [sandbox.delivery.tell(payload)]


def told_message(sandbox: Sandbox, channel: Channel, stored: dict[str, Any], /, **more: Any) -> Told:
    """Tell of a new message, or with `subtype` and others of a changed one."""
    if BOT_USER not in channel.members:
        return []
    shown = {key: value for key, value in stored.items() if key not in ("deleted", "metadata", "pinned_to")}
    event: dict[str, Any] = {
        **shown,
        "type": "message",
        "channel": channel.id,
        "channel_type": kind_of(channel),
        "team": TEAM,
        "event_ts": stored["ts"],
        **more,
    }
    return tell(sandbox, event, SUBSCRIPTIONS[kind_of(channel)])


def told_mention(sandbox: Sandbox, channel: Channel, message: dict[str, Any]) -> Told:
    """Tell of a mention, if there is one, and the app can see it."""
    if f"<@{BOT_USER}>" not in message.get("text", "") or BOT_USER not in channel.members or channel.is_im:
        return []
    names = ("user", "text", "ts", "thread_ts", "client_msg_id")
    event: dict[str, Any] = {name: message[name] for name in names if name in message}
    event |= {"type": "app_mention", "channel": channel.id, "team": TEAM, "event_ts": message["ts"]}
    return tell(sandbox, event)


def kind_of(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "group" if channel.is_private else "channel"
