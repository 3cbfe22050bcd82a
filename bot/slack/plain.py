"""A message as lines for a terminal: what `bellwether status` prints is what Slack would show.

Marks of mrkdwn go, links and dates become text, tables are aligned; controls that need a click are left out.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlmodel import Session

from bot.slack.blocks import Block, Message
from bot.slack.fallbacks import degrade
from bot.store.queries.directory import name_of

CODE = re.compile(r"```\n?(.*?)\n?```|`([^`\n]+)`", re.DOTALL)
PERSON = re.compile(r"<@([A-Z0-9]+)>")
PLACE = re.compile(r"<([@#])([A-Z0-9]+)>")
TOKEN = re.compile(r"<([^<>|\n]+)(?:\|([^<>\n]*))?>")
MARKS = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]*?\S)\1(?![\w*_~])")
"""Bold, italic or struck: only between words, so that `natural_drift_2` and 2*3*4 stay as they are."""
HELD = re.compile(r"[\ue000-\uf8ff]")
FIRST_HELD, MOST_HELD = 0xE000, 0x1900
"""Private characters stand for what must not be read as marks while marks are removed."""
DRAWN_SIMPLER = frozenset({"data_visualization", "markdown"})
RULE = "─" * 40


def plain_text(message: Message) -> str:
    """Return MESSAGE as lines, without one at the end."""
    message = degrade(message, DRAWN_SIMPLER)
    lines = list(_lines(message.blocks)) if message.blocks else plain_mrkdwn(message.text).split("\n")
    for attachment in message.attachments:
        blocks = attachment.get("blocks", ())
        lines += ["", *(_lines(blocks) if blocks else [plain_mrkdwn(str(attachment.get("fallback", "")))])]
    runs = groupby(line.rstrip() for line in lines)
    return "\n".join("\n".join(same) if line else "" for line, same in runs).strip("\n")  # one blank line at most


def with_names(db: Session, message: Message) -> Message:
    """Return MESSAGE with the names of people and channels beside their ids, which only Slack can look up."""

    def named(found: re.Match[str]) -> str:
        name = json.dumps(name_of(db, found[2]) or found[2])[1:-1]
        return f"<{found[1]}{found[2]}|{name}>"

    return replace(message, blocks=json.loads(PLACE.sub(named, json.dumps(list(message.blocks)))))


def plain_mrkdwn(mrkdwn: str) -> str:
    """Return MRKDWN as a reader sees it: `<https://x.example|the run>` is `the run (https://x.example)`."""
    held: list[str] = []

    def hold(text: str) -> str:
        if len(held) == MOST_HELD:
            return text
        held.append(text)
        return chr(FIRST_HELD + len(held) - 1)

    text = HELD.sub("", mrkdwn)
    text = CODE.sub(lambda m: hold(TOKEN.sub(_said, m[1] if m[1] is not None else m[2])), text)
    text = TOKEN.sub(lambda m: hold(_said(m)), text)
    while (bare := MARKS.sub(r"\2", text)) != text:
        text = bare
    while HELD.search(text):
        text = HELD.sub(lambda m: held[ord(m[0]) - FIRST_HELD], text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def without_marks(db: Session, mrkdwn: str) -> str:
    """Return MRKDWN for a place where Slack shows plain text only, people by their names."""
    named = PERSON.sub(lambda m: f"@{name_of(db, m[1]) or m[1]}", mrkdwn)
    return plain_mrkdwn(named)


def _said(token: re.Match[str]) -> str:
    """Return what Slack shows for `<...>`: a date as its fallback, a link with its address."""
    what, label = token[1], token[2]
    match what[0]:
        case "!":
            return label or "@" + what[1:].partition("^")[0]
        case "@" | "#":
            return what[0] + (label or what[1:]).lstrip(what[0])
        case _:
            address = what.removeprefix("mailto:")
            return f"{label} ({address})" if label and label != address else address


def _lines(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block.get("type"):
        case "header":
            title = str(block["text"]["text"])
            yield from ("", title, "─" * _width(title))
        case "section":
            if "text" in block:
                yield from _text(block["text"]).split("\n")
            for field in block.get("fields", ()):
                yield _text(field).replace("\n", ": ", 1)
        case "context":
            yield from " ".join(_text(element) for element in block["elements"]).split("\n")
        case "divider":
            yield RULE
        case "table" | "data_table":
            yield from ("", *_table(block["rows"]), "")
        case "image":
            yield f"[{block.get('alt_text', 'image')}]"
        case "actions" | "input" | "context_actions":
            return
        case _:
            yield from _nested(block)


def _text(element: Mapping[str, Any]) -> str:
    """Return a text object, or the picture of a context, as text."""
    if element.get("type") == "mrkdwn":
        return plain_mrkdwn(str(element.get("text", "")))
    return str(element.get("text", element.get("alt_text", "")))


def _nested(block: Any) -> Iterator[str]:
    """Yield every text inside a block of which we know nothing more: rich text, cards."""
    if isinstance(block, Mapping):
        if isinstance(block.get("text"), str):
            yield _text(block)
        for value in block.values():
            if not isinstance(value, str):
                yield from _nested(value)
    elif isinstance(block, list):
        for part in block:
            yield from _nested(part)


def _table(rows: Sequence[Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield aligned lines, the first one underlined; columns of numbers stand to the right."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    columns = range(max(len(row) for row in cells))
    padded = [row + [""] * (len(columns) - len(row)) for row in cells]
    widths = [max(_width(row[n]) for row in padded) for n in columns]
    right = [_numbers([row[n] for row in rows[1:] if n < len(row)]) for n in columns]
    for number, row in enumerate(padded):
        yield "  ".join(_aligned(row[n], widths[n], right=right[n]) for n in columns).rstrip()
        if number == 0:
            yield "  ".join("─" * width for width in widths)


def _cell(cell: Mapping[str, Any]) -> str:
    if cell.get("type") == "raw_number":
        return f"{cell['value']:g}"
    return " ".join((str(cell["text"]) if "text" in cell else " ".join(_nested(cell))).split())


def _numbers(cells: Sequence[Mapping[str, Any]]) -> bool:
    return bool(cells) and all(cell.get("type") == "raw_number" for cell in cells)


def _aligned(text: str, width: int, *, right: bool) -> str:
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank


def _width(text: str) -> int:
    """Return how many columns a terminal takes for TEXT: emoji and CJK take two, marks none."""
    return sum(
        0 if unicodedata.combining(c) or c == "\ufe0f" else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text
    )
