"""Native charts: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block"""

from collections.abc import Sequence

from bot.domain.digest import Chart, Point
from bot.slack.blocks import Block


def line(chart: Chart) -> Block:
    """Return a line, with its objective as a second one."""
    series = [{"name": chart.name, "data": _points(chart.points)}]
    if chart.objective:
        series.append({"name": "SLO", "data": _points(chart.objective)})
    axes: dict[str, object] = {"categories": [p.label for p in chart.points]}
    if chart.unit:
        axes["y_label"] = chart.unit
    return {
        "type": "data_visualization",
        "title": chart.title,
        "chart": {"type": "line", "series": series, "axis_config": axes},
    }


def _points(points: Sequence[Point]) -> list[dict[str, str | float]]:
    return [{"label": p.label, "value": p.value} for p in points]
