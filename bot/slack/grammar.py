"""One grammar for `/model ...`, `@bellwether ...` and buttons: [verb] [model] [words] [--flag value].

They may come in any order, no verb means status, and what phones do to quotes and dashes is undone. What a verb has no
use for is told, never passed over: it may be a mistyped model, and the verb would be about another one.
"""

import re
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.names import nearest
from bot.slack.tokens import BREAKS, Token, tokens_of

MOST_WORDS = 40
VERSION = re.compile(r"[vV]?[0-9][\w.+-]*").fullmatch


@dataclass(frozen=True)
class Form:
    """What a verb takes."""

    model: bool = True
    """A model, wherever it stands; without that the verb's words are all left as they are."""
    named: bool = False
    """The model must be named: that of the channel is not meant."""
    words: int | None = 0
    """At most so many words besides; None = any."""
    text: bool = False
    """After these a text of one's own: what is in quotes, else all that comes after the model, which comes first."""
    own: Collection[str] = ()
    """Words that mean something else than a model whose name begins with them."""
    skips: Collection[str] = ()
    """Words that mean nothing: `promote v43 to prod`."""
    flags: Mapping[str, bool] = field(default_factory=dict)
    """Whether each takes a value."""


@dataclass(frozen=True)
class Command:
    """What a person asked for."""

    verb: str
    model: str | None = None
    words: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    unknown: str | None = None
    """Where no model was named, the word that may be meant for one."""
    left: str | None = None
    """A word or a flag that the verb has no use for."""


def parse(text: str, *, verbs: Mapping[str, Form], models: Collection[str], default: str = "models") -> Command:
    """Return what TEXT asks for; DEFAULT is the verb of an empty text.

    A model may be named by a unique prefix or in other letter case, a verb may be mistyped.
    """
    tokens = list(tokens_of(text))
    verb, rest = _verb(tokens, verbs, models)
    verb = verb or ("status" if tokens else default)
    form = verbs[verb]
    words, flags = _flags(rest, form)
    free = form.text and not any(word.quoted for word in words)
    alone = len(words) == (form.words or 0) + 1  # where a text would stand: `mark v12 good NAME`
    places = (*words[:1], *(words[-1:] if alone else ())) if free else words
    named = next(((w, m) for w in places if (m := _meant(w, form, models))), None)
    if named is not None:
        in_front = named[0] is words[0]
        words.remove(named[0])
        free = form.text and in_front and not any(word.quoted for word in words[form.words :][:1])
    model = named[1] if named else None
    if free:
        return _with_text(Command(verb, model, flags=flags), words, form)
    words = [word for word in words if word.bare.lower() not in form.skips]
    rest = [word for word in words if not (form.text and word.quoted)]
    strange = next((word.text for word in rest if word.flag), None)
    odd = _odd(rest, form) if form.model else None
    left = rest[form.words].bare if form.words is not None and len(rest) > form.words else None
    unknown = odd if model is None else None
    return Command(verb, model, tuple(w.bare for w in words), flags, unknown, strange or (left and (odd or left)))


def words(text: str, *, verbs: Collection[str]) -> list[str]:
    """Return the words of TEXT that may name a model, so not its verb; a text is no longer than people type."""
    found = [token.bare for token in tokens_of(text)][:MOST_WORDS]
    verb = next((word for word in found if word.lower() in verbs), None)
    if verb is not None:
        found.remove(verb)
    return found


def quoted(name: str) -> str:
    """Return a model's name, or any other, as one word of a command."""
    if not BREAKS(name):
        return name
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{escaped}"'


def which(word: str, models: Collection[str]) -> str | None:
    """Return the one of MODELS that WORD names: as a whole, or as the beginning of no other; in any letter case."""
    exact = next((m for m in models if m.lower() == word.lower()), None)
    starting = [m for m in models if len(word) >= 2 and m.lower().startswith(word.lower())]
    return exact or (starting[0] if len(starting) == 1 else None)


def _verb(tokens: Sequence[Token], verbs: Collection[str], models: Collection[str]) -> tuple[str | None, list[Token]]:
    """Return the verb, and the other tokens; the first word that is no model may be a mistyped one."""
    said = [token for token in tokens if not token.quoted and not token.flag]
    found = next((token for token in said if token.bare.lower() in verbs), None)
    verb = found.bare.lower() if found else None
    if found is None:
        found = next((token for token in said if not which(token.bare, models)), None)
        verb = _mistyped(found.bare, verbs) if found else None
    return verb, [token for token in tokens if verb is None or token is not found]


def _flags(tokens: Sequence[Token], form: Form) -> tuple[list[Token], dict[str, str]]:
    """Return the words, with flags that the verb does not know, and its own flags."""
    words: list[Token] = []
    flags: dict[str, str] = {}
    rest = deque(tokens)
    while rest:
        token = rest.popleft()
        name = token.flag["name"].lower() if token.flag else ""
        valued = form.flags.get(name)
        if token.flag is None or valued is None or (token.flag["equals"] and not valued):
            words.append(token)
            continue
        value = token.flag["value"]
        if valued and not token.flag["equals"] and rest and not rest[0].flag:
            value = rest.popleft().bare
        flags[name] = value
    return words, flags


def _with_text(command: Command, words: Sequence[Token], form: Form) -> Command:
    """Return COMMAND with its words, and as the last of them the text as it was typed."""
    unknown = _odd(words[:1], form) if command.model is None else None
    before = (form.words or 0) + (unknown is not None)
    said = (*(word.text for word in words[:before]), " ".join(word.typed for word in words[before:]))
    return replace(command, words=tuple(filter(None, said)), unknown=unknown)


def _meant(token: Token, form: Form, models: Collection[str]) -> str | None:
    word = token.bare
    if not form.model or token.flag:
        return None
    found = which(word, models)
    whole = found is not None and found.lower() == word.lower()
    return found if whole or not (VERSION(word) or word.lower() in form.own) else None


def _odd(tokens: Sequence[Token], form: Form) -> str | None:
    """Return the first word that is neither a version nor one of the verb's own."""
    return next((t.bare for t in tokens if not (VERSION(t.bare) or t.bare.lower() in form.own)), None)


def _mistyped(word: str, verbs: Collection[str]) -> str | None:
    close = nearest(word, verbs, limit=1)
    return close[0] if close and abs(len(close[0]) - len(word)) <= 2 and len(word) >= 4 else None
