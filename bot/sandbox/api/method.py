"""What a method is, and what several of them share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.sandbox.args import Args
from bot.sandbox.box import Sandbox
from bot.sandbox.errors import SlackError
from bot.sandbox.events import kind_of
from bot.sandbox.world import BOT_USER, Channel

Run = Callable[[Sandbox, Args], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """`scopes`: any one of them suffices; `writes`: the faults accept_then_* strike it unless told otherwise."""

    run: Run
    scopes: tuple[str, ...] = ()
    tier: Literal["special", "post"] | int = 3
    writes: bool = False


Methods = Mapping[str, Method]
HISTORY = {"channel": "channels:history", "group": "groups:history", "im": "im:history"}


def channel_of(sandbox: Sandbox, args: Args, *, member: bool = False, live: bool = False) -> Channel:
    """Return the channel that `channel` names by id.

    Raises SlackError channel_not_found (also for private ones where the app is not), not_in_channel,
    is_archived.
    """
    ref = args.need("channel", "channel_not_found" if "channel" in args.values else "invalid_arguments")
    channel = sandbox.world.channels.get(ref)
    if channel is None or (channel.is_private and BOT_USER not in channel.members):
        raise SlackError("channel_not_found")
    if live and channel.is_archived:
        raise SlackError("is_archived")
    if member and BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def message_of(sandbox: Sandbox, channel: Channel, ts: str) -> dict[str, Any]:
    """Return a message that is there. Raises SlackError message_not_found."""
    message = sandbox.world.message(channel.id, ts)
    if message is None or message.get("deleted"):
        raise SlackError("message_not_found")
    return message


def need_history(sandbox: Sandbox, channel: Channel) -> None:
    """Raise missing_scope unless the app may read this kind of channel."""
    needed = HISTORY[kind_of(channel)]
    if needed not in sandbox.manifest.scopes:
        raise SlackError("missing_scope", needed=needed, provided=",".join(sandbox.manifest.scopes))


def page_of(items: list[Any], args: Args, default: int = 100, most: int = 1000) -> tuple[list[Any], str]:
    """Return one page and the cursor of the next (empty at the end)."""
    cursor = args.text("cursor")
    if cursor and not (cursor.startswith("c:") and cursor[2:].isdigit()):
        raise SlackError("invalid_cursor")
    begin = int(cursor[2:]) if cursor else 0
    end = begin + args.whole("limit", default, most)
    return items[begin:end], (f"c:{end}" if end < len(items) else "")
