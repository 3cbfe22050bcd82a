"""Charts say what they show, in words and in numbers."""

from typing import Any

import pytest

from bot.sandbox.chart import chart
from bot.sandbox.scale import number, shown_labels, ticks


def line(*series: tuple[str, list[float | None]], kind: str = "line") -> dict[str, Any]:
    labels = ["5 Oct", "12 Oct", "19 Oct"]
    return {"type": "data_visualization", "title": "Good payments declined", "chart": {
        "type": kind,
        "series": [
            {"name": name, "data": [
                {"label": at, "value": v} for at, v in zip(labels, values, strict=True) if v is not None
            ]}
            for name, values in series
        ],
        "axis_config": {"categories": labels, "y_label": "%"},
    }}  # fmt: skip


def test_a_line_chart_is_a_whole_sentence() -> None:
    html = chart(line(("declined", [2.0, 2.4, 2.2]), ("SLO", [2.5, 2.5, 2.5])))

    assert (
        "Line chart, Good payments declined: declined goes from 2 (5 Oct) to 2.2 (19 Oct), "
        "between 2 and 2.4; SLO stays at 2.5." in html
    )
    assert "5 Oct" in html
    assert "<strong> 2.2</strong>" in html


def test_a_threshold_is_dashed_and_has_no_points() -> None:
    html = chart(line(("SLO", [2.5, 2.5, 2.5])))

    assert 'class="s0 flat"' in html
    assert html.count("<circle") == 1  # the one in the legend


def test_a_missing_value_is_a_gap_and_no_zero() -> None:
    html = chart(line(("auc", [0.9, None, 0.8])))

    assert html.count('class="stroke" d="M') == 3  # two pieces and the legend
    assert "no data" in html


def test_bars_and_areas_stand_on_zero() -> None:
    bars = chart(line(("acted", [4, 6, 3]), ("noise", [12, 9, 14]), kind="bar"))
    area = chart(line(("traffic", [100, 50, 0]), kind="area"))

    assert bars.count("<rect") == 6 + 2
    assert 'class="fill"' in area
    assert ">0</text>" in bars
    assert ">0</text>" in area


def test_a_pie_gives_each_share() -> None:
    segments = [{"label": "data", "value": 3}, {"label": "model", "value": 1}]
    html = chart({"title": "Why", "chart": {"type": "pie", "segments": segments}})

    assert "Pie chart, Why: data 3 (75 %); model 1 (25 %)." in html
    assert html.count('class="slice') == 2


@pytest.mark.parametrize("spec", [{}, {"type": "line"}, {"type": "pie", "segments": []}, {"type": "bar", "series": []}])
def test_a_chart_without_values_says_so(spec: dict[str, Any]) -> None:
    assert "no values" in chart({"title": "Empty", "chart": spec})


def test_labels_are_escaped() -> None:
    html = chart({"title": "<b>", "chart": {"type": "pie", "segments": [{"label": "<i>", "value": 1}]}})

    assert "<b>" not in html
    assert "<i>" not in html


@pytest.mark.parametrize(
    ("values", "from_zero", "expected"),
    [
        ([2.0, 2.5], False, [2.0, 2.2, 2.4, 2.6]),
        ([0.912, 0.934], False, [0.91, 0.92, 0.93, 0.94]),
        ([3, 14], True, [0, 5, 10, 15]),
        ([-4, 4], True, [-4, -2, 0, 2, 4]),
        ([], True, [0, 0.25, 0.5, 0.75, 1]),
        ([7, 7], False, [6, 6.5, 7, 7.5, 8]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(values: list[float], from_zero: bool, expected: list[float]) -> None:
    found = ticks(values, from_zero=from_zero)

    assert found[0] <= min(values, default=0)
    assert found[-1] >= max(values, default=1)
    assert found == pytest.approx(expected)


def test_labels_that_do_not_fit_are_left_out_but_the_last_stays() -> None:
    assert shown_labels(["a"] * 5, 500) == [0, 1, 2, 3, 4]
    assert shown_labels(["23 November"] * 20, 570)[-1] == 19
    assert len(shown_labels(["23 November"] * 20, 570)) < 8


def test_numbers_are_short() -> None:
    assert [number(n) for n in (0.9123, 1200, 1_200_000, 2.0, None)] == ["0.9123", "1,200", "1.2M", "2", "no data"]
