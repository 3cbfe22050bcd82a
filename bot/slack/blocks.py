"""Blocks as plain dicts, and messages that Slack is sure to take.

A message that is too big is shortened or loses blocks and says so; it is never lost. What a workspace refuses is
drawn simpler (`bot.slack.fallbacks`). Limits: `bot.domain.limits`, https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.domain import limits
from bot.domain.names import clean_url, clip
from bot.slack import text

Block = dict[str, Any]
Element = dict[str, Any]
Style = Literal["primary", "danger"] | None

MODAL_TITLE = 24
CELL = 200
TABLE_ROWS = limits.DATA_TABLE_ROWS_SAFE - 1
TABLE_TEXT = limits.DATA_TABLE_TEXT_SAFE - 500
"""The head has a row, too."""
RED, AMBER, GREEN, GREY = "#a30200", "#daa038", "#2eb886", "#dddddd"
"""The bars of alert and incident cards (ux.md 2.5); the state is always said in words, too."""


@dataclass(frozen=True)
class Message:
    """What a message shows; `text` is a whole sentence for phones, notifications and screen readers."""

    text: str
    blocks: Sequence[Block] = ()
    attachments: Sequence[Mapping[str, Any]] = field(default=())

    @property
    def content(self) -> dict[str, Any]:
        """The arguments of chat.postMessage, as far as they are about what it shows."""
        return {"text": self.text, "blocks": list(self.blocks), "attachments": list(self.attachments)}


def mrkdwn(content: str, limit: int = limits.TEXT_OBJECT) -> dict[str, Any]:
    """Return a text object; `verbatim`: an "@channel" in somebody's alert text stays text."""
    return {"type": "mrkdwn", "text": text.cut(content, limit) or " ", "verbatim": True}


def plain(content: str, limit: int) -> dict[str, Any]:
    """Return a plain text object of one line; CONTENT needs no escaping."""
    return {"type": "plain_text", "text": clip(content, limit) or "–", "emoji": True}


def section(*lines: str, accessory: Element | None = None) -> Block:
    """Return a paragraph of these lines, the empty ones left out."""
    block: Block = {"type": "section", "text": mrkdwn("\n".join(part for part in lines if part))}
    return block | ({"accessory": accessory} if accessory else {})


def sections(lines: Iterable[str], most: int) -> list[Block]:
    """Return LINES in paragraphs of at most MOST, and of no more than take each of them whole."""
    parts: list[list[str]] = []
    for line in lines:
        if parts and len(parts[-1]) < most and len("\n".join([*parts[-1], line])) <= limits.TEXT_OBJECT:
            parts[-1].append(line)
        else:
            parts.append([line])
    return [section(*part) for part in parts]


def fields(*pairs: tuple[str, str]) -> Block:
    """Return label and value pairs in two columns."""
    cells = [mrkdwn(f"*{label}*\n{value}", limits.SECTION_FIELD) for label, value in pairs]
    return {"type": "section", "fields": cells[: limits.SECTION_FIELDS]}


def context(*parts: str) -> Block:
    """Return the small print, its parts joined by dots."""
    return {"type": "context", "elements": [mrkdwn(text.join(*parts))]}


def header(title: str) -> Block:
    """Return a heading; TITLE is plain text."""
    return {"type": "header", "text": plain(title, limits.HEADER_TEXT)}


def divider() -> Block:
    """Return a line across."""
    return {"type": "divider"}


def actions(*elements: Element | None) -> Block | None:
    """Return a row of controls; None for none."""
    given = [element for element in elements if element is not None]
    return {"type": "actions", "elements": given[: limits.ACTIONS_ELEMENTS]} if given else None


def button(
    label: str,
    action_id: str,
    value: str = "",
    *,
    style: Style = None,
    url: str | None = None,
    label_for: str = "",
    asks: Element | None = None,
) -> Element:
    """Return a button. `label_for`: what a screen reader says where the word alone repeats; `asks`: a dialog."""
    element: Element = {"type": "button", "text": plain(label, limits.BUTTON_TEXT), "action_id": action_id}
    if value:
        element["value"] = value[: limits.BUTTON_VALUE]
    if address := clean_url(url):
        element["url"] = address
    if label_for:
        element["accessibility_label"] = clip(label_for, limits.ACCESSIBILITY_LABEL)
    return element | ({"style": style} if style else {}) | ({"confirm": asks} if asks else {})


def overflow(action_id: str, *options: tuple[str, str]) -> Element:
    """Return a menu of (label, value)."""
    return {"type": "overflow", "action_id": action_id, "options": [option(*o) for o in options]}


def option(label: str, value: str) -> Element:
    """Return one choice of a menu."""
    return {"text": plain(label, limits.OPTION_TEXT), "value": value[: limits.OPTION_VALUE]}


def confirm(title: str, question: str, *, yes: str, no: str = "Cancel", style: Style = None) -> Element:
    """Return the dialog that asks before an act; QUESTION is mrkdwn."""
    dialog = {
        "title": plain(title, limits.CONFIRM_TITLE),
        "text": mrkdwn(question, limits.CONFIRM_TEXT),
        "confirm": plain(yes, limits.CONFIRM_BUTTON),
        "deny": plain(no, limits.CONFIRM_BUTTON),
    }
    return dialog | ({"style": style} if style else {})


