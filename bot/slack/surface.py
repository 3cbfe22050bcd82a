"""Slack as a Surface: messages, thread replies and App Homes that the loop keeps equal to our rows.

Outbound only. Every message carries its key and nonce as metadata, so that a create whose answer was lost is found
again in the channel's history. The budgets are ours: the SDK's retry handler would post twice (platforms.md 0.2).
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import aiohttp
from prometheus_client import Counter
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain import keys
from bot.domain.errors import GoneError, NoBudget, OutboundError, PermanentError, TemporaryError, UncertainError
from bot.ports import Now, RemoteId, Work
from bot.reconcile.budget import NOW, Budget, Rate
from bot.reconcile.loop import RECOVERED
from bot.slack.directory import next_cursor
from bot.slack.errors import OutOfReach, translate

EVENT_TYPE = "bellwether_card"
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
WINDOW = timedelta(seconds=61)
"""A minute, and some time for calls that take longer on their way than others."""
POSTS_IN_CHANNEL = Rate(2, 2 * SECOND)
POSTS = Rate(300, WINDOW, reserve=5)
UPDATES = Rate(50, WINDOW, reserve=5)
"""chat.update is Tier 3 for the whole workspace, all channels together: the scarce one."""
PUBLISHES = Rate(100, WINDOW, reserve=5)
READS = Rate(50, WINDOW)
"""https://docs.slack.dev/apis/web-api/rate-limits; the reserves are for people, half of them for incidents, too."""

CALLS = Counter("bellwether_slack_calls_total", "Calls of Slack's Web API that keep messages", ["method", "outcome"])

LADDER = ("data_visualization", "data_table", "table")
"""Blocks that a workspace may refuse; the first one that a refused message holds is given up for good."""
CLOCK_SKEW = timedelta(seconds=30)
ID = re.compile(r"^[CGDUW][A-Z0-9]{2,}$")

Refuse = Callable[[str, str], Awaitable[None]]
"""Remember that the workspace refuses this block type, and why."""

Resolve = Callable[[str], Awaitable[str | None]]
"""Return the id of a channel by its name without '#'."""


