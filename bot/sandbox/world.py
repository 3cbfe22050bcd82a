"""What exists in the sandbox: people, channels, messages, views, tickets; all else reads and changes it.

One event loop owns it; there are no locks. Dicts are in the shapes of Slack's Web API and Jira's REST API,
so that the state can be shown and served as it is. Whoever changes something that a person could see calls
`touch` (or a method that does).
"""

import bisect
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox.clock import Clock
from bot.sandbox.pulse import Pulse

TEAM = "T00SANDBOX"
APP = "A00BELLWETHER"
BOT_ID = "B00BELLWETHER"
BOT_USER = "U00BELLWETHER"
SLACKBOT = "USLACKBOT"

# Who caused an effect: the app (through the API or an ack), a person, or Slack itself.
Cause = Literal["app", "person", "slack", "jira"]
KEPT_CALLS = 100_000
KEPT_EFFECTS = 20_000


@dataclass
class User:
    """`tz` is an IANA name; `is_bot` is true for the app's own user and for Slackbot."""

    id: str
    name: str
    real_name: str
    tz: str = "Europe/Paris"
    is_bot: bool = False


@dataclass
class Channel:
    """`name` without `#`; for a direct message with the app, `user` is the person and `is_im` is true."""

    id: str
    name: str
    members: set[str]
    is_archived: bool = False
    is_private: bool = False
    is_im: bool = False
    user: str = ""
    creator: str = "U03DANA"
    created: int = 0
    topic: str = ""
    purpose: str = ""
    pins: list[str] = field(default_factory=list)  # ts of pinned messages
    bookmarks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Effect:
    """One visible change. `version` is the world's version after it; `at` is `time.monotonic()`."""

    version: int
    at: float
    cause: Cause
    kind: str  # message, ephemeral, view, home, reaction, channel, issue, ...
    channel: str = ""
    user: str = ""  # set when only this user can see it
    ref: str = ""  # ts, view id or issue key


