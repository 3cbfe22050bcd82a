"""Who asks for a model that there is not: the nearest names, as buttons."""

from collections.abc import Sequence

from sqlmodel import Session

from bot.domain.names import nearest
from bot.slack import text
from bot.slack.blocks import Message, actions, button, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import Command, quoted
from bot.slack.tokens import bare
from bot.store.queries.models import all_models

NEAREST = 3


def mistyped_model(db: Session, command: Command, look: Look, *, hint: str = "") -> Message:
    """Return "did you mean" for the word that should name a model; the buttons run the COMMAND on what was meant.

    The HINT is for who meant no model.
    """
    assert command.unknown is not None
    words = list(command.words)
    place = next((i for i, word in enumerate(words) if command.unknown in (word, bare(word))), None)
    if place is not None:
        del words[place]
    flags = [f"--{name}={quoted(value)}" if value else f"--{name}" for name, value in command.flags.items()]
    verb = " ".join((command.verb, *flags))
    return unknown_model(db, command.unknown, look, verb=verb, words=words, hint=hint)


def unknown_model(
    db: Session, name: str, look: Look, *, verb: str = "status", words: Sequence[str] = (), hint: str = ""
) -> Message:
    """Return "did you mean" for NAME; the buttons run VERB on the model that was meant, with the WORDS after it."""
    known = [m.name for m in all_models(db)]
    close = nearest(name, known, limit=NEAREST)
    said = f"No model {text.code(name)}."
    if not known:
        said += " I know no model yet: the first event that names one creates it."
    elif close:
        said += f" Did you mean {' or '.join(text.bold(n) for n in close)}?"
    rest = "".join(f" {quoted(word)}" for word in words)
    shown = [button(n, f"run_{i}", f"{verb} {quoted(n)}{rest}") for i, n in enumerate(close, 1)]
    plain = f"No model {text.line(name)}." + (f" Did you mean {' or '.join(map(text.line, close))}?" if close else "")
    choices = actions(*shown, button("List models", f"run_{NEAREST + 1}", "models")) if known else None
    return finished(message(plain, section(text.join(said, hint, by=" ")), choices), look)
