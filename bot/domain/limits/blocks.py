"""The shapes of blocks, the surfaces that each may stand on, and what holds for a list of them together.

https://docs.slack.dev/reference/block-kit/blocks
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from bot.domain.limits import elements as e
from bot.domain.limits import table as t
from bot.domain.limits.charts import CHART
from bot.domain.limits.rules import (
    Problem,
    Rule,
    anything,
    array,
    boolean,
    link,
    number,
    one_of,
    shape,
    string,
    text,
)

Surface = Literal["message", "modal", "home"]
EVERYWHERE: frozenset[Surface] = frozenset({"message", "modal", "home"})
NOT_IN_MODALS: frozenset[Surface] = frozenset({"message", "home"})
MESSAGES: frozenset[Surface] = frozenset({"message"})
MODALS: frozenset[Surface] = frozenset({"modal"})

NOT_IN_CONTAINERS = (
    "container",
    "carousel",
    "data_table",
    "data_visualization",
    "markdown",
    "context_actions",
)

BLOCK: Mapping[str, Rule] = {"block_id": string(t.BLOCK_ID)}


def _text_or_fields(value: dict[str, Any], at: str) -> Iterator[Problem]:
    if value.get("text") is None and value.get("fields") is None:
        yield Problem(at, "missing_field", "missing required field: text or fields")


def _url_or_file(value: dict[str, Any], at: str) -> Iterator[Problem]:
    if (value.get("image_url") is None) == (value.get("slack_file") is None):
        yield Problem(at, "missing_field", "must have one of image_url and slack_file")


def _equal_cells(value: dict[str, Any], at: str) -> Iterator[Problem]:
    rows = value.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return
    if len({len(row) for row in rows}) > 1:
        yield Problem(f"{at}/rows", "unequal_rows", "all rows must have the same number of cells")
    header = rows[0] if rows else []
    for index, cell in enumerate(header):
        if isinstance(cell, dict) and cell.get("type") != "raw_text":
            yield Problem(f"{at}/rows/0/{index}/type", "invalid_value", "header cells must be raw_text")


def _cell(value: Any, at: str) -> Iterator[Problem]:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "raw_text":
        yield from shape({**e.TYPE, "text": string(t.DATA_TABLE_TEXT, 0)})(value, at)
    elif kind == "raw_number":
        yield from shape({**e.TYPE, "value": number()}, open_ended=True)(value, at)
    elif kind == "rich_text":
        yield from shape({**e.TYPE, "elements": anything}, {"block_id": anything})(value, at)
    else:
        yield Problem(at, "unsupported_type", f"unsupported type for a table cell: {kind}")


COLUMN = shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})
IMAGE = shape(
    {**e.TYPE, "alt_text": string(t.ALT_TEXT)},
    {
        **BLOCK,
        "image_url": link(t.IMAGE_URL),
        "slack_file": anything,
        "title": text(t.ALT_TEXT, plain=True),
    },
    also=_url_or_file,
)
CARD = shape(
    e.TYPE,
    {
        **BLOCK,
        "title": text(t.CARD_TITLE),
        "subtitle": text(t.CARD_TITLE),
        "body": text(t.CARD_BODY),
        "subtext": text(t.CARD_BODY),
        "actions": array(e.BUTTON, 1, t.CARD_BUTTONS),
    },
    open_ended=True,
)

SHAPES: Mapping[str, tuple[frozenset[Surface], Rule]] = {
    "section": (
        EVERYWHERE,
        shape(
            e.TYPE,
            {
                **BLOCK,
                "text": text(t.SECTION_TEXT),
                "fields": array(text(t.SECTION_FIELD), 1, t.SECTION_FIELDS),
                "accessory": e.IN_SECTION,
                "expand": boolean,
            },
            also=_text_or_fields,
        ),
    ),
    "header": (
        EVERYWHERE,
        shape(
            {**e.TYPE, "text": text(t.HEADER_TEXT, plain=True)},
            {**BLOCK, "level": number(1, t.HEADER_LEVELS, whole=True)},
        ),
    ),
    "divider": (EVERYWHERE, shape(e.TYPE, BLOCK)),
    "context": (
        EVERYWHERE,
        shape({**e.TYPE, "elements": array(e.IN_CONTEXT, 1, t.CONTEXT_ELEMENTS)}, BLOCK),
    ),
    "actions": (
        EVERYWHERE,
        shape({**e.TYPE, "elements": array(e.IN_ACTIONS, 1, t.ACTIONS_ELEMENTS)}, BLOCK),
    ),
    "context_actions": (
        MESSAGES,
        shape({**e.TYPE, "elements": array(e.IN_CONTEXT_ACTIONS, 1, t.CONTEXT_ACTIONS_ELEMENTS)}, BLOCK),
    ),
    "image": (EVERYWHERE, IMAGE),
    "input": (
        EVERYWHERE,
        shape(
            {**e.TYPE, "label": text(t.INPUT_LABEL, plain=True), "element": e.IN_INPUT},
            {
                **BLOCK,
                "hint": text(t.INPUT_HINT, plain=True),
                "optional": boolean,
                "dispatch_action": boolean,
            },
        ),
    ),
    "markdown": (MESSAGES, shape({**e.TYPE, "text": string(t.MARKDOWN_TEXT)}, BLOCK)),
    "rich_text": (EVERYWHERE, shape({**e.TYPE, "elements": array(anything, 1, 1000)}, BLOCK)),
    "video": (EVERYWHERE, shape({**e.TYPE, "alt_text": anything, "title": anything}, open_ended=True)),
    "file": (MESSAGES, shape({**e.TYPE, "external_id": string(255), "source": string(255)}, BLOCK)),
    "table": (
        NOT_IN_MODALS,
        shape(
            {**e.TYPE, "rows": array(array(_cell, 1, t.TABLE_COLUMNS), 1, t.TABLE_ROWS)},
            {**BLOCK, "column_settings": array(COLUMN, 0, t.TABLE_COLUMNS)},
        ),
    ),
    "data_table": (
        NOT_IN_MODALS,
        shape(
            {
                **e.TYPE,
                "caption": string(t.DATA_TABLE_TEXT),
                "rows": array(array(_cell, 1, t.DATA_TABLE_COLUMNS), t.DATA_TABLE_ROWS_MIN, t.DATA_TABLE_ROWS),
            },
            {
                **BLOCK,
                "page_size": number(1, t.DATA_TABLE_PAGE, whole=True),
                "row_header_column_index": number(0, t.DATA_TABLE_COLUMNS - 1, whole=True),
            },
            also=_equal_cells,
        ),
    ),
    "data_visualization": (
        MESSAGES,
        shape({**e.TYPE, "title": string(t.CHART_TITLE), "chart": CHART}, BLOCK),
    ),
    "card": (EVERYWHERE, CARD),
    "carousel": (
        NOT_IN_MODALS,
        shape({**e.TYPE, "elements": array(CARD, 1, t.CAROUSEL_CARDS)}, BLOCK, open_ended=True),
    ),
    "container": (
        NOT_IN_MODALS,
        shape(
            {**e.TYPE, "child_blocks": array(anything, 1, t.CONTAINER_BLOCKS)},
            {**BLOCK, "title": text(t.CONTAINER_TITLE)},
            open_ended=True,
        ),
    ),
    "alert": (
        MODALS,
        shape(
            {**e.TYPE, "text": text(t.ALERT_TEXT)},
            {**BLOCK, "level": one_of("default", "info", "warning", "error", "success")},
        ),
    ),
    "task_card": (MESSAGES, shape(e.TYPE, open_ended=True)),
    "plan": (MESSAGES, shape({**e.TYPE, "title": string(t.CARD_TITLE)}, open_ended=True)),
}


def one_block(block: Any, at: str, surface: Surface) -> Iterator[Problem]:
    """Yield what is wrong with `block` by itself."""
    kind = block.get("type") if isinstance(block, dict) else None
    if kind is None:
        yield Problem(at, "missing_field", "missing required field: type")
        return
    if not isinstance(kind, str) or kind not in SHAPES:
        yield Problem(f"{at}/type", "unsupported_type", f"Unsupported block type: {kind}")
        return
    surfaces, rule = SHAPES[kind]
    if surface not in surfaces:
        yield Problem(f"{at}/type", "wrong_surface", f"Block type {kind} is not allowed in a {surface}")
        return
    yield from rule(block, at)
    yield from _repeated_actions(block, at)
    if kind == "container" and isinstance(block.get("child_blocks"), list):
        for index, child in enumerate(block["child_blocks"]):
            where = f"{at}/child_blocks/{index}"
            if isinstance(child, dict) and child.get("type") in NOT_IN_CONTAINERS:
                yield Problem(f"{where}/type", "wrong_surface", "this block type is not allowed in a container")
            else:
                yield from one_block(child, where, surface)


def _repeated_actions(block: dict[str, Any], at: str) -> Iterator[Problem]:
    """Refuse an action_id twice in one block; in two blocks it is allowed, block_id tells them apart."""
    elements = block.get("elements")
    seen: set[str] = set()
    for index, element in enumerate(elements if isinstance(elements, list) else ()):
        ident = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(ident, str) and ident in seen:
            where = f"{at}/elements/{index}/action_id"
            yield Problem(where, "duplicate_action_id", f"`action_id` {ident} already exists in this block")
        elif isinstance(ident, str):
            seen.add(ident)


def together(blocks: list[Any], at: str) -> Iterator[Problem]:
    """Yield what is wrong with the list as a whole."""
    known = [(index, block) for index, block in enumerate(blocks) if isinstance(block, dict)]
    ids = Counter(block["block_id"] for _, block in known if isinstance(block.get("block_id"), str))
    for ident, times in ids.items():
        if times > 1:
            yield Problem(at, "duplicate_block_id", f"`block_id` {ident} already exists")
    tables = [index for index, block in known if block.get("type") in ("table", "data_table")]
    if len(tables) > t.TABLES_PER_MESSAGE:
        yield Problem(f"{at}/{tables[t.TABLES_PER_MESSAGE]}", "only_one_table_allowed", "only one table allowed")
    charts = [index for index, block in known if block.get("type") == "data_visualization"]
    if len(charts) > t.CHARTS_PER_MESSAGE:
        over = f"{at}/{charts[t.CHARTS_PER_MESSAGE]}"
        yield Problem(over, "too_many_charts", f"no more than {t.CHARTS_PER_MESSAGE} charts allowed")
    for index, block in known:
        most = {"table": t.TABLE_TEXT, "data_table": t.DATA_TABLE_TEXT}.get(str(block.get("type")))
        if most is not None and _cell_text(block) > most:
            yield Problem(f"{at}/{index}", "too_long", f"table must be less than {most + 1} characters")
    markdown = sum(len(str(block.get("text", ""))) for _, block in known if block.get("type") == "markdown")
    if markdown > t.MARKDOWN_TEXT:
        yield Problem(at, "too_long", f"markdown must be less than {t.MARKDOWN_TEXT + 1} characters in all")


def _cell_text(block: dict[str, Any]) -> int:
    rows = block.get("rows")
    cells = (cell for row in rows if isinstance(row, list) for cell in row) if isinstance(rows, list) else ()
    return sum(
        len(str(cell.get("text", cell.get("value", cell.get("elements", "")))))
        for cell in cells
        if isinstance(cell, dict)
    )