class World:
    """`messages[channel]` is ordered by ts and holds thread replies and deleted ones (`"deleted": True`) too.

    A message is a dict as the Web API stores it: type, ts, user, text, and where they apply bot_id, app_id,
    blocks, attachments, metadata (whole), thread_ts, reply_count, reply_users, latest_reply, edited {user,
    ts}, reactions [{name, users, count}], pinned_to, subtype, deleted. An ephemeral is {user, channel, ts,
    text, blocks, attachments, thread_ts?, gone, bot_id | by}. A view is as Slack stores it (id, type,
    title, blocks, state, hash, private_metadata, callback_id, root_view_id, previous_view_id) plus "user"
    and, after a refused submission, "errors" {block_id: text}; views of one user are stacked in order of
    opening, the last one is what the user sees. An issue is a Jira issue as GET returns it ({id, key, self,
    fields}) plus "properties" {key: value} and "remotelinks" [...].
    """

    def __init__(self, clock: Clock | None = None, bot_name: str = "bellwether") -> None:
        self.clock = clock or Clock()
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.ephemerals: list[dict[str, Any]] = []
        self.views: dict[str, dict[str, Any]] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.issues: dict[str, dict[str, Any]] = {}
        self.calls: deque[dict[str, Any]] = deque(maxlen=KEPT_CALLS)
        self.calls_seen = 0
        self.story: dict[str, Any] = {}
        self.story_pulse = Pulse()
        self.effects: deque[Effect] = deque(maxlen=KEPT_EFFECTS)
        self.pulse = Pulse()
        self.last_id = 0
        self._taken_ts: set[str] = set()
        self._start(bot_name)

    def _start(self, bot_name: str) -> None:
        people = (
            User("U01ALICE", "alice", "Alice Martin"),
            User("U02BOB", "bob", "Bob Okafor", tz="America/New_York"),
            User("U03DANA", "dana", "Dana Novak"),
            User(BOT_USER, bot_name, bot_name, tz="UTC", is_bot=True),
            User(SLACKBOT, "slackbot", "Slackbot", tz="UTC", is_bot=True),
        )
        self.users = {user.id: user for user in people}
        everyone = {"U01ALICE", "U02BOB", "U03DANA", BOT_USER}
        named = (
            ("C01GENERAL", "general"),
            ("C02MLFRAUD", "ml-fraud"),
            ("C03MLWEEKLY", "ml-weekly"),
            ("C04MLLEADS", "ml-leads"),
        )
        for ident, name in named:
            self.add_channel(Channel(ident, name, set(everyone), created=int(self.clock.epoch())))

    # -- change and waiting --------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        return self.pulse.version

    async def changed(self, after: int, timeout: float) -> int:  # noqa: ASYNC109 - a long poll
        """Return the version as soon as it is past `after`, or the same one after `timeout` real seconds."""
        return await self.pulse.wait(after, timeout)

    def touch(self, kind: str, cause: Cause, *, channel: str = "", user: str = "", ref: str = "") -> None:
        self.effects.append(Effect(self.pulse.version + 1, time.monotonic(), cause, kind, channel, user, ref))
        self.pulse.beat()

    def effects_since(self, version: int) -> Iterator[Effect]:
        """Yield the newest effects first, back to (not including) `version`."""
        for effect in reversed(self.effects):
            if effect.version <= version:
                return
            yield effect

    # -- looking up ----------------------------------------------------------------------------------------

    def user(self, ref: str) -> User | None:
        """Find by id, name, `@name` or `<@id>`."""
        bare = ref.strip().removeprefix("<@").removesuffix(">").removeprefix("@").partition("|")[0]
        return self.users.get(bare) or next((u for u in self.users.values() if u.name == bare.lower()), None)

    def channel(self, ref: str) -> Channel | None:
        """Find by id, name, `#name` or `<#id|name>`."""
        bare = ref.strip().removeprefix("<#").removesuffix(">").removeprefix("#").partition("|")[0]
        found = self.channels.get(bare)
        return found or next((c for c in self.channels.values() if c.name == bare and not c.is_im), None)

    def direct(self, user: str) -> Channel:
        """Return the direct message channel of `user` (an id) with the app, made at first use."""
        found = next((c for c in self.channels.values() if c.is_im and c.user == user), None)
        if found is None:
            ident = "D" + user.removeprefix("U")
            found = Channel(ident, "", {user, BOT_USER}, is_im=True, user=user, created=int(self.clock.epoch()))
            self.add_channel(found)
        return found

    def message(self, channel: str, ts: str) -> dict[str, Any] | None:
        """Return the stored message, deleted ones too; ask for its "deleted"."""
        stored = self.messages.get(channel, [])
        at = bisect.bisect_left(stored, ts, key=_ts)
        return stored[at] if at < len(stored) and stored[at]["ts"] == ts else None

    def thread(self, channel: str, root: str) -> list[dict[str, Any]]:
        """Return the root and its replies in ts order, without the deleted."""
        stored = self.messages.get(channel, [])
        begin = bisect.bisect_left(stored, root, key=_ts)
        return [
            message
            for message in stored[begin:]
            if not message.get("deleted") and (message["ts"] == root or message.get("thread_ts") == root)
        ]

    def open_view(self, user: str) -> dict[str, Any] | None:
        """Return the modal on top of what `user` sees."""
        return next((view for view in reversed(self.views.values()) if view["user"] == user), None)

    # -- making --------------------------------------------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        self.last_id += 1
        return f"{prefix}0{self.last_id:09X}"

    def new_ts(self) -> str:
        """Return the next free ts ("1795420800.000100"): unique in the workspace, close to the clock."""
        micros = int(self.clock.epoch() * 1_000_000)
        ts = f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
        while ts in self._taken_ts:
            micros += 1
            ts = f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
        self._taken_ts.add(ts)
        return ts

    def claim(self, stamps: Iterable[str]) -> None:
        """Take these ts as used."""
        self._taken_ts.update(stamps)

    def add_channel(self, channel: Channel, cause: Cause = "slack") -> None:
        self.channels[channel.id] = channel
        self.messages.setdefault(channel.id, [])
        self.touch("channel", cause, channel=channel.id)

    def add_message(self, channel: str, message: dict[str, Any], cause: Cause) -> dict[str, Any]:
        """Store `message` (it gets a ts unless it has one) and count it in its thread."""
        message.setdefault("ts", self.new_ts())
        stored = self.messages[channel]
        if not stored or stored[-1]["ts"] < message["ts"]:
            stored.append(message)
        else:
            bisect.insort(stored, message, key=_ts)
        if message.get("thread_ts") and message["thread_ts"] != message["ts"]:
            self.count_replies(channel, message["thread_ts"])
        self.touch("message", cause, channel=channel, ref=message["ts"])
        return message

    def remove_message(self, channel: str, message: dict[str, Any], cause: Cause) -> None:
        """Hide `message`; it stays in `messages` as deleted, so that a test can see it was there."""
        message["deleted"] = True
        if message["ts"] in self.channels[channel].pins:
            self.channels[channel].pins.remove(message["ts"])
        if message.get("thread_ts") and message["thread_ts"] != message["ts"]:
            self.count_replies(channel, message["thread_ts"])
        self.touch("message", cause, channel=channel, ref=message["ts"])

    def count_replies(self, channel: str, root_ts: str) -> None:
        root = self.message(channel, root_ts)
        if root is None:
            return
        replies = [m for m in self.thread(channel, root_ts) if m["ts"] != root_ts]
        for key in ("thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply"):
            root.pop(key, None)
        if replies:
            authors = list(dict.fromkeys(reply["user"] for reply in replies))
            root |= {
                "thread_ts": root_ts,
                "reply_count": len(replies),
                "reply_users": authors[:5],
                "reply_users_count": len(authors),
                "latest_reply": replies[-1]["ts"],
            }

    def add_ephemeral(self, user: str, channel: str, content: dict[str, Any], cause: Cause = "app") -> dict[str, Any]:
        """Show `content` (text, blocks, attachments, thread_ts) in `channel` to `user` only."""
        by = {"by": SLACKBOT} if cause == "slack" else {"bot_id": BOT_ID, "by": BOT_USER}
        shown = {"user": user, "channel": channel, "ts": self.new_ts(), "text": "", "gone": False} | by | content
        self.ephemerals.append(shown)
        self.touch("ephemeral", cause, channel=channel, user=user, ref=str(shown["ts"]))
        return shown

    def record_call(self, call: dict[str, Any]) -> None:
        """Keep `call` (the contract of GET /_sandbox/calls, without `n`)."""
        self.calls_seen += 1
        self.calls.append({"n": self.calls_seen} | call)


def _ts(message: dict[str, Any]) -> str:
    return str(message["ts"])
