"""The digest in Slack: what Slack takes, what a reader with a phone hears, what a picky workspace still gets."""

import json
import re
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from bot.domain import limits
from bot.domain.digest import Chart, Detail, DigestView, Health, Point, Row, Wanted
from bot.slack.blocks import Message
from bot.slack.cards.digest import FEEDBACK, digest, digest_thread

WEEKS = ("5 Oct", "12 Oct", "19 Oct", "26 Oct", "2 Nov", "9 Nov", "16 Nov")
NEW_BLOCKS = ("data_table", "data_visualization", "context_actions", "header", "table")
REFUSALS = [refused for n in (1, 2, 5) for refused in combinations(NEW_BLOCKS, n)]

VIEW = DigestView(
    name="weekly",
    title="ML weekly · 16 – 22 Nov",
    health=Health.WATCH,
    verdict="1 of 6 models needs attention.",
    story=(
        "fraud-scorer: good payments declined 2.2 % (SLO ≤ 2.5 %); v42 of Monday rolled back after 41 min. "
        "Four are good, one sends no data."
    ),
    decisions=(
        Wanted("What caused INC-1?", "fraud-scorer rejects more payments", "U01ALICE", "C01:1795420800.000100"),
        Wanted("Who owns support-triage?", "no evaluation for 11 days", "@bob"),
    ),
    more_decisions=1,
    rows=(
        Row("fraud-scorer", Health.WATCH, "good payments declined 2.2 %", "▴ 0.1 pt worse", "v42, back to v41", "1"),
        Row("support-triage", Health.NO_DATA, "not connected", "–", "not connected", "0"),
        Row("eta", Health.GOOD, "late 4.1 %", "▾ 0.3 pt better", "v9", "1"),
        Row("ads-ctr", Health.GOOD, "CTR 1.9 %", "=", "6 configs", "0"),
        Row("churn", Health.GOOD, "saved 311", "▴ 12 better", "v18", "0"),
        Row("search-rank", Health.GOOD, "click 31 %", "=", "–", "0"),
    ),
    chart=Chart(
        "Good payments declined, % by week",
        "%",
        "declined",
        tuple(Point(week, 2.0 + n / 10) for n, week in enumerate(WEEKS)),
        tuple(Point(week, 2.5) for week in WEEKS),
    ),
    notes=("fraud-scorer AUC 0.9 provisional, labels to 15 Nov (30 %).",),
    facts=(
        "9 changes",
        "1 rolled back",
        "2 incidents, fixed in 48 min (median of 2)",
        "4 alerts, 3 judged, 2 useful",
        "next: Mon 30 Nov 09:00",
    ),
    summary="ML weekly · 16 – 22 Nov: 1 of 6 models needs attention (fraud-scorer); 3 decisions wanted; 9 changes.",
    details=(Detail("🟡 fraud-scorer · watch", ("v41 100 %", "AUC 0.912 (n 41 200)", "1 change")),),
)


def problems(message: Message) -> list[limits.Problem]:
    return limits.message_problems(message.content)


def kinds(message: Message) -> list[str]:
    return [block["type"] for block in message.blocks]


def words(message: Message) -> int:
    """Count the words that a reader sees, as for the pictures of ux.md 2.5: texts and cells, not the axis."""
    seen: list[str] = []

    def walk(node: Any) -> None:
        match node:
            case {"type": "data_visualization", "title": title}:
                seen.append(title)
            case {"text": str(text)}:
                seen.append(re.sub(r"<[^<>|]*\|?([^<>]*)>", r"\1", text))
            case dict():
                for value in node.values():
                    walk(value)
            case list():
                for value in node:
                    walk(value)

    walk(list(message.blocks))
    return sum(1 for text in seen for word in text.split() if re.search(r"\w", word))


def test_the_digest_is_what_slack_takes_and_says_all_in_its_text() -> None:
    message = digest(VIEW)

    assert problems(message) == []
    assert kinds(message) == [
        "header",
        "section",
        "section",
        "data_table",
        "data_visualization",
        "context",
        "context",
        "context_actions",
    ]
    assert message.text.startswith("ML weekly · 16 – 22 Nov: 1 of 6 models needs attention (fraud-scorer)")


def test_the_table_can_be_read_aloud_and_paged() -> None:
    table = digest(VIEW).blocks[3]

    assert (table["page_size"], table["row_header_column_index"]) == (6, 0)
    assert "Models" in table["caption"]
    assert [cell["text"] for cell in table["rows"][1]] == [
        "fraud-scorer",
        "🟡 watch",
        "good payments declined 2.2 %",
        "▴ 0.1 pt worse",
        "v42, back to v41",
        "1",
    ]


