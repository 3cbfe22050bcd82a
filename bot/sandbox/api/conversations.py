"""conversations.*: channels and what was said in them. https://docs.slack.dev/reference/methods?family=conversations"""

from typing import Any

from bot.sandbox.api.method import Method, Methods, channel_of, need_history, page_of
from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.errors import SlackError
from bot.sandbox.events import tell
from bot.sandbox.world import BOT_USER, TEAM, Channel


def listing(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    return _listing(sandbox, args, mine=False)


def mine(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    return _listing(sandbox, args, mine=True)


def _listing(sandbox: Sandbox, args: Args, *, mine: bool) -> dict[str, Any]:
    types = args.text("types", "public_channel").replace(" ", "").split(",")
    if not set(types) <= {"public_channel", "private_channel", "im", "mpim"}:
        raise SlackError("invalid_types")
    found = [
        channel
        for channel in sandbox.world.channels.values()
        if _type(channel) in types
        and not (args.flag("exclude_archived") and channel.is_archived)
        and (BOT_USER in channel.members or not (mine or channel.is_private))
    ]
    page, cursor = page_of(found, args)
    shown = [shape(channel) for channel in page]
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def info(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args)
    shown = shape(channel)
    if args.flag("include_num_members"):
        shown["num_members"] = len(channel.members)
    return {"channel": shown}


def members(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    page, cursor = page_of(sorted(channel_of(sandbox, args).members), args)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def join(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args, live=True)
    if channel.is_im or channel.is_private:
        raise SlackError("method_not_supported_for_channel_type")
    if BOT_USER in channel.members:
        return {"channel": shape(channel), "warning": "already_in_channel"}
    channel.members.add(BOT_USER)
    sandbox.world.touch("channel", "app", channel=channel.id)
    event = {"type": "member_joined_channel", "user": BOT_USER, "channel": channel.id}
    tell(sandbox, event | {"channel_type": "C", "team": TEAM})
    return {"channel": shape(channel)}


def leave(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    channel = channel_of(sandbox, args, live=True)
    if BOT_USER not in channel.members:
        return {"not_in_channel": True}
    channel.members.discard(BOT_USER)
    sandbox.world.touch("channel", "app", channel=channel.id)
    return {}


def open_direct(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    users = [one.strip() for one in args.text("users").split(",") if one.strip()]
    if "channel" in args:
        channel = channel_of(sandbox, args)
    elif len(users) != 1:
        raise SlackError("users_list_not_supplied" if not users else "method_not_supported_for_channel_type")
    elif users[0] not in sandbox.world.users or users[0] == BOT_USER:
        raise SlackError("user_not_found")
    else:
        channel = sandbox.world.direct(users[0])
    return {"channel": shape(channel) if args.flag("return_im") else {"id": channel.id}}


def history(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    """Newest first, without thread replies."""
    channel = _readable(sandbox, args)
    stored = [
        message
        for message in reversed(sandbox.world.messages[channel.id])
        if not message.get("deleted")
        and (message.get("thread_ts", message["ts"]) == message["ts"] or message.get("subtype") == "thread_broadcast")
        and _between(message["ts"], args)
    ]
    page, cursor = page_of(stored, args, most=999)
    return {
        "messages": [_seen(message, args) for message in page],
        "has_more": bool(cursor),
        "pin_count": len(channel.pins),
        "response_metadata": {"next_cursor": cursor},
    }


def replies(sandbox: Sandbox, args: Args) -> dict[str, Any]:
    """The root, then its replies, oldest first. `ts` may be any message of the thread."""
    channel = _readable(sandbox, args)
    found = sandbox.world.message(channel.id, args.need("ts"))
    if found is None:
        raise SlackError("thread_not_found")
    root = found.get("thread_ts", found["ts"])
    thread = sandbox.world.thread(channel.id, root)
    if not thread:
        raise SlackError("thread_not_found")
    stored = [message for message in thread if message["ts"] == root or _between(message["ts"], args)]
    page, cursor = page_of(stored, args, default=1000)
    return {
        "messages": [_seen(message, args) for message in page],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


def shape(channel: Channel) -> dict[str, Any]:
    """Return a channel as conversations.info does."""
    if channel.is_im:
        return {
            "id": channel.id,
            "created": channel.created,
            "is_im": True,
            "is_archived": channel.is_archived,
            "user": channel.user,
            "is_user_deleted": False,
            "is_open": True,
        }
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": channel.name == "general",
        "is_member": BOT_USER in channel.members,
        "is_shared": False,
        "is_ext_shared": False,
        "created": channel.created,
        "creator": channel.creator,
        "context_team_id": TEAM,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
        "num_members": len(channel.members),
    }


def _type(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def _readable(sandbox: Sandbox, args: Args) -> Channel:
    channel = channel_of(sandbox, args)
    need_history(sandbox, channel)
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _between(ts: str, args: Args) -> bool:
    at = float(ts)
    try:
        oldest = float(args.text("oldest", "0") or 0)
        latest = float(args.text("latest", "inf") or "inf")
    except ValueError as error:
        raise SlackError("invalid_ts_oldest") from error
    inside = oldest < at < latest
    return inside or (args.flag("inclusive") and at in (oldest, latest))


def _seen(message: dict[str, Any], args: Args) -> dict[str, Any]:
    """Without include_all_metadata only the event_type comes back."""
    metadata = message.get("metadata")
    if metadata is None or args.flag("include_all_metadata"):
        return message
    return message | {"metadata": {"event_type": metadata.get("event_type")}}


READ = ("channels:read", "groups:read", "im:read")
HISTORY = ("channels:history", "groups:history", "im:history")
METHODS: Methods = {
    "conversations.list": Method(listing, READ, 2),
    "users.conversations": Method(mine, READ, 3),
    "conversations.info": Method(info, READ, 3),
    "conversations.members": Method(members, READ, 4),
    "conversations.join": Method(join, ("channels:join",), 3, writes=True),
    "conversations.leave": Method(leave, ("channels:manage", "channels:write"), 3, writes=True),
    "conversations.open": Method(open_direct, ("im:write",), 3, writes=True),
    "conversations.history": Method(history, HISTORY, 3),
    "conversations.replies": Method(replies, HISTORY, 3),
}
