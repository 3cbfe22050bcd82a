"""`data_visualization` as SVG made on the server: line, area, bar, pie.

Colours are classes (`s0`..`s5`), so that the style sheet can choose them for light and dark; because colour alone
says nothing to many readers, lines also differ by marker and dashes, and every chart is a full sentence in
its aria-label and a table behind "Show numbers". https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
"""

from markupsafe import Markup

from bot.sandbox import pie, scale
from bot.sandbox.markup import join, tag
from bot.sandbox.mrkdwn import plain
from bot.sandbox.texts import Json, dicts, words

WIDTH, HEIGHT = 640, 272
LEFT, RIGHT, TOP, BOTTOM = 52, 18, 28, 34
COLOURS = 6

Series = tuple[str, list[float | None]]


def chart(block: Json) -> Markup:
    """Return title, legend, drawing and numbers."""
    title = words(block.get("title"))
    spec = block.get("chart")
    spec = spec if isinstance(spec, dict) else {}
    kind = str(spec.get("type"))
    if kind == "pie":
        segments = [(words(s.get("label")), _number(s.get("value")) or 0.0) for s in dicts(spec.get("segments"))]
        drawing, legend = pie.drawing(segments, pie.sentence(title, segments)), pie.legend(segments)
        numbers = _numbers("", [label for label, _ in segments], [("value", [value for _, value in segments])])
    else:
        labels, series = read(spec)
        axis = spec.get("axis_config")
        units = axis if isinstance(axis, dict) else {}
        drawing = _plot(kind, labels, series, units, sentence(kind, title, labels, series))
        legend = _legend(kind, series)
        numbers = _numbers(words(units.get("x_label")), labels, series)
    return tag("figure", tag("figcaption", plain(title)), legend, drawing, numbers, class_=f"b-chart {kind}")


def read(spec: Json) -> tuple[list[str], list[Series]]:
    """Return the categories and, per series, one value or None per category."""
    axis = spec.get("axis_config")
    listed = axis.get("categories") if isinstance(axis, dict) else None
    raw = [
        (words(s.get("name")), {words(p.get("label")): _number(p.get("value")) for p in dicts(s.get("data"))})
        for s in dicts(spec.get("series"))
    ]
    labels = [words(item) for item in listed] if isinstance(listed, list) else []
    labels = labels or list(dict.fromkeys(label for _, points in raw for label in points))
    return labels, [(name, [points.get(label) for label in labels]) for name, points in raw]


def sentence(kind: str, title: str, labels: list[str], series: list[Series]) -> str:
    """Return the chart in words, for those who do not see it."""
    parts = []
    for name, values in series:
        known = [(label, value) for label, value in zip(labels, values, strict=True) if value is not None]
        if not known:
            parts.append(f"{name} has no values")
            continue
        numbers = [value for _, value in known]
        if min(numbers) == max(numbers):
            parts.append(f"{name} stays at {scale.number(numbers[0])}")
            continue
        (first, begin), (last, end) = known[0], known[-1]
        parts.append(
            f"{name} goes from {scale.number(begin)} ({first}) to {scale.number(end)} ({last}), "
            f"between {scale.number(min(numbers))} and {scale.number(max(numbers))}"
        )
    return f"{kind.capitalize()} chart, {title}: {'; '.join(parts) or 'no values'}."


