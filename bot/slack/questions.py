"""What a person asks: their words understood, with all that an answer may depend on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.actions import Action
from bot.domain.errors import UserError
from bot.slack.blocks import Message
from bot.slack.cards.look import Look
from bot.slack.grammar import Command

UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Asker:
    """Who asks, and where; `word` is the slash command that they typed, None for a mention or a button."""

    user: str
    channel: str
    word: str | None = None
    thread_ts: str | None = None
    delivery_id: int | None = None
    """Their request in the inbox: done together with what it asks for, so that it is done once."""


@dataclass(frozen=True)
class Question:
    """A command with all that an answer may depend on."""

    command: Command
    asker: Asker
    now: datetime
    look: Look
    bound: str | None
    """The one model of the channel where it was asked, if there is just one."""

    @property
    def model(self) -> str | None:
        """The model that was named, or the channel's own."""
        return self.command.model or self.bound

    def span(self, flag: str, default: timedelta) -> timedelta:
        """Return the time span of a flag, `--since 3d`; raises UserError for what is none."""
        given = self.command.flags.get(flag)
        if not given:
            return default
        number, unit = given[:-1], given[-1:].lower()
        if not (number.isascii() and number.isdigit()) or unit not in UNITS or not 0 < int(number) <= 1000:
            raise UserError(f"`--{flag} {given}` is not a span; write for example `--{flag} 3d`, `12h` or `2w`.")
        return int(number) * UNITS[unit]


@dataclass(frozen=True)
class Deed:
    """A command that changes something: the act, and what its author reads once it is done."""

    action: Action
    said: Message
