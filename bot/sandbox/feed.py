"""The list of messages in one pane of one window, and what changed in it since it was last sent.

A push must cost what changed, not what is shown: rows are laid out anew each time (which message follows which,
where a day begins; cheap), but rendered only when the layout of that row or its message changed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from markupsafe import Markup

from bot.sandbox.look import Look
from bot.sandbox.rows import Message, row
from bot.sandbox.viewer import Viewer
from bot.sandbox.world import World

GROUP_S = 300.0  # messages of one author within five minutes stand under one name
SHOWN = 200  # the newest of a channel, as every chat client does; the others at a click
EARLIER = 2000

Layout = tuple[str, bool]  # the day that begins here or "", whether it continues the message above


@dataclass
class Feed:
    """`root` is the thread's root ts, or empty for the channel."""

    world: World
    root: str = ""
    _sent: dict[str, Layout] = field(default_factory=dict)
    _today: str = ""

    @property
    def pane(self) -> str:
        return "t" if self.root else "m"

    def all(self, look: Look, viewer: Viewer) -> Markup:
        """Return all rows, for the first page."""
        return Markup("").join(Markup(html) for _, html in self.changes(look, viewer, None)[0])  # noqa: S704 - made by row

    def skip(self, look: Look, viewer: Viewer) -> None:
        """Take what there is as sent: the page that the window shows already has it."""
        self._today = f"{viewer.now.astimezone(viewer.zone):%F}"
        self._sent = {ident: layout for ident, _, layout in self._layout(look, viewer)}

    def changes(self, look: Look, viewer: Viewer, dirty: set[str] | None) -> tuple[list[tuple[str, str]], list[str]]:
        """Return (id, html) of new and changed rows in order, and the ids that are gone.

        `dirty` are the ts that may have changed; None means all of them.
        """
        today = f"{viewer.now.astimezone(viewer.zone):%F}"
        if today != self._today:  # "today 08:00" is written differently now
            self._today, dirty = today, None
        shown: dict[str, Layout] = {}
        changed: list[tuple[str, str]] = []
        for ident, message, layout in self._layout(look, viewer):
            shown[ident] = layout
            if dirty is not None and self._sent.get(ident) == layout and message["ts"] not in dirty:
                continue
            day, grouped = layout
            html = row(self.world, look, viewer, message, day=day, grouped=grouped, pane=self.pane)
            changed.append((ident, str(html)))
        gone = [ident for ident in self._sent if ident not in shown]
        self._sent = shown
        return changed, gone

    def _layout(self, look: Look, viewer: Viewer) -> Iterator[tuple[str, Message, Layout]]:
        before: Message | None = None
        day = ""
        for message in self._messages(look):
            seconds = float(message["ts"])
            own_day = viewer.day(seconds)
            new_day = own_day if own_day != day and not self.root else ""
            grouped = not new_day and before is not None and _continues(before, message)
            private = "e" if "gone" in message else ""
            yield f"{self.pane}-{private}{message['ts']}", message, (new_day, grouped)
            before, day = message, own_day

    def _messages(self, look: Look) -> Iterable[Message]:
        channel = look.channel.id
        if self.root:
            root = self.world.message(channel, self.root)
            stored = self.world.thread(channel, self.root)
            if root is not None and root.get("deleted"):
                stored = [root, *stored]
        else:
            stored = in_channel(self.world, channel)[-(EARLIER if look.earlier else SHOWN) :]
        private = [
            answer
            for answer in self.world.ephemerals
            if answer["user"] == look.user.id
            and answer["channel"] == channel
            and not answer["gone"]
            and str(answer.get("thread_ts") or "") == self.root
        ]
        if not private:
            return stored
        return sorted([*stored, *private], key=lambda message: str(message["ts"]))


def in_channel(world: World, channel: str) -> list[Message]:
    """Return what stands in the channel itself."""
    return [message for message in world.messages.get(channel, ()) if _in_channel(message)]


def _in_channel(message: Message) -> bool:
    """Replies stay in their thread unless they were broadcast; a deleted root stays while it has replies."""
    if message.get("deleted"):
        return bool(message.get("reply_count"))
    root = message.get("thread_ts")
    return not root or root == message["ts"] or message.get("subtype") == "thread_broadcast"


def _continues(before: Message, message: Message) -> bool:
    """Plain talk is gathered under one name; a card always shows whose it is."""
    return (
        before.get("user") == message.get("user")
        and "gone" not in before
        and "gone" not in message
        and not (before.get("deleted") or before.get("reply_count") or before.get("subtype"))
        and not message.get("subtype")
        and not (message.get("bot_id") and (message.get("attachments") or message.get("blocks")))
        and float(message["ts"]) - float(before["ts"]) < GROUP_S
    )
