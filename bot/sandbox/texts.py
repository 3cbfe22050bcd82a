"""The small things that every block is made of: text objects, options, confirmation dialogs.

All of them accept what a lenient sandbox may hold (a bare string, nothing at all) and never raise: a page
that fails on one bad block would hide the other messages.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from bot.sandbox.mrkdwn import plain, to_html
from bot.sandbox.viewer import Viewer

Json = Mapping[str, Any]


def words(text: object) -> str:
    """Return the characters of a text object or string, for labels and attributes."""
    if isinstance(text, Mapping):
        return str(text.get("text", ""))
    return "" if text is None else str(text)


def rendered(text: object, viewer: Viewer) -> Markup:
    """Return a text object as HTML: mrkdwn is formatted, plain_text is not."""
    if isinstance(text, Mapping) and text.get("type") == "mrkdwn":
        return to_html(words(text), viewer)
    return plain(words(text))


def dicts(value: object) -> list[Json]:
    """Return the dicts of a list, whatever else stands in it; an absent list is empty."""
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def option_value(option: Json) -> str:
    """Return what a chosen option sends."""
    return str(option.get("value", ""))


def compact(value: object) -> str:
    """Return JSON for a data attribute."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def confirm_json(confirm: object, viewer: Viewer) -> str | None:
    """Return a confirmation dialog for the script, its text already safe HTML; None when there is none."""
    if not isinstance(confirm, Mapping):
        return None
    return compact(
        {
            "title": words(confirm.get("title")) or "Are you sure?",
            "html": str(rendered(confirm.get("text"), viewer)),
            "confirm": words(confirm.get("confirm")) or "Yes",
            "deny": words(confirm.get("deny")) or "Cancel",
            "style": words(confirm.get("style")),
        }
    )
