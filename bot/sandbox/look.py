"""What one browser window looks at, and what it therefore shows.

The state of a window is its address, nothing else: user, channel, thread, App Home, inspector. So a
reload, a screenshot and the event stream always agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.sandbox.viewer import Viewer
from bot.sandbox.world import Channel, User, World


@dataclass(frozen=True)
class Look:
    """`thread` is the ts of its root or empty; `home` shows App Home in place of the channel.

    `earlier` shows more than the newest messages.
    """

    user: User
    channel: Channel
    thread: str = ""
    home: bool = False
    calls: bool = False
    earlier: bool = False

    def address(self, path: str = "/", **changes: str | bool) -> str:
        """Return the address of this window with some of its state changed."""
        state: dict[str, str | bool] = {
            "user": self.user.name,
            "channel": self.channel.id if self.channel.is_im else self.channel.name,
            "thread": self.thread,
            "home": self.home,
            "calls": self.calls,
            "earlier": self.earlier,
        }
        state |= changes
        query = {key: "1" if value is True else value for key, value in state.items() if value}
        return f"{path}?{urlencode(query)}"


def people(world: World) -> list[User]:
    """Return those whom one can act as."""
    return [user for user in world.users.values() if not user.is_bot]


def channels_of(world: World, user: User) -> list[Channel]:
    """Return the channels in the user's side bar: joined or public, no direct messages."""
    return [
        channel
        for channel in world.channels.values()
        if not channel.is_im and (not channel.is_private or user.id in channel.members)
    ]


def read_look(world: World, query: Mapping[str, str]) -> Look:
    """Read a window's state from its address; what is unknown becomes the first person or channel."""
    folks = people(world)
    user = world.user(query.get("user", "")) if query.get("user") else None
    if user is None or user.is_bot:
        user = folks[0]
    channel = world.channel(query.get("channel", "")) if query.get("channel") else None
    mine = channels_of(world, user)
    if channel is not None and channel.is_im:
        channel = world.direct(user.id)  # nobody reads another person's direct messages
    elif channel is None or channel not in mine:
        busy = [c for c in mine if world.messages.get(c.id)]
        channel = (busy or mine)[0]
    thread = query.get("thread", "")
    if thread and world.message(channel.id, thread) is None:
        thread = ""
    flags = {name: bool(query.get(name)) for name in ("home", "calls", "earlier")}
    return Look(user, channel, thread, **flags)


def viewer_of(world: World, look: Look) -> Viewer:
    """Return the reader for the renderer; an unknown zone is read as UTC."""
    try:
        zone = ZoneInfo(look.user.tz)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return Viewer(
        user=look.user.id,
        zone=zone,
        now=world.clock.now(),
        users={user.id: user.name for user in world.users.values()},
        channels={channel.id: channel.name for channel in channels_of(world, look.user)},
    )


def fresh(world: World, look: Look) -> Look:
    """Return the same look after the world changed: its channel or user may have been replaced."""
    return replace(
        look,
        user=world.users.get(look.user.id, look.user),
        channel=world.channels.get(look.channel.id, look.channel),
    )
