"""The two short-lived tickets that come with an interaction: trigger_id and response_url.

A trigger lives 3 s of real time and opens one modal. A response_url lives 30 minutes of sandbox time and
takes five answers. https://docs.slack.dev/interactivity/handling-user-interaction
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.clock import Clock
from bot.sandbox.errors import SlackError

TRIGGER_S = 3.0
RESPONSES = 5
RESPONSE_LIFE = timedelta(minutes=30)
KEPT = 10_000


@dataclass
class Trigger:
    """`view` is the modal in which it was made, if any."""

    user: str
    made: float
    view: str = ""
    used: bool = False


class Triggers:
    def __init__(self) -> None:
        self._all: dict[str, Trigger] = {}

    def make(self, ident: str, user: str, view: str = "") -> str:
        if len(self._all) >= KEPT:
            self._all.pop(next(iter(self._all)))
        self._all[ident] = Trigger(user, time.monotonic(), view)
        return ident

    def use(self, ident: str) -> Trigger:
        """Spend a trigger. Raises SlackError as views.open does."""
        trigger = self._all.get(ident)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if time.monotonic() - trigger.made > TRIGGER_S:
            raise SlackError("expired_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        trigger.used = True
        return trigger


@dataclass
class ResponseUrl:
    """`ts` is the message that it may replace; `ephemeral` says of which kind that is."""

    user: str
    channel: str
    made: datetime
    ts: str = ""
    ephemeral: bool = False
    thread_ts: str = ""
    used: int = 0


class ResponseUrls:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: dict[str, ResponseUrl] = {}

    def make(
        self,
        ident: str,
        user: str,
        channel: str,
        *,
        ts: str = "",
        ephemeral: bool = False,
        thread_ts: str = "",
    ) -> str:
        if len(self._all) >= KEPT:
            self._all.pop(next(iter(self._all)))
        self._all[ident] = ResponseUrl(user, channel, self._clock.now(), ts, ephemeral, thread_ts)
        return ident

    def use(self, ident: str) -> ResponseUrl:
        """Spend one of five uses. Raises SlackError used_url or expired_url."""
        found = self._all.get(ident)
        if found is None or found.used >= RESPONSES:
            raise SlackError("used_url")
        if self._clock.now() - found.made > RESPONSE_LIFE:
            raise SlackError("expired_url")
        found.used += 1
        return found
