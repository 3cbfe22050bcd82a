"""Commands that say whose events are that name no model, by a label of theirs."""

from sqlmodel import Session

from bot.domain.actions import LinkEvents, UnlinkEvents
from bot.domain.errors import UserError
from bot.domain.links import LABEL
from bot.slack import text
from bot.slack.answers.unknown import unknown_model
from bot.slack.answers.unlinked import unlinked
from bot.slack.blocks import Message, actions, button, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.deeds import merge
from bot.slack.grammar import quoted
from bot.slack.questions import Deed, Question
from bot.store.queries.unlinked import count_like


def link(db: Session, question: Question) -> Message | Deed:
    """Say whose events with a label are: `link service=churn-api NAME`; two names of one model are merged."""
    words = list(question.command.words)
    if not words and question.command.model is None:
        return unlinked(db, question.now, question.look)
    label = next((word for word in words if "=" in word), None)
    if label is None:
        return merge(db, question)
    words.remove(label)
    if words:
        return unknown_model(db, " ".join(words), question.look, verb=f"link {quoted(label)}")
    model = question.about(db, "link service=churn-api NAME")
    name, value = _pair(label, question)
    before = count_like(db, (name, value))
    done = f"Events with {text.code(label)} are {text.bold(model.name)}'s"
    earlier = f"{text.plural(before, 'earlier event')} with it" if before else "none came before"
    said = message(
        f"Events with {text.line(label)} are {text.line(model.name)}'s now",
        section(f"🔗 {done}, from now on"),
        context(earlier, "only those that name no model themselves"),
        actions(
            button("Stop linking", "run_1", f"unlink {quoted(label)}"),
            button("Status", "run_2", f"status {quoted(model.name)}"),
            button("What else is unlinked?", "run_3", "unlinked"),
        ),
    )
    act = LinkEvents(label=name, value=value, model=model.name, by=question.asker.user)
    return Deed(act, finished(said, question.look))


def unlink(db: Session, question: Question) -> Deed:
    """Forget such a rule: `unlink service=churn-api`."""
    label = next((word for word in question.command.words if "=" in word), "")
    name, value = _pair(label, question)
    said = message(
        f"Events with {text.line(label)} are of no model from now on",
        section(f"✅ Events with {text.code(label)} are of no model from now on"),
        context("what was linked stays where it is"),
    )
    return Deed(UnlinkEvents(label=name, value=value, by=question.asker.user), finished(said, question.look))


def _pair(label: str, question: Question) -> tuple[str, str]:
    name, _, value = label.partition("=")
    if not LABEL(name) or not value:
        example = f"{question.look.command} link service=churn-api NAME"
        raise UserError(f"By which label? Write `{example}`. Nothing done.")
    return name, value