class SlackSurface:
    """Keeps messages in one workspace."""

    look_again: Sequence[timedelta] = (timedelta(seconds=3),)

    def __init__(self, client: AsyncWebClient, budget: Budget, now: Now, *, resolve: Resolve, refuse: Refuse) -> None:
        """`client` must have no retry handlers; `budget` is the workspace's."""
        self._client = client
        self._budget = budget
        self._now = now
        self._resolve = resolve
        self._refuse = refuse

    async def find(self, work: Work) -> RemoteId | None:
        """Return the message that carries this work's nonce, looking in history from shortly before it was sent."""
        content = work.body.content
        if "view" in content:
            return RemoteId(content["user"])  # publishing is an upsert
        channel = await self._channel(content)
        if "channel" in content:
            return await self._find_in(channel, work)
        try:
            self._spend("conversations.open", READS, work)
            call = self._client.conversations_open(users=channel)
            direct = await self._call("conversations.open", READS, call, idempotent=True)
            return await self._find_in(direct["channel"]["id"], work)
        except TemporaryError as e:
            if "missing_scope" not in str(e):
                raise
            return None  # the scopes for it are optional: without them a direct message may come twice

    async def _find_in(self, channel: str, work: Work) -> RemoteId | None:
        since = f"{(work.since - CLOCK_SKEW).timestamp():.6f}"
        arguments: dict[str, Any] = {"channel": channel, "oldest": since, "include_all_metadata": 1, "limit": 200}
        method = "conversations.history"
        if thread := work.body.content.get("thread_ts"):
            method, arguments["ts"] = "conversations.replies", thread
        while True:
            self._spend(method, READS, work)
            call = self._client.api_call(method, http_verb="GET", params=arguments)
            page = await self._call(method, READS, call, idempotent=True)
            for message in page["messages"]:
                if message.get("metadata", {}).get("event_payload", {}).get("nonce") == work.nonce:
                    RECOVERED.labels("slack").inc()
                    return RemoteId(f"{channel}:{message['ts']}")
            if not (cursor := next_cursor(page)):
                return None
            arguments["cursor"] = cursor

    async def create(self, work: Work) -> RemoteId:
        """Post the message or publish the view."""
        content = work.body.content
        if "view" in content:
            return await self._publish(work)
        channel = await self._channel(content)
        self._spend("chat.postMessage", POSTS, work)
        try:
            self._spend(f"chat.postMessage {channel}", POSTS_IN_CHANNEL, work)
        except NoBudget:
            self._budget.put_back("chat.postMessage")
            raise
        call = self._client.chat_postMessage(
            channel=channel,
            **_shown(content),
            thread_ts=content.get("thread_ts"),
            metadata={"event_type": EVENT_TYPE, "event_payload": {"key": work.key, "nonce": work.nonce}},
            unfurl_links=False,
            unfurl_media=False,
        )
        posted = await self._sent(f"chat.postMessage {channel}", POSTS_IN_CHANNEL, call, content, idempotent=False)
        return RemoteId(f"{posted['channel']}:{posted['ts']}")

    async def update(self, work: Work, remote_id: RemoteId) -> RemoteId:
        """Edit the message where it stands, or publish the view again.

        Raises GoneError for one in a channel that is out of reach, when it belongs into another one now.
        """
        content = work.body.content
        if "view" in content:
            return await self._publish(work)
        channel, _, ts = remote_id.partition(":")
        self._spend("chat.update", UPDATES, work)
        call = self._client.chat_update(channel=channel, ts=ts, **_shown(content))
        try:
            await self._sent("chat.update", UPDATES, call, content, idempotent=True)
        except OutOfReach as e:
            if await self._channel(content) == channel:
                raise
            raise GoneError(f"it stands where the bot cannot write any more: {e}") from e
        return remote_id

    async def _publish(self, work: Work) -> RemoteId:
        user = work.body.content["user"]
        self._spend("views.publish", PUBLISHES, work)
        call = self._client.views_publish(user_id=user, view=work.body.content["view"])
        await self._sent("views.publish", PUBLISHES, call, work.body.content["view"], idempotent=True)
        return RemoteId(user)

    async def _channel(self, content: Mapping[str, Any]) -> str:
        name: str = content.get("channel") or content["user"]
        if ID.match(name):
            return name
        if found := await self._resolve(name.lstrip("#")):
            return found
        message = f"there is no channel {name} that the bot can see; create it, or write /invite @bellwether there"
        raise TemporaryError(message, MINUTE)

    def _spend(self, name: str, rate: Rate, work: Work) -> None:
        """Take one call from the budget; raises NoBudget."""
        leave = _leave(rate, work)
        wait = self._budget.take(name, rate, self._now(), leave=leave)
        if wait > NOW:
            raise NoBudget(f"budget of {name} is used up", wait, partial(self._still, name, rate, leave))

    def _still(self, name: str, rate: Rate, leave: int) -> timedelta:
        return self._budget.wait(name, rate, self._now(), leave=leave)

    async def _sent(
        self,
        name: str,
        rate: Rate,
        call: Awaitable[AsyncSlackResponse],
        content: Mapping[str, Any],
        *,
        idempotent: bool,
    ) -> AsyncSlackResponse:
        """Make the call; a block that this workspace does not know is given up, and the message drawn again."""
        try:
            return await self._call(name, rate, call, idempotent=idempotent)
        except PermanentError as e:
            refused = next((kind for kind in LADDER if _holds(content, kind)), None)
            if refused is None or not any(code in str(e) for code in ("invalid_blocks", "invalid_attachments")):
                raise
            await self._refuse(refused, str(e))
            raise NoBudget(f"this workspace refuses {refused}; drawing it without", NOW) from e

    async def _call(
        self, name: str, rate: Rate, call: Awaitable[AsyncSlackResponse], *, idempotent: bool
    ) -> AsyncSlackResponse:
        try:
            answer = await call
            self._budget.answered(name, self._now())
            CALLS.labels(_method(name), "ok").inc()
            return answer
        except (SlackApiError, aiohttp.ClientError, OSError) as e:
            error = translate(e, idempotent=idempotent)
            CALLS.labels(_method(name), _outcome(error)).inc()
            if isinstance(error, NoBudget):
                self._budget.park(name, rate, self._now(), error.after)
                error.still = partial(self._still, name, rate, 0)
            raise error from e


def _method(name: str) -> str:
    """Return the method of which NAME is a budget."""
    return name.partition(" ")[0]


def _outcome(error: OutboundError) -> str:
    match error:
        case NoBudget():
            return "limited"
        case GoneError():
            return "gone"
        case PermanentError():
            return "refused"
        case UncertainError():
            return "uncertain"
        case _:
            return "failed"


def _leave(rate: Rate, work: Work) -> int:
    """Return how many calls this one leaves to others: people first, then incidents, then cards, then hot cards."""
    if work.urgent:
        return 0
    return rate.reserve // 2 if keys.is_pressing(work.key) else rate.reserve + work.spare


def _shown(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a person sees; all of them each time, because an update drops what it is not told."""
    return {name: content.get(name) or ([] if name != "text" else "") for name in ("text", "blocks", "attachments")}


def _holds(content: Mapping[str, Any], kind: str) -> bool:
    """Return whether a block of type KIND is anywhere in a message's or view's blocks."""
    blocks = [*content.get("blocks", ()), *(b for a in content.get("attachments", ()) for b in a.get("blocks", ()))]
    return any(block.get("type") == kind for block in blocks)
