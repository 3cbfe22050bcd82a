"""The grammar in which the shapes of blocks are written: small rules that are composed into bigger ones.

A rule takes a JSON value and the JSON pointer to it and yields what is wrong. Codes are stable words for
programs, messages are worded as Slack words them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that Slack refuses; `pointer` is a JSON pointer (RFC 6901) from the message or the view."""

    pointer: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"


Rule = Callable[[Any, str], Iterator[Problem]]
Extra = Callable[[dict[str, Any], str], Iterator[Problem]]


def anything(_value: Any, _at: str) -> Iterator[Problem]:
    """Accept whatever is there (shapes that we do not send and Slack may still change)."""
    yield from ()


def string(longest: int, shortest: int = 1) -> Rule:
    """Accept a string of `shortest` to `longest` characters."""

    def rule(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(at, "wrong_type", "must be a string")
        elif len(value) > longest:
            yield Problem(at, "too_long", f"must be less than {longest + 1} characters")
        elif len(value) < shortest:
            yield Problem(at, "too_short", f"must be more than {shortest - 1} characters")

    return rule


def link(longest: int) -> Rule:
    """Accept an http(s) address."""

    def rule(value: Any, at: str) -> Iterator[Problem]:
        yield from string(longest)(value, at)
        if isinstance(value, str) and not value.startswith(("http://", "https://")):
            yield Problem(at, "invalid_url", "must be a valid URL")

    return rule


def number(least: float | None = None, most: float | None = None, *, whole: bool = False) -> Rule:
    """Accept a number within bounds (each may be missing)."""

    def rule(value: Any, at: str) -> Iterator[Problem]:
        kind = "an integer" if whole else "a number"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            yield Problem(at, "wrong_type", f"must be {kind}")
        elif value != value or (least is not None and value < least) or (most is not None and value > most):
            yield Problem(at, "out_of_range", f"must be {kind} from {least} to {most}")

    return rule


def boolean(value: Any, at: str) -> Iterator[Problem]:
    """Accept true or false."""
    if not isinstance(value, bool):
        yield Problem(at, "wrong_type", "must be a boolean")


def one_of(*values: str) -> Rule:
    """Accept exactly these words."""

    def rule(value: Any, at: str) -> Iterator[Problem]:
        if value not in values:
            yield Problem(at, "invalid_value", f"must be one of {', '.join(values)}")

    return rule


def array(item: Rule, fewest: int, most: int) -> Rule:
    """Accept a list of `fewest` to `most` items that each pass."""

    def rule(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(at, "wrong_type", "must be an array")
            return
        if len(value) > most:
            yield Problem(at, "too_many", f"no more than {most} items allowed")
        if len(value) < fewest:
            yield Problem(at, "too_few", f"no fewer than {fewest} items allowed")
        for index, entry in enumerate(value):
            yield from item(entry, f"{at}/{index}")

    return rule


def shape(
    required: Mapping[str, Rule],
    optional: Mapping[str, Rule] | None = None,
    *,
    also: Extra | None = None,
    open_ended: bool = False,
) -> Rule:
    """Accept an object with these fields and no others, unless `open_ended`."""
    known = dict(required) | dict(optional or {})

    def rule(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(at, "wrong_type", "must be an object")
            return
        for name in required:
            if value.get(name) is None:
                yield Problem(at, "missing_field", f"missing required field: {name}")
        for name, entry in value.items():
            if name in known:
                if entry is not None:
                    yield from known[name](entry, f"{at}/{name}")
            elif not open_ended:
                yield Problem(at, "unknown_field", f"invalid additional property: {name}")
        if also is not None:
            yield from also(value, at)

    return rule


def by_type(table: Mapping[str, Rule], what: str) -> Rule:
    """Choose the rule by the value's `type`."""

    def rule(value: Any, at: str) -> Iterator[Problem]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            yield Problem(at, "missing_field", "missing required field: type")
        elif kind not in table:
            yield Problem(f"{at}/type", "unsupported_type", f"unsupported type for {what}: {kind}")
        else:
            yield from table[kind](value, at)

    return rule


def text(longest: int, *, plain: bool = False) -> Rule:
    """Accept a text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object"""
    body = {"text": string(longest)}
    plain_text = shape({"type": anything, **body}, {"emoji": boolean})
    mrkdwn = shape({"type": anything, **body}, {"verbatim": boolean})
    if plain:
        return by_type({"plain_text": plain_text}, "plain text")
    return by_type({"plain_text": plain_text, "mrkdwn": mrkdwn}, "text")
