"""What a person may ask for, by slash command, mention or button: one table of verbs, one way to answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, select

from bot.domain.errors import UserError
from bot.slack.answers import changes, everyone, helping, models, status, unknown
from bot.slack.blocks import Message
from bot.slack.cards.look import Look
from bot.slack.grammar import Command, parse
from bot.slack.workspace import Workspace
from bot.store.queries.directory import name_of
from bot.store.tables import Model

WEEK = timedelta(days=7)
DEFAULT_VERBS = {"/incident": "incidents", "/oncall": "oncall"}
"""What a bare alias means; with words after it, an alias is the same as the main command."""


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
    """The one model of the channel where it was asked, if there is just one."""

    @property
    def model(self) -> str | None:
        """The model that was named, or the channel's own."""
        return self.command.model or self.bound


async def answer(workspace: Workspace, asker: Asker, text: str) -> Message:
    """Return the answer to TEXT, for the asker's eyes; raises UserError."""
    return await workspace.ask(_answer, workspace, asker, text)


def _answer(db: Session, workspace: Workspace, asker: Asker, text: str) -> Message:
    look = workspace.look(db)
    channels = dict(db.exec(select(Model.name, Model.channel)).all())
    default = DEFAULT_VERBS.get(asker.word or "", "models")
    command = parse(text, verbs=COMMANDS, models=channels, default=default)
    if command.unknown and command.verb in ("status", "changes"):
        return unknown.unknown_model(db, command.unknown, look, verb=command.verb)
    here = {asker.channel, name_of(db, asker.channel), f"#{name_of(db, asker.channel)}"}
    bound = [name for name, channel in channels.items() if channel in here]
    question = Question(command, asker, workspace.now(), look, bound[0] if len(bound) == 1 else None)
    return COMMANDS[command.verb](db, question)


def _models(db: Session, question: Question) -> Message:
    return models.models(db, question.now, question.look, user=question.asker.user)


def _status(db: Session, question: Question) -> Message:
    if question.model is None:
        return _models(db, question)
    return status.status(db, question.model, question.now, question.look)


def _changes(db: Session, question: Question) -> Message:
    if question.model is None:
        raise UserError(f"Whose changes? Write `{question.look.command} changes NAME`.")
    since = question.now - _span(question.command.flags.get("since"))
    return changes.changes(db, question.model, question.now, since, question.look)


def _span(text: str | None) -> timedelta:
    """Return a span written as `3d`, `12h` or `2w`; a week when none is given. Raises UserError."""
    if not text:
        return WEEK
    number, unit = text[:-1], text[-1:].lower()
    units = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
    if not number.isdigit() or unit not in units or not 0 < int(number) <= 1000:
        raise UserError(f"`--since {text}` is not a span; write for example `--since 3d`, `12h` or `2w`.")
    return int(number) * units[unit]


def _help(db: Session, question: Question) -> Message:
    return helping.help_for(db, question.look, user=question.asker.user)


def _incidents(db: Session, question: Question) -> Message:
    return everyone.open_incidents(db, question.now, question.look)


def _oncall(db: Session, question: Question) -> Message:
    return everyone.on_call(db, question.look)


COMMANDS: dict[str, Callable[[Session, Question], Message]] = {
    "models": _models,
    "status": _status,
    "changes": _changes,
    "incidents": _incidents,
    "oncall": _oncall,
    "help": _help,
}
