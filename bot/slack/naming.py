"""Commands about the models themselves, each of which must be named: what was typed becomes an act, and a receipt."""

from sqlmodel import Session

from bot.domain.actions import MergeModels, RenameModel, RetireModel
from bot.domain.errors import UserError
from bot.domain.names import clean_name
from bot.slack import text
from bot.slack.answers.unknown import unknown_model
from bot.slack.blocks import Message, actions, button, confirm, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.grammar import quoted
from bot.slack.questions import Deed, Question, explain, model_like
from bot.store.tables import Model


def rename(db: Session, question: Question) -> Message | Deed:
    """Call a model otherwise: `rename OLD NEW`."""
    given = question.command.words
    model = _named(db, question, "Which model shall be called otherwise?", "rename OLD NEW")
    if isinstance(model, Message):
        return model
    name = clean_name(given[1]) if len(given) == 2 else None
    if name is None:
        explain(question, "How shall it be called?", f"rename {quoted(model.name)} NEW-NAME")
    done = f"{text.bold(model.name)} is called {text.bold(name)} now"
    note = "what still names it as before is of it; a section of `bellwether.yml` under its old name, too"
    return _catalogued(RenameModel(model=model.name, name=name, by=question.asker.user), done, note, name, question)


def merge(db: Session, question: Question) -> Message | Deed:
    """Say that two models are one: `merge FROM INTO`; asks first, for it cannot be taken apart again."""
    given = question.command.words
    model = _named(db, question, "Which model, and into which?", "merge FROM INTO")
    if isinstance(model, Message):
        return model
    if len(given) != 2:
        explain(question, "Into which model?", f"merge {quoted(model.name)} INTO")
    into = model_like(db, given[1])
    if into is None:
        return unknown_model(db, given[1], question.look, verb=f"merge {quoted(model.name)}")
    if into.id == model.id:
        raise UserError(f"{text.bold(model.name)} is one model already. Nothing done.")
    if "yes" not in question.command.flags:
        asks = confirm("Merge for good?", f"{text.line(model.name)} cannot be taken apart again.", yes="Merge")
        value = f"merge {quoted(model.name)} {quoted(into.name)} --yes"
        press = button(f"Merge into {into.name}…", "run_1", value, style="danger", asks=asks)
        words = (
            f"All of {text.bold(model.name)} becomes {text.bold(into.name)}'s: versions, changes, values, incidents."
        )
        return finished(message(words.replace("*", ""), section(words), actions(press)), question.look)
    done = f"{text.bold(model.name)} is part of {text.bold(into.name)} now"
    act = MergeModels(model=model.name, into=into.name, by=question.asker.user)
    return _catalogued(act, done, "what still names it is of the latter", into.name, question)


def retire(db: Session, question: Question) -> Deed:
    """Say that a model is over: `retire NAME`, and with --undo that it is not."""
    model = question.about(db, "retire NAME")
    over = "undo" not in question.command.flags
    done = f"{text.bold(model.name)} is {'retired' if over else 'in use again'}"
    note = "no list and no digest names it; it still answers" if over else ""
    act = RetireModel(model=model.name, over=over, by=question.asker.user)
    return _catalogued(act, done, note, model.name, question)


def _named(db: Session, question: Question, asks: str, usage: str) -> Model | Message:
    """Return the model that the first word names, else "did you mean"; raises UserError that ASKS for it."""
    given = question.command.words
    if not given:
        explain(question, asks, usage)
    verb = usage.partition(" ")[0]
    return model_like(db, given[0]) or unknown_model(db, given[0], question.look, verb=verb, words=given[1:])


def _catalogued(
    act: RenameModel | MergeModels | RetireModel, done: str, note: str, name: str, question: Question
) -> Deed:
    show = actions(button("Status", "run_1", f"status {quoted(name)}"))
    said = message(done.replace("*", ""), section(f"✅ {done}"), context(note) if note else None, show)
    return Deed(act, finished(said, question.look))
