"""What a person may ask for, by slash command, mention or button: one table of verbs, one way to answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.domain.errors import UserError
from bot.domain.names import STAGES, clean_version, nearest
from bot.slack import deeds, linking, naming, proposing, text
from bot.slack.answers import (
    changes,
    compare,
    declaring,
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
from bot.slack.questions import Asker, Deed, Question, explain, known_version
from bot.slack.tokens import DASHES
from bot.slack.workspace import Workspace
from bot.store.queries.models import names_in_channel, names_like

WEEK, MONTH = timedelta(days=7), timedelta(days=30)
DEFAULT_VERBS = {"/incident": "incidents", "/oncall": "oncall"}
"""What a bare alias means; with words after it, an alias is the same as the main command."""
TELLING_VERBS = {"/incident": "incident"}
"""But with words that are neither a command nor a model, this one means a verb of its own."""
QUOTES = "Put all of your own words in quotes."


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
    named = names_like(db, words(typed, verbs=VERBS))
    telling = TELLING_VERBS.get(asker.word or "")
    command = parse(typed, verbs=VERBS, models=named, default=default, telling=telling)
    if _asks_how(command.left) or _asks_how(command.unknown):
        command = Command("help", words=(command.verb,) if command.verb in typed.lower().split() else ())
    if command.guessed:
        unheard, meant = text.code(command.left or ""), text.code(command.verb)
        raise UserError(f"I do not know {unheard}; did you mean {meant}? Nothing done.")
    form = VERBS[command.verb]
    of_channel = command.model is None and form.model and not form.named and "all" not in command.flags
    own = names_in_channel(db, asker.channel) if of_channel else ()
    bound = own[0] if len(own) == 1 else None
    if command.left is not None:
        _refuse_flag(command, command.left, look)
    if command.unknown is not None and (command.left is not None or (bound is None and not form.loose)):
        return unknown.mistyped_model(db, command, look, hint=QUOTES if form.text and command.left else "")
    if command.left is not None:
        hint = QUOTES if form.text else f"`{look.command} help all` lists what I know."
        raise UserError(f"I do not know what to do with {text.code(command.left)}. {hint} Nothing done.")
    question = Question(command, asker, now, look, bound)
    return form.answers(db, question)


def _asks_how(word: str | None) -> bool:
    """Whether WORD asks for help as people ask programs for it."""
    asked = (word or "").lower()
    return asked in ("?", "help") or (asked[:1] in DASHES and asked.strip(DASHES) in ("h", "help"))


def _refuse_flag(command: Command, left: str, look: Look) -> None:
    """Raise UserError if LEFT is a flag that the verb does not know, or one that lacks its dashes."""
    flags = VERBS[command.verb].flags
    name = left.partition("=")[0].lower()
    bare = name.lstrip(DASHES)
    if bare == name and bare not in flags:
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
        explain(question, "Which two versions?", f"compare {quoted(model.name)} v42 v43")
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
    about = (word.lower() for word in question.command.words if word.lower() in VERBS)
    told = (helping.help_with(verb, question.look) for verb in about)
    return next(filter(None, told), None) or helping.help_for(db, question.look, user=question.asker.user)


def _incidents(db: Session, question: Question) -> Message:
    return everyone.open_incidents(db, question.now, question.look)


def _incident(db: Session, question: Question) -> Message:
    if not question.command.words and question.command.model is None:
        return _incidents(db, question)
    return declaring.offer(db, question)


def _oncall(db: Session, question: Question) -> Message:
    return everyone.on_call(db, question.look)


@dataclass(frozen=True)
class Verb(Form):
    """A verb: what answers it, and what it takes."""

    answers: Callable[[Session, Question], Message | Deed]


SINCE, AGO = {"since": True}, {"ago": True}
VERBS: dict[str, Verb] = {
    "models": Verb(_models, model=False),
    "status": Verb(_status, flags={"all": False}),
    "changes": Verb(_changes, flags=SINCE),
    "why": Verb(_why, words=None, flags=SINCE),
    "versions": Verb(_versions),
    "deploys": Verb(_deploys, flags=SINCE),
    "compare": Verb(_compare, words=2),
    "log": Verb(deeds.log, acts=True, text=True, flags=AGO),
    "mark": Verb(deeds.mark, acts=True, words=2, text=True, own=deeds.WORDS),
    "promote": Verb(proposing.promote, acts=True, words=2, own=STAGES, skips={"to"}),
    "rollback": Verb(proposing.roll_back, acts=True, words=1, skips={"to"}, flags={"from": True}),
    "setup": Verb(_setup),
    "rename": Verb(naming.rename, acts=True, model=False, words=2, skips={"to"}),
    "merge": Verb(naming.merge, acts=True, model=False, words=2, skips={"into"}, flags={"yes": False}),
    "retire": Verb(naming.retire, acts=True, named=True, flags={"undo": False}),
    "unlinked": Verb(_unlinked, model=False),
    "link": Verb(linking.link, acts=True, model=False, words=None, skips={"to"}),
    "unlink": Verb(linking.unlink, acts=True, model=False, words=1),
    "incidents": Verb(_incidents, model=False),
    "incident": Verb(_incident, text=True, loose=True),
    "oncall": Verb(_oncall, model=False),
    "help": Verb(_help, model=False, words=None),
}