def _plot(kind: str, labels: list[str], series: list[Series], units: Json, spoken: str) -> Markup:
    values = [value for _, line in series for value in line if value is not None]
    ticks = scale.ticks(values, from_zero=kind != "line")
    low, high = ticks[0], ticks[-1]

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low), 1)

    def x(at: float) -> float:
        # bars stand in the middle of their band; lines reach from edge to edge
        if kind == "bar" or len(labels) == 1:
            return round(LEFT + (WIDTH - LEFT - RIGHT) * (at + 0.5) / max(len(labels), 1), 1)
        return round(LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * at / (len(labels) - 1), 1)

    grid = [
        join((
            tag("line", class_="zero" if tick == 0 else "grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y(tick), y2=y(tick)),
            tag("text", scale.number(tick), class_="tick", x=LEFT - 8, y=y(tick) + 4, text_anchor="end"),
        ))
        for tick in ticks
    ]  # fmt: skip
    names = [
        tag("text", plain(labels[at]), class_="tick", x=x(at), y=HEIGHT - 12, text_anchor="middle")
        for at in scale.shown_labels(labels, WIDTH - LEFT - RIGHT)
    ]
    if kind == "bar":
        marks = _bars(labels, series, x, y)
    else:
        floor = y(max(low, min(0.0, high)))
        marks = [_line(at, labels, line, x, y, floor if kind == "area" else None) for at, line in enumerate(series)]
    axis = (
        tag("text", plain(words(units.get("y_label"))), class_="tick unit", x=4, y=11) if units.get("y_label") else None
    )
    return tag("svg", *grid, axis, *names, *marks, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=spoken)


def _line(at: int, labels: list[str], series: Series, x: scale.Place, y: scale.Place, floor: float | None) -> Markup:
    """Return one series; a missing value leaves a gap, never a made-up line."""
    name, values = series
    colour = f"s{at % COLOURS}"
    runs: list[list[tuple[float, float]]] = [[]]
    dots = []
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        runs[-1].append((x(place), y(value)))
        tip = tag("title", f"{name}, {labels[place]}: {scale.number(value)}")
        dots.append(tag("circle", tip, class_="dot", cx=x(place), cy=y(value), r=3.5))
    drawn = []
    for run in filter(None, runs):
        path = " L".join(f"{left} {top}" for left, top in run)
        if floor is not None:
            drawn.append(tag("path", class_="fill", d=f"M{run[0][0]} {floor} L{path} L{run[-1][0]} {floor} Z"))
        drawn.append(tag("path", class_="stroke", d=f"M{path}"))
    known = {value for value in values if value is not None}
    flat = " flat" if len(known) == 1 and len(values) > 1 else ""  # a threshold: dashed, without dots
    return tag("g", *drawn, *([] if flat else dots), class_=f"{colour}{flat}")


def _bars(labels: list[str], series: list[Series], x: scale.Place, y: scale.Place) -> list[Markup]:
    band = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    width = min(44.0, band * 0.72 / max(len(series), 1))
    bars = []
    for at, (name, values) in enumerate(series):
        left = (at - len(series) / 2) * width
        rects = [
            tag(
                "rect",
                tag("title", f"{name}, {labels[place]}: {scale.number(value)}"),
                x=round(x(place) + left + 1, 1),
                y=min(y(value), y(0)),
                width=round(width - 2, 1),
                height=max(abs(y(value) - y(0)), 1),
                rx=2,
            )
            for place, value in enumerate(values)
            if value is not None
        ]
        bars.append(tag("g", *rects, class_=f"bars s{at % COLOURS}"))
    return bars


def _legend(kind: str, series: list[Series]) -> Markup:
    items = []
    for at, (name, values) in enumerate(series):
        flat = " flat" if kind == "line" and len({v for v in values if v is not None}) == 1 else ""
        last = next((value for value in reversed(values) if value is not None), None) if kind != "bar" else 0
        swatch = tag(
            "svg",
            _swatch(kind),
            viewBox="0 0 22 10",
            class_=f"swatch s{at % COLOURS}{flat}",
            aria_hidden="true",
        )
        items.append(
            tag(
                "li",
                swatch,
                plain(name),
                tag("strong", " no values" if last is None else f" {scale.number(last)}"),
            )
        )
    return tag("ul", *items, class_="legend")


def _swatch(kind: str) -> Markup:
    if kind == "line":
        return join((tag("path", class_="stroke", d="M1 5 L21 5"), tag("circle", class_="dot", cx=11, cy=5, r=3)))
    return tag("rect", class_="solid", x=5, y=0, width=10, height=10, rx=2)


def _numbers(corner: str, labels: list[str], series: list[Series]) -> Markup:
    head = tag(
        "tr",
        tag("th", corner, scope="col"),
        *(tag("th", name, scope="col", class_="right") for name, _ in series),
    )
    rows = (
        tag(
            "tr",
            tag("th", plain(label), scope="row"),
            *(tag("td", scale.number(line[at]), class_="right") for _, line in series),
        )
        for at, label in enumerate(labels)
    )
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag("details", tag("summary", "Show numbers"), tag("div", table, class_="b-table"), class_="numbers")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
