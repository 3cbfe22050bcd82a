from typing import Any

import pytest

from bot.slack.blocks import (
    Message,
    actions,
    barred,
    button,
    context,
    data_table,
    divider,
    fields,
    header,
    message,
    section,
)
from bot.slack.plain import plain_mrkdwn, plain_text


@pytest.mark.parametrize(
    ("mrkdwn", "plain"),
    [
        ("*fraud-scorer*  good in `production`", "fraud-scorer  good in production"),
        ("_slightly_ *bold _and_ italic* ~gone~", "slightly bold and italic gone"),
        ("natural_drift_2 and 2*3*4 and a ~ b", "natural_drift_2 and 2*3*4 and a ~ b"),
        ("*<https://x.example/a_b_c|run 7>*", "run 7 (https://x.example/a_b_c)"),
        ("<https://x.example/_a_/>", "https://x.example/_a_/"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("as of <!date^1795420800^{date_short_pretty} {time}|23 Nov 08:00 UTC>", "as of 23 Nov 08:00 UTC"),
        ("<@U01ALICE> <@U02BOB|bob> <#C01|ml-fraud>", "@U01ALICE @bob #ml-fraud"),
        ("<!here> <!subteam^S1|@ml-leads>", "@here @ml-leads"),
        ("a &lt;b&gt; &amp;lt; c", "a <b> &lt; c"),
        ("`*not bold*` and `a_b_`", "*not bold* and a_b_"),
        ("```\nmodel  auc\n*x*    1\n```", "model  auc\n*x*    1"),
        ("", ""),
    ],
)
def test_marks_go_and_words_stay(mrkdwn: str, plain: str) -> None:
    assert plain_mrkdwn(mrkdwn) == plain


def test_private_characters_cannot_smuggle_anything_in() -> None:
    assert plain_mrkdwn("\ue000 `code` \ue001") == " code "


def test_blocks_become_lines_and_controls_are_left_out() -> None:
    given = message(
        "fraud-scorer is good",
        header("fraud-scorer"),
        section("🟢 *good* in `production`", "", "v42"),
        fields(("Owner", "<@U1|alice>"), ("On call", "*nobody*")),
        divider(),
        context("as of 08:00", "events heard"),
        actions(button("Share here", "share")),
    )

    assert plain_text(given).splitlines() == [
        "fraud-scorer",
        "─" * 12,
        "🟢 good in production",
        "v42",
        "Owner: @alice",
        "On call: nobody",
        "─" * 40,
        "as of 08:00 · events heard",
    ]


def test_a_table_is_aligned_with_numbers_to_the_right() -> None:
    table = data_table("Models", ["Model", "AUC", "Alerts"], [["fraud", 0.912, 3.0], ["🟢 churn", 0.9, 12.0]], page=5)

    assert plain_text(message("two models", table)).splitlines() == [
        "Model       AUC  Alerts",
        "────────  ─────  ──────",
        "fraud     0.912       3",
        "🟢 churn    0.9      12",
    ]


def test_a_table_of_text_cells_is_aligned_too() -> None:
    rows = [[{"type": "raw_text", "text": t} for t in row] for row in (("a", "bb"), ("ccc", "d"))]

    assert plain_text(message("t", {"type": "table", "rows": rows})) == "a    bb\n───  ──\nccc  d"


def test_attachments_follow_the_blocks() -> None:
    given = barred("2 alerts fire", "#a30200", section("*DriftHigh*"), section("a &lt; b"))

    assert plain_text(given) == "DriftHigh\n\na < b"


def test_a_message_of_text_alone_is_its_text() -> None:
    assert plain_text(Message("*all* quiet\nsince <!date^1^{time}|08:00>")) == "all quiet\nsince 08:00"


def test_a_chart_is_a_line_of_bars() -> None:
    points = [{"label": "Mon", "value": 1}, {"label": "Tue", "value": 2}]
    chart: dict[str, Any] = {"type": "line", "series": [{"name": "declined", "data": points}]}

    said = plain_text(message("t", {"type": "data_visualization", "title": "Good payments", "chart": chart}))

    assert said == "Good payments\n▁█ declined: 1 (Mon) → 2 (Tue)"


def test_the_text_of_an_unknown_block_is_kept() -> None:
    rich = {"type": "rich_text", "elements": [{"elements": [{"type": "text", "text": "hello"}]}]}

    assert plain_text(message("t", rich, {"type": "image", "alt_text": "a curve"})) == "hello\n[a curve]"
