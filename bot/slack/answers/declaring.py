"""Who says that something is wrong: what is open already, and the form of a new incident, filled with their words.

Nothing is opened by what was typed, so a word that may be a model and may be none does no harm: the form shows both.
"""

from sqlmodel import Session

from bot.domain import keys
from bot.domain.names import clip, nearest
from bot.slack import incidents, text
from bot.slack.blocks import Element, Message, actions, button, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.questions import Question, model_like
from bot.store.queries.incidents import open_incidents, remote_ids
from bot.store.queries.models import all_models, model_by_name
from bot.store.tables import Model

TITLE = 250
"""As long as an incident's title may be."""
SHORTEST = 4
"""A shorter first word is not taken for a mistyped model."""


def offer(db: Session, question: Question) -> Message:
    """Return what was understood, with the button that opens the form; first what is open of that model."""
    word = question.command.unknown
    title = clip(" ".join(question.command.words), TITLE)
    named = question.model
    model = model_by_name(db, named) if named else model_like(db, word) if word else None
    what = text.join(text.bold(model.name) if model else "", text.line(title, TITLE))
    said = f"Nothing is opened yet. The form is filled with: {what}"
    name = model.name if model else ""
    form = button("Open incident…", "incident_declare", f"{name}\n{title}", style="primary")
    meant = _meant(db, word, title, but=name) if word else []
    asked = "Or do you mean a model?" if meant else ""
    body = section(*_open(db, model, question.look), text.join(said, asked, by="\n"))
    sentence = text.join("Nothing is opened yet", text.line(name), text.line(title, TITLE), by=": ")
    return finished(message(sentence, body, actions(form, *meant)), question.look)


def _open(db: Session, model: Model | None, look: Look) -> list[str]:
    """Return a line for each open incident of the model."""
    found = open_incidents(db, model.id) if model else []
    places = remote_ids(db, [keys.incident(one.id) for one in found if one.id])
    lines = []
    for one in found:
        url = text.permalink(places.get(keys.incident(one.id or 0)), look.workspace)
        head = f"🔥 {text.link(url, f'*{incidents.name(one)}*')} {text.severity(one.severity)} is open already"
        lines.append(text.join(head, text.line(one.title, 100), by=": "))
    return lines


def _meant(db: Session, word: str, title: str, *, but: str) -> list[Element]:
    """Return a button for each model that the first WORD of the title may be meant for."""
    known = [model.name for model in all_models(db) if model.name != but]
    close = nearest(word, known) if len(word) >= SHORTEST else []
    rest = title.removeprefix(word).strip()
    asked = f" {quoted(rest)}" if rest else ""
    return [button(name, f"run_{i}", f"incident {quoted(name)}{asked}") for i, name in enumerate(close, 1)]
