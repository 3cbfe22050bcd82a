"""One grammar for `/model ...`, `@bellwether ...` and buttons: [verb] [model] [words] [--flag value].

They may come in any order, no verb means status, and what phones do to quotes and dashes is undone. What a verb has no
use for is told, never passed over: it may be a mistyped model, and the verb would be about another one.
"""

import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.names import nearest

MOST_WORDS = 40
LONGEST = 4000
"""So many characters are read: a message of Slack's should not be longer."""
_DOUBLE, _SINGLE, _DASHES = '"“”„', "'‘’", "-–—"
TOKEN = re.compile(
    rf"""
    (?P<key> [^\s={_DOUBLE}{_SINGLE}]+= )?
    (?: "(?P<escaped> (?: \\["\\] | \\(?!["\\]) | [^"\\] )* )"
      | [{_DOUBLE}](?P<double> [^{_DOUBLE}]* )[{_DOUBLE}]
      | [{_SINGLE}](?P<single> .{{0,500}}? )[{_SINGLE}]
    ) (?= \s | $ )
    | (?P<plain> \S+ )
    """,
    re.VERBOSE | re.DOTALL,
)
"""A quote opens where a word begins, or after `=`, and closes where one ends; any other is an apostrophe."""
FLAG = re.compile(r"(?:--|—|–)(?P<name>[A-Za-z][\w-]*)(?P<equals>=?)(?P<value>.*)", re.DOTALL)
PAUSES = " \t\n,:;"
"""What people write after the name of the bot."""
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
    """After these a text of one's own. A model may only be named in front, or anywhere if the text is in quotes."""
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


@dataclass(frozen=True)
class _Token:
    text: str
    quoted: bool = False
    typed: str = ""
    """With the quotes around it."""

    @property
    def bare(self) -> str:
        """The word without what makes it bold or code."""
        return self.text if self.quoted else self.text.strip("`*") or self.text

    @property
    def flag(self) -> re.Match[str] | None:
        return None if self.quoted else FLAG.match(self.text)


def parse(text: str, *, verbs: Mapping[str, Form], models: Collection[str], default: str = "models") -> Command:
    """Return what TEXT asks for; DEFAULT is the verb of an empty text.

    A model may be named by a unique prefix or in other letter case, a verb may be mistyped.
    """
    tokens = list(_tokens(text))
    verb, rest = _verb(tokens, verbs, models)
    verb = verb or ("status" if tokens else default)
    form = verbs[verb]
    words, flags = _flags(rest, form)
    free = form.text and not any(word.quoted for word in words)
    named = next(((w, m) for w in (words[:1] if free else words) if (m := _meant(w, form, models))), None)
    if named is not None:
        in_front = named[0] is words[0]
        words.remove(named[0])
        free = form.text and in_front and not any(word.quoted for word in words[form.words :][:1])
    model = named[1] if named else None
    if free:
        unknown = _odd(words[:1], form) if model is None else None
        before = (form.words or 0) + (unknown is not None)
        said = (*(w.text for w in words[:before]), " ".join(w.typed for w in words[before:]))
        return Command(verb, model, tuple(filter(None, said)), flags, unknown)
    words = [word for word in words if word.bare.lower() not in form.skips]
    rest = [word for word in words if not (form.text and word.quoted)]
    strange = next((word.text for word in rest if word.flag), None)
    odd = _odd(rest, form) if form.model else None
    left = rest[form.words].bare if form.words is not None and len(rest) > form.words else None
    unknown = odd if model is None else None
    return Command(verb, model, tuple(w.bare for w in words), flags, unknown, strange or (left and (odd or left)))


def words(text: str, *, verbs: Collection[str]) -> list[str]:
    """Return the words of TEXT that may name a model, so not its verb; a text is no longer than people type."""
    found = [token.bare for token in _tokens(text)][:MOST_WORDS]
    verb = next((word for word in found if word.lower() in verbs), None)
    if verb is not None:
        found.remove(verb)
    return found


def quoted(name: str) -> str:
    """Return a model's name, or any other, as one word of a command."""
    if not re.search(rf"[\s{_DOUBLE}{_SINGLE}]|^[{_DASHES}`*]|[`*]$", name):
        return name
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{escaped}"'


def which(word: str, models: Collection[str]) -> str | None:
    """Return the one of MODELS that WORD names: as a whole, or as the beginning of no other; in any letter case."""
    exact = next((m for m in models if m.lower() == word.lower()), None)
    starting = [m for m in models if len(word) >= 2 and m.lower().startswith(word.lower())]
    return exact or (starting[0] if len(starting) == 1 else None)


def _tokens(text: str) -> Iterator[_Token]:
    for found in TOKEN.finditer(text[:LONGEST].replace("\u00a0", " ").lstrip(PAUSES)):
        key, escaped, double, single, plain = found.groups()
        if plain is not None:
            yield _Token(plain, typed=plain)
            continue
        inner = double or single or re.sub(r'\\(["\\])', r"\1", escaped or "")
        if key or inner:
            yield _Token((key or "") + inner, quoted=key is None, typed=found[0])


def _verb(tokens: Sequence[_Token], verbs: Collection[str], models: Collection[str]) -> tuple[str | None, list[_Token]]:
    """Return the verb, and the other tokens; the first word that is no model may be a mistyped one."""
    said = [token for token in tokens if not token.quoted and not token.flag]
    found = next((token for token in said if token.bare.lower() in verbs), None)
    verb = found.bare.lower() if found else None
    if found is None:
        found = next((token for token in said if not which(token.bare, models)), None)
        verb = _mistyped(found.bare, verbs) if found else None
    return verb, [token for token in tokens if verb is None or token is not found]


def _flags(tokens: Sequence[_Token], form: Form) -> tuple[list[_Token], dict[str, str]]:
    """Return the words, with flags that the verb does not know, and its own flags."""
    words: list[_Token] = []
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


def _meant(token: _Token, form: Form, models: Collection[str]) -> str | None:
    word = token.bare
    if not form.model or token.flag:
        return None
    found = which(word, models)
    whole = found is not None and found.lower() == word.lower()
    return found if whole or not (VERSION(word) or word.lower() in form.own) else None


def _odd(tokens: Sequence[_Token], form: Form) -> str | None:
    """Return the first word that is neither a version nor one of the verb's own."""
    return next((t.bare for t in tokens if not (VERSION(t.bare) or t.bare.lower() in form.own)), None)


def _mistyped(word: str, verbs: Collection[str]) -> str | None:
    close = nearest(word, verbs, limit=1)
    return close[0] if close and abs(len(close[0]) - len(word)) <= 2 and len(word) >= 4 else None
