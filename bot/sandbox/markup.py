"""Build HTML in Python without ever joining an unescaped string.

Messages are rendered by functions, not by templates: a block is a small tree and is rendered hundreds of times
per push, which Jinja macros make ten times slower. Whatever is not already `Markup` is escaped here.
"""

import re
from collections.abc import Iterable
from functools import cache
from urllib.parse import urlsplit

from markupsafe import Markup, escape

Child = str | Markup | None
Attribute = str | int | float | bool | None

VOID = frozenset({"input", "br", "hr", "img"})
_UNSAFE = re.compile("[&<>\"']").search


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Return one element; `class_` means class, `data_ts` data-ts, True a bare attribute, None none at all."""
    parts = ["<", name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        parts.append(_attribute(key))
        if value is not True:
            parts += ('="', _safe(value), '"')
    parts.append(">")
    if name not in VOID:
        parts += [_safe(child) for child in children if child is not None]
        parts += ("</", name, ">")
    return Markup("".join(parts))  # noqa: S704 - every part is escaped above


@cache
def _attribute(key: str) -> str:
    """Return ` data-ts` for `data_ts`; the names are ours, so there are few."""
    return " " + key.rstrip("_").replace("_", "-")


def join(children: Iterable[Child], between: str = "") -> Markup:
    """Return the children in a row, strings escaped."""
    parts = [_safe(child) for child in children if child is not None]
    return Markup(between.join(parts))  # noqa: S704 - `between` is a constant of ours


def _safe(value: str | int | float) -> str:
    """Return `value` ready for HTML; most strings have nothing to escape, and asking first halves the time."""
    if type(value) is Markup:
        return value
    text = str(value)
    return str(escape(text)) if _UNSAFE(text) else text


def icon(name: str) -> Markup:
    """Return an icon of the sprite in `static/icons.svg`; decoration only, the control carries the words."""
    return tag("svg", tag("use", href=f"/_sandbox/static/icons.svg#{name}"), class_="icon", aria_hidden="true")


def is_web(url: str) -> bool:
    """Tell whether a browser may follow it from here."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
