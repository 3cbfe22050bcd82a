"""Plain paragraphs to Atlassian Document Format, and back to plain text.

Format: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/. The v3 API takes nothing
else for a description.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

MAX_DOCUMENT = 30_000
"""Jira refuses a text above 32,767 characters; what it counts of ADF is undocumented, so we count it all."""
MAX_PARAGRAPH = 4_000
CUT = "…"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # not in XML 1.0, so Jira refuses them
_URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]}']")


def clean(text: str) -> str:
    """Return TEXT without the characters that Jira refuses."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def blocks(paragraphs: Sequence[str]) -> list[dict[str, Any]]:
    """Return one ADF paragraph for each of PARAGRAPHS that is not blank, cut to what Jira takes."""
    content: list[dict[str, Any]] = []
    room = MAX_DOCUMENT
    for text in filter(None, (clean(p).strip() for p in paragraphs)):
        block = {"type": "paragraph", "content": list(_inline(_cut(text, MAX_PARAGRAPH)))}
        room -= len(json.dumps(block))
        if room < 0:
            content.append({"type": "paragraph", "content": [{"type": "text", "text": CUT}]})
            break
        content.append(block)
    return content


def document(content: Sequence[Any]) -> dict[str, Any]:
    """Return CONTENT as a whole document."""
    return {"type": "doc", "version": 1, "content": list(content)}


def plain(node: Any) -> str:
    """Return the text of an ADF node, white space folded; a smart link reads as its address.

    Jira rewrites documents when a person edits them (ids, smart links), so only this compares.
    """
    return " ".join("".join(_texts(node)).split())


def one_line(text: str, limit: int) -> str:
    """Return TEXT as Jira wants a summary: one line, at most LIMIT characters."""
    return _cut(" ".join(clean(text).split()), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(CUT)].rstrip() + CUT


def _inline(text: str) -> Iterator[dict[str, Any]]:
    for n, line in enumerate(text.split("\n")):
        if n:
            yield {"type": "hardBreak"}
        at = 0
        for url in _URL.finditer(line):
            yield from _text(line[at : url.start()])
            yield {"type": "text", "text": url[0], "marks": [{"type": "link", "attrs": {"href": url[0]}}]}
            at = url.end()
        yield from _text(line[at:])


def _text(text: str) -> Iterator[dict[str, Any]]:
    if text:  # an empty text node is invalid
        yield {"type": "text", "text": text}


def _texts(node: Any) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    if node.get("type") == "text":
        yield str(node.get("text", ""))
    elif node.get("type") in ("inlineCard", "blockCard", "embedCard"):
        yield str(node.get("attrs", {}).get("url", ""))
    elif node.get("type") == "hardBreak":
        yield "\n"
    for child in node.get("content") or ():
        yield from _texts(child)