def test_decisions_link_to_their_incident_and_name_who_decides() -> None:
    asked = digest(VIEW, workspace="https://acme.slack.com").blocks[2]["text"]["text"]

    assert "*<https://acme.slack.com/archives/C01/p1795420800000100|What caused INC-1?>*" in asked
    assert "<@U01ALICE>" in asked
    assert asked.startswith("*Decisions wanted* (1 more in the thread)\n1. ")
    assert asked.endswith("2. *Who owns support-triage?*  no evaluation for 11 days  @bob")


def test_stakeholders_read_at_most_160_words() -> None:
    assert words(digest(VIEW)) <= 160


def test_a_good_week_is_four_short_blocks() -> None:
    good = tuple(replace(row, health=Health.GOOD) for row in VIEW.rows)
    calm = replace(VIEW, health=Health.GOOD, verdict="All 6 models good.", story="", rows=good, decisions=(), notes=())

    message = digest(replace(calm, chart=None))

    assert kinds(message) == ["header", "section", "context", "context_actions"]
    assert message.blocks[1]["text"]["text"] == "🟢 *All 6 models good.* Nothing to decide."


def test_an_empty_installation_gets_a_message_that_slack_takes() -> None:
    empty = DigestView(name="weekly", title="ML weekly", health=Health.NO_DATA, verdict="No model is known yet.")

    message = digest(replace(empty, summary="ML weekly: no model is known yet."))

    assert problems(message) == []
    assert digest_thread(empty) is None


def test_readers_can_say_whether_it_was_useful() -> None:
    buttons = digest(VIEW).blocks[-1]["elements"][0]

    assert buttons["action_id"] == FEEDBACK == "digest_feedback"
    assert [buttons[f"{side}_button"]["value"] for side in ("positive", "negative")] == ["useful", "not_useful"]


@pytest.mark.parametrize("refused", REFUSALS)
def test_a_workspace_that_refuses_blocks_gets_the_same_words(refused: tuple[str, ...]) -> None:
    message = digest(VIEW, frozenset(refused))

    assert problems(message) == []
    assert not set(kinds(message)) & set(refused)
    assert "fraud-scorer" in json.dumps(message.content)
    assert "1 of 6 models needs attention." in json.dumps(message.content)


def test_foreign_names_do_nothing_in_slack() -> None:
    evil = "<!channel> *a* `b` & <https://evil.example|click>"
    row = replace(VIEW.rows[0], model=evil, product_metric=evil)
    view = replace(VIEW, story=evil, verdict=evil, summary=evil, notes=(evil,), facts=(evil,), rows=(row,))

    message = digest(replace(view, decisions=(Wanted(evil, evil, evil),)))
    thread = digest_thread(replace(view, details=(Detail(evil, (evil,)),)))

    assert thread is not None
    assert problems(message) == problems(thread) == []
    for block in (*message.blocks, *thread.blocks):
        if block["type"] in ("section", "context"):
            assert "<!channel>" not in json.dumps(block)
            assert "<https://evil" not in json.dumps(block)
    assert "<!channel>" not in message.text


def test_three_hundred_models_fit() -> None:
    rows = tuple(replace(VIEW.rows[4], model=f"model-{n}") for n in range(300))
    details = tuple(Detail(f"🟢 model-{n} · good", ("x" * 900, "y" * 900, "z" * 900)) for n in range(300))

    message = digest(replace(VIEW, rows=rows))
    thread = digest_thread(replace(VIEW, details=details))

    assert thread is not None
    assert problems(message) == problems(thread) == []
    assert len(message.blocks[3]["rows"]) == 101
    assert "200 more not shown" in message.blocks[3]["caption"]


def test_a_hundred_models_with_long_versions_keep_their_table() -> None:
    sha = "sha256:" + "0a" * 32
    rows = tuple(replace(VIEW.rows[0], model=f"model-{n}", shipped=f"{sha}, back to {sha}") for n in range(100))

    message = digest(replace(VIEW, rows=rows))

    (table,) = (block for block in message.blocks if block["type"] == "data_table")
    shown = len(table["rows"]) - 1
    assert problems(message) == []
    assert shown > 30
    assert f"{100 - shown} more not shown" in table["caption"]


def test_the_thread_has_a_paragraph_for_each_detail() -> None:
    thread = digest_thread(VIEW)

    assert thread is not None
    assert thread.blocks[0]["text"]["text"] == "*🟡 fraud-scorer · watch*\nv41 100 %\nAUC 0.912 (n 41 200)\n1 change"
    assert thread.text.endswith("and what is not connected.")


def test_drawing_twice_is_equal() -> None:
    assert digest(VIEW) == digest(VIEW)
    assert digest_thread(VIEW) == digest_thread(VIEW)
