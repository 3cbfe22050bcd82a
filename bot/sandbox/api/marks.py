"""reactions.*, pins.*, bookmarks.*: what is stuck on messages and channels. https://docs.slack.dev/reference/methods"""

from typing import Any

from bot.sandbox.api.chat import permalink
from bot.sandbox.api.method import Method, Methods, channel_of, message_of
from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.errors import SlackError
from bot.sandbox.world import BOT_USER, Cause, Channel

MOST_PINS = 100


def reactions_add(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel, message, name = _reaction(sandbox, args)
    react(sandbox, channel, message, name, user=BOT_USER, cause="app")
    return {}


def reactions_remove(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel, message, name = _reaction(sandbox, args)
    unreact(sandbox, channel, message, name, user=BOT_USER, cause="app")
    return {}


def reactions_get(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args)
    message = message_of(sandbox, channel, args.need("timestamp"))
    return {"type": "message", "channel": channel.id, "message": message}


def react(sandbox: Sandbox, channel: Channel, message: dict[str, Any], name: str, *, user: str, cause: Cause) -> None:
    """Add a reaction. Raises SlackError already_reacted."""
    entries = message.setdefault("reactions", [])
    entry = next((one for one in entries if one["name"] == name), None)
    if entry is None:
        entry = {"name": name, "users": [], "count": 0}
        entries.append(entry)
    if user in entry["users"]:
        raise SlackError("already_reacted")
    entry["users"].append(user)
    entry["count"] += 1
    sandbox.world.touch("reaction", cause, channel=channel.id, ref=message["ts"])


def unreact(sandbox: Sandbox, channel: Channel, message: dict[str, Any], name: str, *, user: str, cause: Cause) -> None:
    """Take a reaction back. Raises SlackError no_reaction."""
    entries = message.get("reactions", [])
    entry = next((one for one in entries if one["name"] == name and user in one["users"]), None)
    if entry is None:
        raise SlackError("no_reaction")
    entry["users"].remove(user)
    entry["count"] -= 1
    if not entry["count"]:
        entries.remove(entry)
    if not entries:
        message.pop("reactions", None)
    sandbox.world.touch("reaction", cause, channel=channel.id, ref=message["ts"])


def pins_add(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args, member=True, live=True)
    pin(sandbox, channel, message_of(sandbox, channel, args.need("timestamp", "no_item_specified")), "app")
    return {}


def pins_remove(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args, member=True, live=True)
    unpin(sandbox, channel, message_of(sandbox, channel, args.need("timestamp", "no_item_specified")), "app")
    return {}


def pins_list(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args)
    pinned = [sandbox.world.message(channel.id, ts) for ts in channel.pins]
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "message": message | {"permalink": permalink(sandbox, channel, message)},
            "created_by": BOT_USER,
        }
        for message in pinned
        if message is not None
    ]
    return {"items": items}


def pin(sandbox: Sandbox, channel: Channel, message: dict[str, Any], cause: Cause) -> None:
    """Pin. Raises SlackError already_pinned, too_many_pins."""
    if message["ts"] in channel.pins:
        raise SlackError("already_pinned")
    if len(channel.pins) >= MOST_PINS:
        raise SlackError("too_many_pins")
    channel.pins.append(message["ts"])
    message["pinned_to"] = [channel.id]
    sandbox.world.touch("pin", cause, channel=channel.id, ref=message["ts"])


def unpin(sandbox: Sandbox, channel: Channel, message: dict[str, Any], cause: Cause) -> None:
    """Unpin. Raises SlackError no_pin."""
    if message["ts"] not in channel.pins:
        raise SlackError("no_pin")
    channel.pins.remove(message["ts"])
    message.pop("pinned_to", None)
    sandbox.world.touch("pin", cause, channel=channel.id, ref=message["ts"])


def bookmarks_add(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, Args({"channel": args.need("channel_id")}), member=True, live=True)
    link = args.text("link")
    if args.need("type") == "link" and not link.startswith(("http://", "https://")):
        raise SlackError("invalid_link")
    bookmark = {
        "id": sandbox.world.new_id("Bk"),
        "channel_id": channel.id,
        "title": args.need("title"),
        "link": link,
        "type": args.text("type"),
        "emoji": args.text("emoji") or None,
    }
    channel.bookmarks.append(bookmark)
    sandbox.world.touch("bookmark", "app", channel=channel.id)
    return {"bookmark": bookmark}


def bookmarks_edit(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel, bookmark = _bookmark(sandbox, args)
    bookmark |= {key: args.text(key) for key in ("title", "link", "emoji") if key in args}
    sandbox.world.touch("bookmark", "app", channel=channel.id)
    return {"bookmark": bookmark}


def bookmarks_remove(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel, bookmark = _bookmark(sandbox, args)
    channel.bookmarks.remove(bookmark)
    sandbox.world.touch("bookmark", "app", channel=channel.id)
    return {}


def bookmarks_list(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    return {"bookmarks": channel_of(sandbox, Args({"channel": args.need("channel_id")})).bookmarks}


def _bookmark(sandbox: Sandbox, args: Args) -> tuple[Channel, dict[str, Any]]:
    channel = channel_of(sandbox, Args({"channel": args.need("channel_id")}), member=True, live=True)
    found = next((one for one in channel.bookmarks if one["id"] == args.need("bookmark_id")), None)
    if found is None:
        raise SlackError("not_found")
    return channel, found


def _reaction(sandbox: Sandbox, args: Args) -> tuple[Channel, dict[str, Any], str]:
    channel = channel_of(sandbox, args, member=True, live=True)
    message = message_of(sandbox, channel, args.need("timestamp", "no_item_specified"))
    return channel, message, args.need("name", "invalid_name").strip(":")


METHODS: Methods = {
    "reactions.add": Method(reactions_add, ("reactions:write",), 3, writes=True),
    "reactions.remove": Method(reactions_remove, ("reactions:write",), 2, writes=True),
    "reactions.get": Method(reactions_get, ("reactions:read",), 3),
    "pins.add": Method(pins_add, ("pins:write",), 2, writes=True),
    "pins.remove": Method(pins_remove, ("pins:write",), 2, writes=True),
    "pins.list": Method(pins_list, ("pins:read",), 2),
    "bookmarks.add": Method(bookmarks_add, ("bookmarks:write",), 2, writes=True),
    "bookmarks.edit": Method(bookmarks_edit, ("bookmarks:write",), 2, writes=True),
    "bookmarks.remove": Method(bookmarks_remove, ("bookmarks:write",), 2, writes=True),
    "bookmarks.list": Method(bookmarks_list, ("bookmarks:read",), 3),
}
