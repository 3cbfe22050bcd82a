"""`table` and `data_table`: cells, alignment; sorting and paging are marked up here and done by the script."""

from markupsafe import Markup

from bot.sandbox.markup import icon, tag
from bot.sandbox.mrkdwn import plain
from bot.sandbox.richtext import rich_text
from bot.sandbox.texts import Json, dicts, words
from bot.sandbox.viewer import Viewer

PAGE_SIZE = 5  # Slack's default


def table(block: Json, viewer: Viewer) -> Markup:
    """Return a plain table; `column_settings` align and wrap."""
    settings = dicts(block.get("column_settings"))
    looks = [f"{setting.get('align', 'left')}{' wrap' if setting.get('is_wrapped') else ''}" for setting in settings]
    rows = _rows(block)
    head, body = rows[:1], rows[1:]
    return tag(
        "div",
        tag(
            "table",
            tag("thead", *(_row(row, viewer, looks, "th") for row in head)),
            tag("tbody", *(_row(row, viewer, looks, "td") for row in body)),
        ),
        class_="b-table",
        tabindex="0",
        role="region",
        aria_label="Table",
    )


def data_table(block: Json, viewer: Viewer) -> Markup:
    """Return a table whose heads sort and whose pages turn; rows past the first page wait hidden."""
    rows = _rows(block)
    head, body = (rows[0], rows[1:]) if rows else ([], [])
    size = block.get("page_size")
    size = size if isinstance(size, int) and size > 0 else PAGE_SIZE
    row_header = block.get("row_header_column_index", 0)
    numeric = [
        bool(body) and all(row[at].get("type") == "raw_number" for row in body if at < len(row))
        for at in range(len(head))
    ]
    looks = ["right" if is_number else "left" for is_number in numeric]
    caption = words(block.get("caption"))
    heads = [
        tag(
            "th",
            tag("button", plain(words(cell)), icon("sort"), type="button", class_="sort", data_sort_column=at),
            scope="col",
            class_=looks[at],
        )
        for at, cell in enumerate(head)
    ]
    lines = [_row(row, viewer, looks, "td", header=row_header, hidden=at >= size) for at, row in enumerate(body)]
    return tag(
        "figure",
        tag("figcaption", caption),
        tag(
            "div",
            tag(
                "table",
                tag("thead", tag("tr", *heads)),
                tag("tbody", *lines),
                data_page_size=size,
                aria_label=caption,
            ),
            class_="b-table",
            tabindex="0",
            role="region",
            aria_label=caption or "Table",
        ),
        _pager(len(body), size),
        class_="b-data-table",
    )


def _pager(total: int, size: int) -> Markup | None:
    if total <= size:
        return None
    return tag(
        "div",
        tag("span", f"1–{size} of {total}", class_="muted", aria_live="polite", data_pages=True),
        tag(
            "button",
            icon("left"),
            type="button",
            class_="btn small",
            aria_label="Previous rows",
            data_turn="-1",
            disabled=True,
        ),
        tag("button", icon("right"), type="button", class_="btn small", aria_label="Next rows", data_turn="1"),
        class_="pager",
    )


def _rows(block: Json) -> list[list[Json]]:
    rows = block.get("rows")
    return [dicts(row) for row in rows if isinstance(row, list)] if isinstance(rows, list) else []


def _row(
    row: list[Json],
    viewer: Viewer,
    looks: list[str],
    name: str,
    *,
    header: object = None,
    hidden: bool = False,
) -> Markup:
    cells = []
    for at, cell in enumerate(row):
        look = looks[at] if at < len(looks) else "left"
        if at == header and name == "td":
            cells.append(tag("th", _cell(cell, viewer), class_=look, scope="row"))
        else:
            scope = "col" if name == "th" else None
            cells.append(tag(name, _cell(cell, viewer), class_=look, scope=scope, data_number=_number(cell)))
    return tag("tr", *cells, hidden=hidden)


def _cell(cell: Json, viewer: Viewer) -> Markup:
    if cell.get("type") == "rich_text":
        return rich_text(cell, viewer)
    if cell.get("type") == "raw_number":
        return plain(words(cell.get("text")) or f"{cell.get('value', '')}")
    return plain(words(cell))


def _number(cell: Json) -> float | None:
    """Return what a number cell sorts by."""
    value = cell.get("value", cell.get("text"))
    if cell.get("type") != "raw_number":
        return None
    try:
        return float(str(value))
    except ValueError:
        return None
