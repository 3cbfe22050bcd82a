"""What a person may ask for, by slash command, mention or button: one table of verbs, one way to answer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlmodel import Session

from bot.domain.errors import UserError
from bot.domain.names import clean_version
from bot.slack import deeds, linking, proposing
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
from bot.slack.grammar import parse, quoted, words
from bot.slack.questions import Asker, Deed, Question, known_version
from bot.slack.workspace import Workspace
from bot.store.queries.models import names_in_channel, names_like

WEEK, MONTH = timedelta(days=7), timedelta(days=30)
DEFAULT_VERBS = {"/incident": "incidents", "/oncall": "oncall"}
"""What a bare alias means; with words after it, an alias is the same as the main command."""


async def answer(
    workspace: Workspace, asker: Asker, text: str, delivery: Callable[[], Awaitable[int | None]]
) -> Message:
    """Return the answer to TEXT, for the asker's eyes, after what it asks for was done; raises UserError.

    Before anything is done, DELIVERY keeps what they sent and returns its number in the inbox, or raises.
    """
    async with workspace.turns:
        found = await workspace.ask(_answer, workspace, asker, text)
    if isinstance(found, Message):
        return found
    await workspace.act(found.action, delivery_id=await delivery())
    return found.said


def _answer(db: Session, workspace: Workspace, asker: Asker, text: str) -> Message | Deed:
    look = workspace.look(db)
    default = DEFAULT_VERBS.get(asker.word or "", "models")
    named = names_like(db, words(text, verbs=COMMANDS))
    command = parse(text, verbs=COMMANDS, models=named, default=default, wordy=WORDY)
    own = names_in_channel(db, asker.channel) if command.model is None else ()
    bound = own[0] if len(own) == 1 else None
    if command.unknown and command.verb in OF_A_MODEL and not (bound and command.verb in WORDY):
        rest = command.words[1:]
        return unknown.unknown_model(db, command.unknown, look, verb=command.verb, words=rest)
    question = Question(command, asker, workspace.now(), look, bound)
    return COMMANDS[command.verb](db, question)


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
    "rename": deeds.rename,
    "merge": deeds.merge,
    "retire": deeds.retire,
    "unlinked": _unlinked,
    "link": linking.link,
    "unlink": linking.unlink,
    "incidents": _incidents,
    "oncall": _oncall,
    "help": _help,
}
CATALOGUE = frozenset({"rename", "merge", "retire"})
ACTS = frozenset({"log", "mark", "promote", "rollback"}) | CATALOGUE
OF_A_MODEL = frozenset({"status", "changes", "why", "versions", "deploys", "compare", "setup"}) | ACTS
WORDY = frozenset({"why", "compare"}) | ACTS - {"retire"}
"""After these come words of one's own, so a model may only be named before them."""
