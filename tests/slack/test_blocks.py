from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import limits
from bot.slack.blocks import (
    Message,
    actions,
    barred,
    button,
    confirm,
    context,
    data_table,
    fields,
    fit,
    header,
    message,
    section,
)
from bot.slack.fallbacks import degrade

ODD = st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    ["<!channel>", "&" * 5000, "x" * 5000, "``` ```", "👩‍👩‍👧‍👦" * 900, "", " ", "\n", "*_~`"]
)
CHART: dict[str, Any] = {
    "type": "data_visualization",
    "title": "Declined, % by week",
    "chart": {
        "type": "line",
        "series": [
            {"name": "declined", "data": [{"label": "16 Nov", "value": 2.1}, {"label": "23 Nov", "value": 2.9}]}
        ],
        "axis_config": {"categories": ["16 Nov", "23 Nov"]},
    },
}


def table(rows: int) -> dict[str, Any]:
    return data_table("Models", ("Model", "State"), [(f"model-{n}", "🟢 good") for n in range(rows)], page=5)


def texts(shown: Message) -> str:
    return "\n".join(str(block) for block in shown.blocks)


@given(ODD, ODD, st.integers(min_value=0, max_value=70))
def test_whatever_the_words_are_slack_takes_the_message(one: str, other: str, count: int) -> None:
    dialog = confirm(one, other, yes=other, no=one)
    blocks = [section(one, other), context(other), header(one), fields((one, other))][: count % 5]
    built = message(one, *blocks, actions(button(other, "run_1", one * 9, asks=dialog)), *[section(one)] * count)

    fitted = fit(built)

    assert limits.message_problems(fitted.content) == []
    assert len(fitted.text) <= limits.UPDATE_TEXT


def test_blocks_over_the_limit_are_left_out_and_counted() -> None:
    fitted = fit(message("Many.", *[section(f"line {n}") for n in range(52)]))

    assert len(fitted.blocks) == 50
    assert "3 blocks left out" in texts(fitted)


def test_a_broken_block_is_left_out_and_the_rest_is_sent() -> None:
    fitted = fit(message("Look.", section("kept"), {"type": "hologram"}))

    assert "kept" in texts(fitted)
    assert "1 block left out" in texts(fitted)


def test_what_is_lost_under_a_bar_is_said_under_the_bar() -> None:
    fitted = fit(barred("Look.", "#a30200", section("kept"), {"type": "hologram"}))

    assert "1 block left out" in str(fitted.attachments[0]["blocks"])


def test_a_message_whose_blocks_are_all_refused_keeps_its_sentence() -> None:
    assert fit(Message("Look.", [{"type": "hologram"}])).text == "Look."


def test_a_refused_chart_becomes_its_first_and_last_number() -> None:
    simpler = degrade(message("Chart.", section("kept"), CHART), frozenset({"data_visualization"}))

    assert "kept" in texts(simpler)
    assert "declined: 2.1 (16 Nov) → 2.9 (23 Nov)" in texts(simpler)
    assert limits.message_problems(simpler.content) == []


@pytest.mark.parametrize(
    ("refused", "kind"),
    [(set(), "data_table"), ({"data_table"}, "table"), ({"data_table", "table"}, "section")],
)
def test_a_refused_table_is_drawn_simpler(refused: set[str], kind: str) -> None:
    simpler = fit(degrade(message("Table.", table(3)), frozenset(refused)))

    assert simpler.blocks[0]["type"] == kind
    assert "model-2" in texts(simpler)
    assert limits.message_problems(simpler.content) == []


def test_a_table_too_long_for_a_code_block_says_how_much_is_missing() -> None:
    simpler = fit(degrade(message("Table.", table(200)), frozenset({"data_table", "table"})))

    assert "rows left out" in texts(simpler)
    assert limits.message_problems(simpler.content) == []


def test_a_table_in_code_shows_what_was_written_and_not_its_escapes() -> None:
    odd = data_table("Odd", ("A", "B"), [("<b>&", "x"), ("long-name", "y")], page=5)

    simpler = degrade(message("Table.", odd), frozenset({"data_table", "table"}))

    assert "&lt;b&gt;&amp;       x" in simpler.blocks[0]["text"]["text"]


def test_nothing_changes_where_nothing_is_refused() -> None:
    given = message("Chart.", CHART, table(2))

    assert degrade(given, frozenset()) is given
