"""Simpler drawings of blocks that a workspace refuses: chart -> sparkline, data table -> table -> code -> text.

New block types reach workspaces at different times, and one refused block loses the whole message (`invalid_blocks`).
What was refused once is remembered, and `degrade` replaces that block only. ux.md 2.5.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.domain import limits
from bot.domain.names import clip
from bot.slack.blocks import Block, Message, context, section
from bot.slack.text import bold, escape, plural

BARS = "▁▂▃▄▅▆▇█"
LONGEST_CELL = 28
FENCE = 8
"""Room for the two fences of a code block and their line breaks."""
NEVER_REFUSED = frozenset({"section", "context"})
"""What everything else falls back to; if even these are refused, `fit` sends the sentence alone."""


def degrade(message: Message, refused: frozenset[str]) -> Message:
    """Return MESSAGE without the block types in REFUSED, each drawn with what is left."""
    if not refused:
        return message
    blocks = _simpler(message.blocks, refused)
    attachments = [
        {**attachment, "blocks": _simpler(attachment.get("blocks", ()), refused)} for attachment in message.attachments
    ]
    return Message(message.text, blocks, attachments)


def _simpler(blocks: Sequence[Block], refused: frozenset[str]) -> list[Block]:
    return [simpler for block in blocks for simpler in _one(block, refused)]


def _one(block: Block, refused: frozenset[str]) -> Iterator[Block]:
    kind = block.get("type")
    if kind not in refused or kind in NEVER_REFUSED:
        yield block
        return
    match kind:
        case "data_visualization":
            yield from _sparklines(block)
        case "data_table" if "table" not in refused:
            yield from _table(block)
        case "data_table":
            yield from _code(block)
        case "table":
            yield from _code(block)
        case "header":
            yield section(bold(str(block["text"]["text"])))
        case "markdown":
            yield section(escape(str(block["text"])))
        case "divider" | "context_actions":
            return
        case _:
            yield context(f"… 1 block left out ({escape(str(kind)).replace('_', ' ')})")


def _sparklines(block: Block) -> Iterator[Block]:
    """Yield title and a line a series: decoration in code, first and last number in words."""
    chart: Mapping[str, Any] = block["chart"]
    lines = [bold(block["title"])]
    for series in chart.get("series", ()):
        points = series["data"]
        values = [float(point["value"]) for point in points]
        ends = f"{values[0]:g} ({escape(points[0]['label'])}) → {values[-1]:g} ({escape(points[-1]['label'])})"
        lines.append(f"`{_spark(values)}` {escape(series['name'])}: {ends}")
    lines += [f"{escape(one['label'])}: {one['value']:g}" for one in chart.get("segments", ())]
    yield section(*lines)


def _spark(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    top = len(BARS) - 1
    return "".join(BARS[round((v - low) / (high - low) * top) if high > low else top // 2] for v in values)


def _table(block: Block) -> Iterator[Block]:
    """Yield a plain table, and how many rows did not fit into it."""
    rows = [[_cell(cell) or "–" for cell in row] for row in block["rows"]]
    kept = rows[: limits.TABLE_ROWS]
    while len(kept) > 1 and sum(len(cell) for row in kept for cell in row) > limits.TABLE_TEXT:
        kept = kept[:-1]
    cells = [[{"type": "raw_text", "text": cell} for cell in row] for row in kept]
    yield {"type": "table", "rows": cells, "column_settings": [{"is_wrapped": True}]}
    if left := len(rows) - len(kept):
        yield context(f"… {plural(left, 'row')} left out")


def _code(block: Block) -> Iterator[Block]:
    """Yield an aligned code block, and how many rows did not fit into it."""
    rows = [[clip(_cell(cell), LONGEST_CELL) for cell in row] for row in block["rows"]]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    kept: list[str] = []
    size = FENCE
    for line in map(_harmless, lines):
        size += len(line) + 1
        if size > limits.SECTION_TEXT:
            break
        kept.append(line)
    yield section("```\n" + "\n".join(kept) + "\n```")
    if left := len(lines) - len(kept):
        yield context(f"… {plural(left, 'row')} left out")


def _harmless(line: str) -> str:
    return escape(line).replace("```", "ˋˋˋ")


def _cell(cell: Mapping[str, Any]) -> str:
    return str(cell.get("text", cell.get("value", "")))
