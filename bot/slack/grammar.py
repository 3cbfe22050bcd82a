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


@dataclass(frozen=True, kw_only=True)
class Form:
    """What a verb takes."""

    acts: bool = False
    """It changes something, so it is done only when it was typed as it is called."""
    model: bool = True
    """A model, wherever it stands; without that the verb's words are all left as they are."""
    named: bool = False
    """The model must be named: that of the channel is not meant."""
    words: int | None = 0
    """At most so many words besides; None = any."""
    text: bool = False
    """After these a text of one's own: what is in quotes, or all that comes after the model, which comes first."""
    loose: bool = False
    """No model need be named: without quotes the text may begin with any word, also one that begins like a model."""
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
    guessed: bool = False
    """The verb acts, and was not typed: the word that is left may be meant for it."""


def parse(
    text: str,
    *,
    verbs: Mapping[str, Form],
    models: Collection[str],
    default: str = "models",
    telling: str | None = None,
) -> Command:
    """Return what TEXT asks for; DEFAULT is the verb of an empty text, TELLING that of words of one's own.

    A model may be named by a unique prefix or in other letter case; a verb may be mistyped, if it only reads.
    """
    tokens = list(tokens_of(text))
    is_told = telling is not None and _is_told(tokens, verbs, models)
    said = None if is_told else _verb_said(tokens, verbs)
    verb = said.bare.lower() if said else telling if is_told else None
    if verb is None:
        said, verb = _verb_meant(tokens, verbs, models)
        if said and verb and verbs[verb].acts:
            return Command(verb, left=said.bare, guessed=True)
    verb = verb or ("status" if tokens else default)
    form = verbs[verb]
    words, flags = _flags([token for token in tokens if token is not said], form)
    place = _place_of_model(words, form, models)
    model = which(words[place].bare, models) if place is not None else None
    others = [word for i, word in enumerate(words) if i != place]
    finish = _with_text if _is_free(words, form, place) else _with_words
    return finish(Command(verb, model, flags=flags), others, form)


def words(text: str, *, verbs: Collection[str]) -> list[str]:
    """Return the words of TEXT that may name a model, so not its verb; a text is no longer than people type."""
    found = [token.bare for token in tokens_of(text) if not token.flag][:MOST_WORDS]
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


def _verb_said(tokens: Sequence[Token], verbs: Collection[str]) -> Token | None:
    return next((token for token in tokens if not token.quoted and token.bare.lower() in verbs), None)


def _is_told(tokens: Sequence[Token], verbs: Collection[str], models: Collection[str]) -> bool:
    """Whether these are words of one's own: no verb is in front or beside one other word, nor is all of it a model."""
    near = tokens if len(tokens) == 2 else tokens[:1]
    a_model = len(tokens) == 1 and which(tokens[0].bare, models) is not None
    return bool(tokens) and not a_model and _verb_said(near, verbs) is None


def _verb_meant(
    tokens: Sequence[Token], verbs: Collection[str], models: Collection[str]
) -> tuple[Token, str] | tuple[None, None]:
    """Return the first word that is no model, and the verb that it resembles."""
    plain = (token for token in tokens if not token.quoted and not token.flag)
    word = next((token for token in plain if not which(token.bare, models)), None)
    close = nearest(word.bare, verbs, limit=1) if word and len(word.bare) >= 4 else []
    return (word, close[0]) if word and close and abs(len(close[0]) - len(word.bare)) <= 2 else (None, None)


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


def _place_of_model(words: Sequence[Token], form: Form, models: Collection[str]) -> int | None:
    """Return where the model stands: in front of a free text or as the last word of all, else anywhere.

    What is in quotes may be a text: it names the model only where no other word does.
    """
    if not form.model:
        return None
    places = [*range(len(words))]
    if _is_free(words, form):
        alone = len(words) == (form.words or 0) + 1  # where a text would stand: `mark v12 good NAME`
        places = [places[0], places[-1]] if alone else places[:1]
    ordered = sorted(places, key=lambda place: words[place].quoted)
    return next((place for place in ordered if _names_model(words, place, form, models)), None)


def _names_model(words: Sequence[Token], place: int, form: Form, models: Collection[str]) -> bool:
    """Whether the word at PLACE names one of MODELS; where others may stand, only the first one by its beginning."""
    token = words[place]
    found = None if token.flag else which(token.bare, models)
    if found is None or found.lower() == token.bare.lower():
        return found is not None
    first = place == 0 and not token.quoted and not (form.loose and len(words) > 1 and _is_free(words, form))
    return not _is_own(token, form) and (first or not (form.words or form.text))


def _is_free(words: Sequence[Token], form: Form, model: int | None = None) -> bool:
    """Whether a text begins without quotes, and so is all that follows; before one in quotes a MODEL may stand.

    No text begins with a flag: that one is mistyped. A loose one is in quotes only beside one word.
    """
    begin = form.words or 0
    first = words[begin + 1 : begin + 2] if model == 0 else words[begin : begin + 2]
    in_quotes = any(word.quoted for word in first) and not (form.loose and len(words) > 2)
    return form.text and not (in_quotes or any(word.flag for word in first[:1]))


def _with_text(command: Command, words: Sequence[Token], form: Form) -> Command:
    """Return COMMAND with its words, and as the last of them the text as it was typed."""
    unknown = _odd(words[:1], form) if command.model is None else None
    begin = form.words or 0
    after = begin + (unknown is not None)
    before = (*(word.bare for word in words[:begin]), *(word.text for word in words[begin:after]))
    said = (*before, " ".join(word.typed for word in words[after:]))
    return replace(command, words=tuple(filter(None, said)), unknown=unknown)


def _with_words(command: Command, words: Sequence[Token], form: Form) -> Command:
    """Return COMMAND with its words, each by itself, and what it has no use for."""
    useful = [word for word in words if word.bare.lower() not in form.skips]
    plain = [word for word in useful if not (form.text and word.quoted)]
    odd = _odd(plain, form) if form.model else None
    unknown = odd if command.model is None else None
    return replace(command, words=tuple(w.bare for w in useful), unknown=unknown, left=_left_over(plain, odd, form))


def _left_over(words: Sequence[Token], odd: str | None, form: Form) -> str | None:
    """Return a flag that the verb does not know, or of too many words the ODD one, else the first too many."""
    flag = next((word.text for word in words if word.flag), None)
    if flag or form.words is None or len(words) <= form.words:
        return flag
    return odd or words[form.words].bare


def _odd(tokens: Sequence[Token], form: Form) -> str | None:
    """Return the first word that is neither a version nor one of the verb's own."""
    return next((token.bare for token in tokens if not _is_own(token, form)), None)


def _is_own(token: Token, form: Form) -> bool:
    return bool(VERSION(token.bare)) or token.bare.lower() in form.own
