"""What a person may ask for, by slash command, mention or button: one table of verbs, one way to answer."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.domain.errors import UserError
from bot.domain.names import STAGES, clean_version, nearest
from bot.slack import deeds, linking, naming, proposing, text
from bot.slack.answers import (
    changes,
    compare,
    everyone,
    helping,
    models,
    setup,
    status,
    unknown,
    unlinked,
    versions,
    why,
)
from bot.slack.blocks import Message
from bot.slack.cards.look import Look
from bot.slack.grammar import Command, Form, parse, quoted, words
from bot.slack.questions import Asker, Deed, Question, known_version
from bot.slack.workspace import Workspace
from bot.store.queries.models import names_in_channel, names_like

WEEK, MONTH = timedelta(days=7), timedelta(days=30)
DEFAULT_VERBS = {"/incident": "incidents", "/oncall": "oncall"}
"""What a bare alias means; with words after it, an alias is the same as the main command."""


async def answer(
    workspace: Workspace, asker: Asker, typed: str, delivery: Callable[[], Awaitable[int | None]]
) -> Message:
    """Return the answer to what was TYPED, for the asker's eyes, after what it asks for was done; raises UserError.

    Before anything is done, DELIVERY keeps what they sent and returns its number in the inbox, or raises.
    """
    async with workspace.turns:
        found = await workspace.ask(_answer, workspace, asker, typed)
    if isinstance(found, Message):
        return found
    await workspace.act(found.action, delivery_id=await delivery())
    return found.said


def _answer(db: Session, workspace: Workspace, asker: Asker, typed: str) -> Message | Deed:
    return asked(db, asker, typed, workspace.now(), workspace.look(db))


def asked(db: Session, asker: Asker, typed: str, now: datetime, look: Look) -> Message | Deed:
    """Return the answer to what was TYPED, or what it asks to be done; raises UserError."""
    default = DEFAULT_VERBS.get(asker.word or "", "models")
    named = names_like(db, words(typed, verbs=FORMS))
    command = parse(typed, verbs=FORMS, models=named, default=default)
    own = names_in_channel(db, asker.channel) if command.model is None and not FORMS[command.verb].named else ()
    bound = own[0] if len(own) == 1 else None
    if command.left is not None:
        _refuse_flag(command, command.left, look)
    if command.unknown is not None and (command.left is not None or bound is None):
        return unknown.mistyped_model(db, command, look)
    if command.left is not None:
        every = f"`{look.command} help all` lists what I know."
        hint = "Put all of your own words in quotes." if FORMS[command.verb].text else every
        raise UserError(f"I do not know what to do with {text.code(command.left)}. {hint} Nothing done.")
    question = Question(command, asker, now, look, bound)
    return COMMANDS[command.verb](db, question)


def _refuse_flag(command: Command, left: str, look: Look) -> None:
    """Raise UserError if LEFT is a flag that the verb does not know, or one that lacks its dashes."""
    flags = FORMS[command.verb].flags
    bare = left.lstrip("-–—").partition("=")[0].lower()
    if bare == left.lower() and bare not in flags:
        return
    close = nearest(bare, flags, limit=1) or list(flags)
    meant = f"did you mean {text.code(f'--{close[0]}')}?" if close else f"{text.code(command.verb)} takes no flags."
    raise UserError(f"I do not know {text.code(left)}; {meant} Nothing done.")


def _models(db: Session, question: Question) -> Message:
    return models.models(db, question.now, question.look, user=question.asker.user)


def _status(db: Session, question: Question) -> Message:
    if "all" in question.command.flags:
        return models.table(db, question.now, question.look)
    if question.model is None:
        return _models(db, question)
    return status.status(db, question.model, question.now, question.look)


def _changes(db: Session, question: Question) -> Message:
    since = question.now - question.span("since", WEEK)
    return changes.changes(db, question.needed("changes NAME"), question.now, since, question.look)


def _versions(db: Session, question: Question) -> Message:
    return versions.list_versions(db, question.needed("versions NAME"), question.now, question.look)


def _deploys(db: Session, question: Question) -> Message:
    since = question.now - question.span("since", MONTH)
    return versions.list_deploys(db, question.needed("deploys NAME"), question.now, since, question.look)


def _compare(db: Session, question: Question) -> Message:
    model = question.about(db, "compare NAME v42 v43")
    named = [clean_version(word) or "" for word in question.command.words]
    if len(named) != 2 or len(set(named)) != 2:
        raise UserError(f"Which two versions? Write `{question.look.command} compare {quoted(model.name)} v42 v43`.")
    for name in named:
        known_version(db, model, name)
    before, after = named
    return compare.compare(db, model, before, after, question.look)


def _why(db: Session, question: Question) -> Message:
    since = question.now - question.span("since", MONTH)
    metric = " ".join(question.command.words) or None
    return why.why(db, question.needed("why NAME"), metric, question.now, since, question.look)


def _setup(db: Session, question: Question) -> Message:
    return setup.setup(db, question.needed("setup NAME"), question.now, question.look)


def _unlinked(db: Session, question: Question) -> Message:
    return unlinked.unlinked(db, question.now, question.look)


def _help(db: Session, question: Question) -> Message:
    if "all" in question.command.words:
        return helping.every_command(question.look)
    return helping.help_for(db, question.look, user=question.asker.user)


def _incidents(db: Session, question: Question) -> Message:
    return everyone.open_incidents(db, question.now, question.look)


def _oncall(db: Session, question: Question) -> Message:
    return everyone.on_call(db, question.look)


COMMANDS: dict[str, Callable[[Session, Question], Message | Deed]] = {
    "models": _models,
    "status": _status,
    "changes": _changes,
    "why": _why,
    "versions": _versions,
    "deploys": _deploys,
    "compare": _compare,
    "log": deeds.log,
    "mark": deeds.mark,
    "promote": proposing.promote,
    "rollback": proposing.roll_back,
    "setup": _setup,
    "rename": naming.rename,
    "merge": naming.merge,
    "retire": naming.retire,
    "unlinked": _unlinked,
    "link": linking.link,
    "unlink": linking.unlink,
    "incidents": _incidents,
    "oncall": _oncall,
    "help": _help,
}
SINCE, AGO, NO_MODEL = {"since": True}, {"ago": True}, Form(model=False)
FORMS: dict[str, Form] = {
    "models": NO_MODEL,
    "status": Form(flags={"all": False}),
    "changes": Form(flags=SINCE),
    "why": Form(words=None, flags=SINCE),
    "versions": Form(),
    "deploys": Form(flags=SINCE),
    "compare": Form(words=2),
    "log": Form(text=True, flags=AGO),
    "mark": Form(words=2, text=True, own=deeds.WORDS),
    "promote": Form(words=2, own=STAGES, skips={"to"}),
    "rollback": Form(words=1, skips={"to"}, flags={"from": True}),
    "setup": Form(),
    "rename": Form(model=False, words=2, skips={"to"}),
    "merge": Form(model=False, words=2, skips={"into"}, flags={"yes": False}),
    "retire": Form(named=True, flags={"undo": False}),
    "unlinked": NO_MODEL,
    "link": Form(model=False, words=None, skips={"to"}),
    "unlink": Form(model=False, words=1),
    "incidents": NO_MODEL,
    "oncall": NO_MODEL,
    "help": Form(model=False, words=None),
}
"""What each verb takes."""
