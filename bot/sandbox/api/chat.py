"""chat.*: post, change and take back messages. https://docs.slack.dev/reference/methods?family=chat"""

import copy
import re
from typing import Any

from bot.domain import limits
from bot.sandbox.api.method import Method, Methods, channel_of, message_of
from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.content import is_empty, message_content
from bot.sandbox.errors import SlackError
from bot.sandbox.events import told_message
from bot.sandbox.world import APP, BOT_ID, BOT_USER, TEAM, Channel

TS = re.compile(r"\d{1,16}\.\d{6}")


def post_message(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = _target(sandbox, args)
    content = message_content(args)
    if is_empty(content):
        raise SlackError("no_text")
    message = by_app(sandbox) | {"text": ""} | content
    thread_ts = _thread(sandbox, channel, args)
    if thread_ts:
        message["thread_ts"] = thread_ts
        root = sandbox.world.message(channel.id, thread_ts)
        message["parent_user_id"] = root["user"] if root else ""
        if args.flag("reply_broadcast"):
            message["subtype"] = "thread_broadcast"
    if "client_msg_id" in args:
        message["client_msg_id"] = args.text("client_msg_id")
    sandbox.world.add_message(channel.id, message, "app")
    told_message(sandbox, channel, message)
    return {"channel": channel.id, "ts": message["ts"], "message": outgoing(message)}


def me_message(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = _target(sandbox, args)
    message = by_app(sandbox) | {"text": args.need("text", "no_text"), "subtype": "me_message"}
    sandbox.world.add_message(channel.id, message, "app")
    return {"channel": channel.id, "ts": message["ts"]}


def update(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    """Text alone removes the blocks and shows "(edited)"; with blocks it does not; metadata stays unless given."""
    channel = channel_of(sandbox, args, live=True)
    message = message_of(sandbox, channel, args.need("ts"))
    if message.get("bot_id") != BOT_ID:
        raise SlackError("cant_update_message")
    if len(args.text("text")) > limits.UPDATE_TEXT:
        raise SlackError("msg_too_long")
    if args.flag("reply_broadcast") and message.get("subtype") != "thread_broadcast":
        raise SlackError("no_dual_broadcast_content_update")
    content = message_content(args)
    before = copy.deepcopy(message)
    if "text" in content and "blocks" not in content:
        message.pop("blocks", None)
    if content.get("metadata") == {}:
        message.pop("metadata", None)
        del content["metadata"]
    changed = message | content
    if is_empty(changed):
        message |= {key: before[key] for key in ("blocks", "metadata") if key in before}
        raise SlackError("no_text")
    message |= content
    if not content.get("blocks") and not content.get("attachments"):
        message["edited"] = {"user": BOT_USER, "ts": sandbox.world.new_ts()}
    sandbox.world.touch("message", "app", channel=channel.id, ref=message["ts"])
    _told_changed(sandbox, channel, message, before)
    text = message.get("text", "")
    return {"channel": channel.id, "ts": message["ts"], "text": text, "message": outgoing(message)}


def delete(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args, live=True)
    message = message_of(sandbox, channel, args.need("ts"))
    if message.get("bot_id") != BOT_ID:
        raise SlackError("cant_delete_message")
    sandbox.world.remove_message(channel.id, message, "app")
    more = {"deleted_ts": message["ts"], "previous_message": outgoing(message), "hidden": True}
    told_message(sandbox, channel, {"ts": sandbox.world.new_ts()}, subtype="message_deleted", **more)
    return {"channel": channel.id, "ts": message["ts"]}


def post_ephemeral(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args, member=True, live=True)
    user = sandbox.world.users.get(args.need("user"))
    if user is None or user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    content = message_content(args)
    content.pop("metadata", None)
    if is_empty(content):
        raise SlackError("no_text")
    thread_ts = _thread(sandbox, channel, args)
    if thread_ts:
        content["thread_ts"] = thread_ts
    shown = sandbox.world.add_ephemeral(user.id, channel.id, content)
    return {"message_ts": shown["ts"]}


def get_permalink(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args)
    message = message_of(sandbox, channel, args.need("message_ts"))
    return {"channel": channel.id, "permalink": permalink(sandbox, channel, message)}


def permalink(sandbox: Sandbox, channel: Channel, message: dict[str, Any]) -> str:
    """Return an address of the page that shows `message`, in the form that Slack's have."""
    link = f"{sandbox.address}/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    root = message.get("thread_ts")
    return f"{link}?thread_ts={root}&cid={channel.id}" if root and root != message["ts"] else link


def by_app(sandbox: Sandbox) -> dict[str, Any]:
    """Return what every message of the app carries."""
    profile = {"id": BOT_ID, "app_id": APP, "name": sandbox.world.users[BOT_USER].name, "team_id": TEAM}
    return {
        "type": "message",
        "user": BOT_USER,
        "bot_id": BOT_ID,
        "app_id": APP,
        "team": TEAM,
        "bot_profile": profile,
    }


def outgoing(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message as an answer to its own author carries it."""
    return {key: value for key, value in message.items() if key != "deleted"}


def _target(sandbox: Sandbox, args: Args) -> Channel:
    """chat.postMessage also takes a `#name`, and a user id for a direct message."""
    ref = args.need("channel", "channel_not_found")
    world = sandbox.world
    channel = world.channel(ref) if ref.startswith("#") or ref not in world.users else world.direct(ref)
    if channel is None or (channel.is_private and BOT_USER not in channel.members):
        raise SlackError("channel_not_found")
    if channel.is_archived:
        raise SlackError("is_archived")
    if BOT_USER not in channel.members and "chat:write.public" not in sandbox.manifest.scopes:
        raise SlackError("not_in_channel")
    return channel


def _thread(sandbox: Sandbox, channel: Channel, args: Args) -> str:
    ts = args.text("thread_ts")
    if not ts:
        return ""
    if not TS.fullmatch(ts):
        raise SlackError("invalid_thread_ts")
    root = sandbox.world.message(channel.id, ts)
    if root is None or root.get("deleted"):
        raise SlackError("thread_not_found")
    if root.get("thread_ts", ts) != ts:
        raise SlackError("cannot_reply_to_message")
    return ts


def _told_changed(sandbox: Sandbox, channel: Channel, now: dict[str, Any], before: dict[str, Any]) -> None:
    more = {"message": outgoing(now), "previous_message": outgoing(before), "hidden": True}
    told_message(sandbox, channel, {"ts": sandbox.world.new_ts()}, subtype="message_changed", **more)


WRITE = ("chat:write",)
METHODS: Methods = {
    "chat.postMessage": Method(post_message, WRITE, "post", writes=True),
    "chat.meMessage": Method(me_message, WRITE, 3, writes=True),
    "chat.update": Method(update, WRITE, 3, writes=True),
    "chat.delete": Method(delete, WRITE, 3, writes=True),
    "chat.postEphemeral": Method(post_ephemeral, WRITE, 4, writes=True),
    "chat.getPermalink": Method(get_permalink, (), "special"),
}
