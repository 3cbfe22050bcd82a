"""Who is looking at the page: names, time zone and the hour depend on it.

Slack renders `<@U..>`, `<#C..>` and `<!date..>` for each reader in the client, so every rendering function
takes a Viewer; nothing else about the world reaches the renderer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DATE_TOKEN = re.compile(r"\{(date_num|date_slash|date|date_long|date_short|date_pretty|date_long_pretty|"
                        r"date_short_pretty|time|time_secs|ago|day_divider_pretty)\}")  # fmt: skip


@dataclass(frozen=True)
class Viewer:
    """A reader. `now` is the sandbox's clock, aware; the maps go from ids to names without sign."""

    user: str
    zone: tzinfo
    now: datetime
    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)

    def local(self, seconds: float) -> datetime:
        """Return the epoch second in the reader's zone."""
        return datetime.fromtimestamp(seconds, self.zone)

    def clock(self, seconds: float) -> str:
        """Return `08:05`."""
        return f"{self.local(seconds):%H:%M}"

    def day(self, seconds: float) -> str:
        """Return `Today`, `Yesterday` or `Monday, 23 November`, the words of the line between two days."""
        then = self.local(seconds).date()
        near = relative_day(then, self.now.astimezone(self.zone).date())
        if near and near != "tomorrow":
            return near.capitalize()
        year = "" if then.year == self.now.year else f" {then.year}"
        return f"{DAYS[then.weekday()]}, {then.day} {MONTHS[then.month - 1]}{year}"

    def when(self, seconds: float) -> str:
        """Return `today 08:05` or `23 Nov 08:05`."""
        return self.date_text(seconds, "{date_short_pretty} {time}")

    def date_text(self, seconds: float, template: str) -> str:
        """Fill Slack's date tokens. https://docs.slack.dev/messaging/formatting-message-text#date-formatting"""
        then = self.local(seconds)
        return DATE_TOKEN.sub(lambda match: self._token(match[1], then), template)

    def _token(self, name: str, then: datetime) -> str:
        today = self.now.astimezone(self.zone).date()
        match name:
            case "time":
                return f"{then:%H:%M}"
            case "time_secs":
                return f"{then:%H:%M:%S}"
            case "date_num":
                return f"{then:%Y-%m-%d}"
            case "date_slash":
                return f"{then:%d/%m/%Y}"
            case "ago":
                return ago(self.now - then)
            case _:
                near = relative_day(then.date(), today) if name.endswith("_pretty") else None
                return near or long_date(then.date(), today, short="short" in name, weekday="long" in name)


def relative_day(then: date, today: date) -> str | None:
    """Return today, yesterday or tomorrow, or None."""
    return {0: "today", -1: "yesterday", 1: "tomorrow"}.get((then - today).days)


def long_date(then: date, today: date, *, short: bool, weekday: bool) -> str:
    """Return `23 Nov`, `23 November` or `Monday, 23 November`, with the year only when it is another one."""
    month = MONTHS[then.month - 1]
    text = f"{then.day} {month[:3] if short else month}"
    if then.year != today.year:
        text += f" {then.year}"
    return f"{DAYS[then.weekday()]}, {text}" if weekday else text


def ago(span: timedelta) -> str:
    """Return `3 minutes ago` in the largest unit that fits."""
    seconds = int(abs(span.total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            text = f"{number} {unit}{'' if number == 1 else 's'}"
            return f"{text} ago" if span > timedelta(0) else f"in {text}"
    return "just now"