def data_table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str | float]], *, page: int) -> Block:
    """Return a table that readers can sort and page; the first column names the row. Cells are plain text."""
    body = [[_cell(cell) for cell in row] for row in rows]
    return {
        "type": "data_table",
        "caption": clip(caption, 150),
        "page_size": page,
        "row_header_column_index": 0,
        "rows": [[_cell(name) for name in head], *body],
    }


def rows_that_fit(rows: Sequence[Sequence[str | float]]) -> int:
    """Return how many of ROWS one table takes; the rest is to be told otherwise."""
    size = 0
    for n, row in enumerate(rows[:TABLE_ROWS]):
        size += sum(min(len(str(cell)), CELL) for cell in row)
        if size > TABLE_TEXT:
            return max(n, 1)
    return min(len(rows), TABLE_ROWS)


def text_input(
    action_id: str, label: str, *, value: str = "", multiline: bool = False, optional: bool = False, hint: str = ""
) -> Block:
    """Return a field to type into."""
    element: Element = {"type": "plain_text_input", "action_id": action_id, "multiline": multiline}
    if value:
        element["initial_value"] = value[: limits.INPUT_TEXT]
    return _input(label, element, optional=optional, hint=hint)


def select_input(
    action_id: str,
    label: str,
    options: Sequence[tuple[str, str]],
    *,
    chosen: str | None = None,
    optional: bool = False,
) -> Block:
    """Return a choice of (label, value), with `chosen`, a value, preselected."""
    listed = [option(*o) for o in options[: limits.SELECT_OPTIONS]]
    element: Element = {"type": "static_select", "action_id": action_id, "options": listed}
    if initial := next((o for o in listed if o["value"] == chosen), None):
        element["initial_option"] = initial
    return _input(label, element, optional=optional)


def person_input(action_id: str, label: str, *, chosen: str | None = None, optional: bool = True) -> Block:
    """Return a choice of one person."""
    element: Element = {"type": "users_select", "action_id": action_id}
    if chosen and text.USER_ID.fullmatch(chosen):
        element["initial_user"] = chosen
    return _input(label, element, optional=optional)


def modal(callback: str, title: str, submit: str, metadata: str, *blocks: Block | None) -> dict[str, Any]:
    """Return a form; `metadata` comes back with what is sent. https://docs.slack.dev/reference/views/modal-views"""
    return fit_view(
        {
            "type": "modal",
            "callback_id": callback,
            "title": plain(title, MODAL_TITLE),
            "submit": plain(submit, MODAL_TITLE),
            "close": plain("Cancel", MODAL_TITLE),
            "private_metadata": metadata,
            "blocks": [block for block in blocks if block is not None],
        }
    )


def barred(sentence: str, color: str, head: Block, *blocks: Block | None) -> Message:
    """Return a message with a colour bar beside everything under its HEAD; SENTENCE is its text.

    The head stands above the bar, in the message's own blocks: without any, Slack would print the text there, and
    people would read everything twice.
    """
    given = [block for block in blocks if block is not None]
    attachment = {"color": color, "fallback": clip(sentence, 300), "blocks": given}
    return Message(sentence, [head], [attachment] if given else [])


def message(sentence: str, *blocks: Block | None) -> Message:
    """Return a message; SENTENCE is its text."""
    return Message(sentence, [block for block in blocks if block is not None])


def fit(given: Message) -> Message:
    """Return a message that Slack takes: what is over its limits is shortened or left out, and that is said."""
    sentence = text.cut(given.text.strip() or "…", limits.UPDATE_TEXT)
    blocks, lost = _fitting(given.blocks)
    attachments = []
    for attachment in given.attachments[: limits.ATTACHMENTS_PER_MESSAGE]:
        kept, missing = _fitting(attachment.get("blocks", ()))
        lost += missing
        attachments.append({**attachment, "blocks": kept})
    if lost:
        note = context(f"… {text.plural(lost, 'block')} left out")
        (attachments[-1]["blocks"] if attachments else blocks).append(note)
    fitted = Message(sentence, blocks, attachments)
    return Message(sentence) if limits.message_problems(fitted.content) else fitted


def fit_view(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a modal or Home that Slack takes, as `fit` does for messages."""
    surface: limits.Surface = "home" if view.get("type") == "home" else "modal"
    blocks, lost = _fitting(view["blocks"], surface=surface)
    if lost:
        blocks.append(context(f"… {text.plural(lost, 'block')} left out"))
    return {**view, "blocks": blocks}


def _fitting(blocks: Sequence[Block], *, surface: limits.Surface = "message") -> tuple[list[Block], int]:
    """Return the blocks that pass, at most as many as leave room for a note, and how many were left out."""
    most = limits.BLOCKS_PER_MESSAGE if surface == "message" else limits.BLOCKS_PER_VIEW
    if len(blocks) <= most and not limits.problems(blocks, surface=surface):
        return list(blocks), 0
    kept: list[Block] = []
    for block in blocks:
        room = len(kept) < most - 1
        if room and not limits.problems([*kept, block], surface=surface):
            kept.append(block)
    return kept, len(blocks) - len(kept)


def _cell(value: str | float) -> Element:
    if isinstance(value, str):
        return {"type": "raw_text", "text": clip(value, CELL) or "–"}
    return {"type": "raw_number", "value": value}


def _input(label: str, element: Element, *, optional: bool, hint: str = "") -> Block:
    block = {
        "type": "input",
        "block_id": element["action_id"],
        "label": plain(label, limits.INPUT_LABEL),
        "element": element,
        "optional": optional,
    }
    return block | ({"hint": plain(hint, limits.INPUT_HINT)} if hint else {})
