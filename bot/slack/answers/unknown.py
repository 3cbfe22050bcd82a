"""Who asks for a model that there is not: the nearest names, as buttons."""

import re
from collections.abc import Sequence

from sqlmodel import Session

from bot.domain.names import nearest
from bot.slack import text
from bot.slack.blocks import Message, actions, button, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.store.queries.models import all_models

NEAREST = 3


def meant(name: str, known: Sequence[str]) -> list[str]:
    """Return the names that NAME may stand for: like it as a whole, in their beginning, or in one of their words."""
    parts: dict[str, str] = {}
    for model in known:
        for part in (model[: len(name)], *re.split(r"[-_./\s]+", model)):
            parts.setdefault(part, model)
    close = [parts[part] for part in nearest(name, parts, limit=2 * NEAREST)]
    return list(dict.fromkeys([*nearest(name, known, limit=NEAREST), *close]))[:NEAREST]


def unknown_model(db: Session, name: str, look: Look, *, verb: str = "status", words: Sequence[str] = ()) -> Message:
    """Return "did you mean" for NAME; the buttons run VERB on the model that was meant, with the WORDS after it."""
    known = [m.name for m in all_models(db)]
    close = meant(name, known)
    said = f"No model {text.code(name)}."
    if not known:
        said += " I know no model yet: the first event that names one creates it."
    elif close:
        said += f" Did you mean {' or '.join(text.bold(n) for n in close)}?"
    rest = "".join(f" {quoted(word)}" for word in words)
    shown = [button(n, f"run_{i}", f"{verb} {quoted(n)}{rest}") for i, n in enumerate(close, 1)]
    plain = f"No model {text.line(name)}." + (f" Did you mean {' or '.join(map(text.line, close))}?" if close else "")
    choices = actions(*shown, button("List models", f"run_{NEAREST + 1}", "models")) if known else None
    return finished(message(plain, section(said), choices), look)
