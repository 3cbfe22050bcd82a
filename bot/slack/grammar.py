"""One grammar for `/model ...`, `@bellwether ...` and buttons: [verb] [model] [words] [--flag value].

Verb and model may come in any order, no verb means status, and what phones do to quotes and dashes is undone.
"""

import shlex
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.domain.names import nearest

TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "--", "—": "--", "\u00a0": " "})

MOST_WORDS = 40


@dataclass(frozen=True)
class Command:
    """What a person asked for."""

    verb: str
    model: str | None = None
    words: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    unknown: str | None = None
    """A word that is neither a verb nor a model."""


def parse(
    text: str, *, verbs: Collection[str], models: Collection[str], default: str = "models", wordy: Collection[str] = ()
) -> Command:
    """Return what TEXT asks for; DEFAULT is the verb of an empty text.

    A model may be named by a unique prefix or in other letter case; with a verb in WORDY, that is followed by words of
    one's own, only before these. A word that fits nothing where a model should stand is `unknown`, for "did you mean".
    """
    words, flags = _split(text)
    verb = next((w.lower() for w in words if w.lower() in verbs), None)
    if verb is None and words and not _model(words[0], models):
        verb = _mistyped(words[0], verbs)
        words = words[1:] if verb else words
    elif verb is not None:
        words.remove(next(w for w in words if w.lower() == verb))
    places = words[:1] if verb in wordy else words
    named = next(((w, m) for w in places if (m := _model(w, models))), None)
    if named is not None:
        words.remove(named[0])
    if verb is None and named is None and not words:
        return Command(default, flags=flags)
    unknown = words[0] if named is None and words else None
    return Command(verb or "status", named[1] if named else None, tuple(words), flags, unknown)


def words(text: str, *, verbs: Collection[str]) -> list[str]:
    """Return the words of TEXT that may name a model, so not its verb; a text is no longer than people type."""
    found = _split(text)[0][:MOST_WORDS]
    verb = next((word for word in found if word.lower() in verbs), None)
    if verb is not None:
        found.remove(verb)
    return found


def quoted(name: str) -> str:
    """Return a model's name as one word of a command."""
    return f'"{name}"' if " " in name else name


def _split(text: str) -> tuple[list[str], dict[str, str]]:
    plain = text.translate(TYPOGRAPHY)
    try:
        tokens = shlex.split(plain)
    except ValueError:  # an unmatched quote: somebody's apostrophe
        tokens = plain.replace('"', " ").split()
    words: list[str] = []
    flags: dict[str, str] = {}
    rest = deque(tokens)
    while rest:
        token = rest.popleft()
        if token.startswith("--") and len(token) > 2:
            name, _, value = token[2:].partition("=")
            if not value and rest and not rest[0].startswith("--"):
                value = rest.popleft()
            flags[name.lower()] = value
        else:
            words.append(token.strip("`*"))
    return [w for w in words if w], flags


def _model(word: str, models: Collection[str]) -> str | None:
    exact = next((m for m in models if m.lower() == word.lower()), None)
    starting = [m for m in models if len(word) >= 2 and m.lower().startswith(word.lower())]
    return exact or (starting[0] if len(starting) == 1 else None)


def _mistyped(word: str, verbs: Collection[str]) -> str | None:
    close = nearest(word, verbs, limit=1)
    return close[0] if close and abs(len(close[0]) - len(word)) <= 2 and len(word) >= 4 else None
