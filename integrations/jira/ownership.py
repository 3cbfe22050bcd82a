"""Which parts of a ticket are ours: a person's edit is never reverted.

The issue property says what we wrote last. A summary that reads differently is a person's from then on, and
so is our part of the description; what people add above or below that part stays where it is. A ticket
without our property was made by a person, and gets nothing but the label.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from bot.ports import TicketView
from integrations.jira import adf
from integrations.jira.shapes import Issue, Stamp, Wrote

MAX_SUMMARY = 255


def stamp(value: Any) -> Stamp | None:
    """Return our stamp; None for none and for one that somebody else wrote."""
    try:
        return Stamp.model_validate(value)
    except ValidationError:
        return None


def summary(view: TicketView) -> str:
    """Return the view's summary as Jira takes it."""
    return adf.one_line(view.summary, MAX_SUMMARY)


def wrote(summary: str, content: Sequence[Any]) -> Wrote:
    """Return what to remember of a summary and of the ADF blocks that we write."""
    return Wrote(summary=summary, blocks=len(content), digest=_digest(content))


def edit(issue: Issue, view: TicketView, property_key: str) -> dict[str, Any]:
    """Return the body of the PUT that makes our part of ISSUE equal to VIEW; empty if it is."""
    body: dict[str, Any] = {}
    mark = stamp(issue.properties.get(property_key))
    if mark is not None and mark.wrote is not None:
        fields, now = _fields(issue, view, mark.wrote)
        if fields:
            value = mark.model_copy(update={"wrote": now}).model_dump()
            body = {"fields": fields, "properties": [{"key": property_key, "value": value}]}
    if view.label not in issue.fields.labels:
        body["update"] = {"labels": [{"add": view.label}]}
    return body


def _fields(issue: Issue, view: TicketView, last: Wrote) -> tuple[dict[str, Any], Wrote]:
    fields: dict[str, Any] = {}
    content = adf.blocks(view.paragraphs)
    new = wrote(summary(view), content)
    now = last.model_copy()
    if issue.fields.summary == last.summary != new.summary:
        fields["summary"] = now.summary = new.summary
    there = (issue.fields.description or {}).get("content") or []
    at = _begin(there, last)
    if at is not None and last.digest != new.digest:
        fields["description"] = adf.document([*there[:at], *content, *there[at + last.blocks :]])
        now.blocks, now.digest = new.blocks, new.digest
    return fields, now


def _begin(there: Sequence[Any], last: Wrote) -> int | None:
    """Return where in a description our blocks begin, unchanged; None if a person edited them."""
    starts = range(len(there) - last.blocks + 1)
    return next((n for n in starts if _digest(there[n : n + last.blocks]) == last.digest), None)


def _digest(content: Sequence[Any]) -> str:
    text = "\n".join(adf.plain(block) for block in content)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
