"""The canonical intake: events in our own vocabulary, posted to /hooks/events by anything that can run curl.

What may be sent is declared in `models`, what becomes of it is in `facts`. A list is read one by one: a bad event is
an Unmapped that says where, what it got and what it may be, and the others count.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from bot.domain import names
from bot.domain.errors import MalformedPayload
from bot.domain.facts import Fact, Unmapped
from bot.ports import Delivery, Source
from integrations.events.facts import fact_of
from integrations.events.models import ALIASES, KINDS, UNNAMED, renamed
from integrations.events.schema import MAX_EVENTS, schema

ELSEWHERE = {
    "ticket": "tickets are read from the ticket system itself (`jira:` in the configuration)",
    "incident": "an incident is opened by a hard alert (kind `alert`, class `hard`) or by a person in Slack",
}
EXAMPLE = '{"kind": "deployment", "model": "churn-scorer", "version": "3", "stage": "production"}'
MODEL_FREE = ("alert", "change")
"""Kinds that may be of no model."""
MAX_REASONS = 20
"""So many unreadable events of one body are named; the rest are counted."""


def normalize(delivery: Delivery) -> Sequence[Fact | Unmapped]:
    """Return one fact for each event of the body, in its order; then the reasons of those that can't be read.

    The body is one event, a list, or `{"events": [...]}`. Raises MalformedPayload when it is none of these.
    The vocabulary is ours: README.md beside this file, and the JSON Schema at /schema/events.json.
    """
    facts: list[Fact | Unmapped] = []
    reasons: list[str] = []
    for path, event in _events_in(delivery.body):
        try:
            facts.append(_fact(event, path, delivery.received_at))
        except _Unreadable as error:
            reasons.append(str(error))
    if (rest := len(reasons) - MAX_REASONS) > 0:
        reasons[MAX_REASONS:] = [f"{rest} more events could not be read, as those above."]
    return [*facts, *map(Unmapped, reasons)]


class _Unreadable(Exception):
    """One event can't be read; the message is for its sender."""


def _events_in(body: bytes) -> list[tuple[str, Any]]:
    """Return the events of BODY, each with its path in it (empty for a single one)."""
    try:
        document = from_json(body.removeprefix(b"\xef\xbb\xbf"), cache_strings="all")
    except ValueError as error:
        raise MalformedPayload(
            f"The body is not JSON ({error}). Post an event such as {EXAMPLE}, or a list."
        ) from error
    if isinstance(document, dict) and "kind" not in document and isinstance(document.get("events"), list):
        events = [(f"events[{n}]", event) for n, event in enumerate(document["events"])]
    elif isinstance(document, list):
        events = [(f"[{n}]", event) for n, event in enumerate(document)]
    elif isinstance(document, dict):
        events = [("", document)]
    else:
        raise MalformedPayload(f"The body is {_shown(document)}, not an event. Post one such as {EXAMPLE}, or a list.")
    if len(events) > MAX_EVENTS:
        raise MalformedPayload(f"{len(events)} events in one body; {MAX_EVENTS} is the most. Post them in parts.")
    return events


def _fact(document: Any, path: str, received_at: datetime) -> Fact:
    """Return the fact of one event; raises _Unreadable with PATH, field, what it got and what it may be."""
    at = f"{path}: " if path else ""
    if not isinstance(document, dict):
        raise _Unreadable(f"{at}got {_shown(document)}, an event is an object such as {EXAMPLE}")
    kind = document.get("kind")
    word = kind.strip().lower() if isinstance(kind, str) else ""
    if word in ELSEWHERE:
        raise _Unreadable(f"{at}kind {word} is not accepted here yet: {ELSEWHERE[word]}")
    if word not in KINDS:
        got = f"got {_shown(kind)}" if "kind" in document else "missing"
        raise _Unreadable(f"{_join(path, 'kind')}: {got}, it may be {', '.join(KINDS)}")
    try:
        event = KINDS[word].model_validate(_folded(document, word))
        return fact_of(event, document, received_at)
    except ValidationError as error:
        raise _Unreadable(_reason(path, word, error, document)) from error


def _folded(document: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return an event under our names, without what is null or empty, with model and version from where they stand.

    A package URL names both, in `artifact` or in their own place; labels name a model when nothing else does, or may
    tell which one it is.
    """
    stated = {key: value for key, value in document.items() if value is not None and value != ""}
    event = renamed(stated, ALIASES[kind]) | {"kind": kind}
    for place in ("artifact", "version", "model"):
        text = event.get(place)
        if isinstance(text, str) and (named := names.purl_of(text)):
            for field, value in zip(("model", "version"), named, strict=True):
                if event.get(field) in (None, text) and value:
                    event[field] = value
    labels = event.get("labels")
    if isinstance(labels, dict):
        words = {key: str(value) for key, value in labels.items() if isinstance(value, str | int | float)}
        for field, value in (
            ("model", names.model_of(words)),
            ("version", names.version_of(words)),
            ("stage", names.stage_of(words)),
        ):
            if value:
                event.setdefault(field, value)
        if words and kind not in MODEL_FREE:
            event.setdefault("model", UNNAMED)
    return event


def _reason(path: str, kind: str, error: ValidationError, document: Mapping[str, Any]) -> str:
    problems = error.errors(include_url=False)
    said = [_problem(path, problem, _as_written(problem, kind, document)) for problem in problems[:3]]
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return f"{'; '.join(said)}{more} (kind {kind})"


def _as_written(problem: ErrorDetails, kind: str, document: Mapping[str, Any]) -> str:
    """Return the field as the sender called it, who may have used one of its other names."""
    field = str(problem["loc"][0])
    others = [alias for alias, name in ALIASES[kind].items() if name == field and alias in document]
    return field if field in document or not others else others[0]


def _problem(path: str, problem: ErrorDetails, field: str) -> str:
    where = _join(path, field)
    for part in problem["loc"][1:]:
        where += f"[{part}]" if isinstance(part, int) else f".{part}"
    if problem["type"] == "missing":
        return f"{where}: missing"
    wanted = problem["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    return f"{where}: got {_shown(problem['input'])}, {wanted[:1].lower()}{wanted[1:]}"


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


SOURCE = Source(normalize=normalize, schema=schema)
