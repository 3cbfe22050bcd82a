"""The shape of a native chart: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block"""

from collections.abc import Iterator
from typing import Any

from bot.domain.limits import table as t
from bot.domain.limits.rules import Problem, Rule, anything, array, by_type, number, shape, string

LABEL = string(t.CHART_LABEL)
POINT = shape({"label": LABEL, "value": number()})
SEGMENT = shape({"label": LABEL, "value": number()})
SERIES = shape({"name": string(t.CHART_SERIES_NAME), "data": array(POINT, 1, t.CHART_POINTS)})
AXES = shape(
    {"categories": array(LABEL, 1, t.CHART_POINTS)},
    {"x_label": string(t.CHART_AXIS_LABEL), "y_label": string(t.CHART_AXIS_LABEL)},
)


def _every_category(chart: dict[str, Any], at: str) -> Iterator[Problem]:
    """Each series has each category of the axis once, and series names differ."""
    series, axes = chart.get("series"), chart.get("axis_config")
    if not isinstance(series, list) or not isinstance(axes, dict):
        return
    categories = axes.get("categories")
    if not isinstance(categories, list):
        return
    names: set[Any] = set()
    for index, one in enumerate(series):
        if not isinstance(one, dict) or not isinstance(one.get("data"), list):
            continue
        name = str(one.get("name"))
        if name in names:
            yield Problem(f"{at}/series/{index}/name", "duplicate_name", "series names must be unique")
        names.add(name)
        labels = [point.get("label") for point in one["data"] if isinstance(point, dict)]
        if sorted(map(str, labels)) != sorted(map(str, categories)):
            where = f"{at}/series/{index}/data"
            yield Problem(where, "category_mismatch", "every series must have every category exactly once")


def _positive(chart: dict[str, Any], at: str) -> Iterator[Problem]:
    segments = chart.get("segments")
    for index, segment in enumerate(segments if isinstance(segments, list) else ()):
        value = segment.get("value") if isinstance(segment, dict) else None
        if isinstance(value, int | float) and value <= 0:
            yield Problem(f"{at}/segments/{index}/value", "out_of_range", "must be greater than 0")


_plotted: Rule = shape(
    {"type": anything, "series": array(SERIES, 1, t.CHART_SERIES), "axis_config": AXES}, also=_every_category
)
CHART = by_type(
    {
        "line": _plotted,
        "bar": _plotted,
        "area": _plotted,
        "pie": shape({"type": anything, "segments": array(SEGMENT, 1, t.CHART_SERIES)}, also=_positive),
    },
    "a chart",
)
