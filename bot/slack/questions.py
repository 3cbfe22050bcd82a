"""What a person asks: their words understood, with all that an answer may depend on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from sqlmodel import Session

from bot.domain.actions import Action
from bot.domain.errors import UserError
from bot.slack import text
from bot.slack.blocks import Message
from bot.slack.cards.look import Look
from bot.slack.grammar import Command, which
from bot.store.queries.models import model_by_name, names_like
from bot.store.queries.versions import version_named, versions
from bot.store.tables import Model

UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Asker:
    """Who asks, and where; `word` is the slash command that they typed, None for a mention or a button."""

    user: str
    channel: str
    word: str | None = None
    thread_ts: str | None = None


@dataclass(frozen=True)
class Question:
    """A command with all that an answer may depend on."""

    command: Command
    asker: Asker
    now: datetime
    look: Look
    bound: str | None
    """The one model of the channel where it was asked, if there is just one and no other was named."""

    @property
    def model(self) -> str | None:
        """The model that was named, or the channel's own."""
        return self.command.model or self.bound

    def needed(self, example: str) -> str:
        """Return the name of the model that this is about; raises UserError with an EXAMPLE when there is none."""
        if self.model is None:
            raise UserError(f"Of which model? Write `{self.look.command} {example}`.")
        return self.model

    def about(self, db: Session, example: str) -> Model:
        """Return the model that this is about; raises UserError with an EXAMPLE when there is none."""
        model = model_by_name(db, self.needed(example))
        if model is None:
            raise UserError(f"There is no model {text.bold(self.model)}. Nothing done.")
        return model

    def span(self, flag: str, default: timedelta) -> timedelta:
        """Return the time span of a flag, `--since 3d`; raises UserError for what is none."""
        given = self.command.flags.get(flag)
        if given is None:
            return default
        number, unit = given[:-1], given[-1:].lower()
        if not (number.isascii() and number.isdigit()) or unit not in UNITS or not 0 < int(number) <= 1000:
            typed = text.code(f"--{flag} {given}".strip())
            raise UserError(f"{typed} is not a span; write for example `--{flag} 3d`, `12h` or `2w`.")
        return int(number) * UNITS[unit]


@dataclass(frozen=True)
class Deed:
    """A command that changes something: the act, and what its author reads once it is done."""

    action: Action
    said: Message


def model_like(db: Session, word: str) -> Model | None:
    """Return the model that a typed WORD names."""
    name = which(word, names_like(db, [word]))
    return model_by_name(db, name) if name else None


def known_version(db: Session, model: Model, name: str) -> None:
    """Raise UserError, with the newest versions, for one that nobody ever told us of."""
    if model.id is not None and version_named(db, model.id, name) is None:
        known = ", ".join(text.version(v.name) for v in versions(db, model.id, limit=5)) or "none"
        unheard = f"{text.version(name)} of {text.bold(model.name)}"
        raise UserError(f"I never heard of {unheard}; the newest are {known}. Nothing done.")


def explain(question: Question, what: str, example: str) -> NoReturn:
    """Raise UserError that asks WHAT is missing, with an EXAMPLE."""
    raise UserError(f"{what} Write `{question.look.command} {text.escape(example)}`. Nothing done.")
