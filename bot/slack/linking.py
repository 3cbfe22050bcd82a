"""Commands that say whose events are that name no model, by a label of theirs."""

from sqlmodel import Session

from bot.domain.actions import LinkEvents, UnlinkEvents
from bot.domain.errors import UserError
from bot.domain.links import LABEL
from bot.domain.names import MODEL_LABELS
from bot.slack import text
from bot.slack.answers.unknown import unknown_model
from bot.slack.answers.unlinked import unlinked
from bot.slack.blocks import Message, actions, button, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.grammar import quoted
from bot.slack.naming import merge
from bot.slack.questions import Deed, Question, explain, model_like
from bot.store.queries.unlinked import count_like, rules

LINK, UNLINK = "link service=churn-api NAME", "unlink service=churn-api"


def link(db: Session, question: Question) -> Message | Deed:
    """Say whose events with a label are: `link service=churn-api NAME`; two names of one model are merged."""
    words = list(question.command.words)
    if not words:
        return unlinked(db, question.now, question.look)
    label = next((word for word in words if "=" in word), "")
    if not label and len(words) == 2:
        return merge(db, question)
    name, value = _pair(label, question, LINK)
    if name in MODEL_LABELS:
        names = f"An event with {text.code(label)} names its model"
        merged = f"`{question.look.command} merge {text.line(quoted(value))} NAME` makes two models one"
        raise UserError(f"{names}; {merged}. Nothing done.")
    words.remove(label)
    if not words:
        explain(question, "To which model?", f"link {quoted(label)} NAME")
    model = model_like(db, " ".join(words))
    if model is None:
        return unknown_model(db, " ".join(words), question.look, verb=f"link {quoted(label)}")
    before = count_like(db, (name, value))
    done = f"Events with {text.code(label)} are {text.bold(model.name)}'s"
    until = next((rule.model for rule in reversed(rules(db)) if rule.labels == {name: value}), model.name)
    moved = f"until now they were {text.bold(until)}'s" if until != model.name else ""
    earlier = f"{text.plural(before, 'earlier event')} with it" if before else "none came before"
    said = message(
        f"Events with {text.line(label)} are {text.line(model.name)}'s now",
        section(f"🔗 {done}, from now on"),
        section(f"⚠️ {moved}") if moved else None,
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
    name, value = _pair(label, question, UNLINK)
    said = message(
        f"Events with {text.line(label)} are of no model from now on",
        section(f"✅ Events with {text.code(label)} are of no model from now on"),
        context("what was linked stays where it is"),
    )
    return Deed(UnlinkEvents(label=name, value=value, by=question.asker.user), finished(said, question.look))


def _pair(label: str, question: Question, usage: str) -> tuple[str, str]:
    name, _, value = label.partition("=")
    if not LABEL(name) or not value:
        explain(question, "By which label?", usage)
    return name, value
