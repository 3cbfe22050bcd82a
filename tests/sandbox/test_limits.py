"""The table of limits refuses what Slack refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.domain import limits

MESSAGES = Path(__file__).parent / "messages"


def section(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(action_id: str = "go", **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": "Go"}, **more}


def table(rows: int, kind: str = "data_table") -> dict[str, Any]:
    cells = [[{"type": "raw_text", "text": "a"}, {"type": "raw_text", "text": "b"}] for _ in range(rows)]
    return {"type": kind, "rows": cells} | ({"caption": "c"} if kind == "data_table" else {})


def chart(series: int = 1, labels: tuple[str, ...] = ("a", "b")) -> dict[str, Any]:
    data = [{"label": label, "value": -1.5} for label in labels]
    return {
        "type": "data_visualization",
        "title": "t",
        "chart": {
            "type": "line",
            "series": [{"name": f"s{n}", "data": data} for n in range(series)],
            "axis_config": {"categories": list(labels)},
        },
    }


def overflow(number: int) -> dict[str, Any]:
    options = [{"text": {"type": "plain_text", "text": f"o{n}"}, "value": str(n)} for n in range(number)]
    return {"type": "actions", "elements": [{"type": "overflow", "action_id": "more", "options": options}]}


def confirm(title: str) -> dict[str, Any]:
    plain = {name: {"type": "plain_text", "text": "x"} for name in ("text", "confirm", "deny")}
    return {"type": "actions", "elements": [button(confirm={"title": {"type": "plain_text", "text": title}, **plain})]}


@pytest.mark.parametrize(
    ("blocks", "pointer", "code"),
    [
        ([{"type": "sectoin"}], "/blocks/0/type", "unsupported_type"),
        ([{"text": "x"}], "/blocks/0", "missing_field"),
        ([section("x" * 3001)], "/blocks/0/text/text", "too_long"),
        ([section("")], "/blocks/0/text/text", "too_short"),
        ([section(colour="red")], "/blocks/0", "unknown_field"),
        ([{"type": "section"}], "/blocks/0", "missing_field"),
        ([{"type": "section", "fields": [section()["text"]] * 11}], "/blocks/0/fields", "too_many"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text/type", "unsupported_type"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "/blocks/0/text/text", "too_long"),
        ([{"type": "context", "elements": [section()["text"]] * 11}], "/blocks/0/elements", "too_many"),
        ([{"type": "actions", "elements": []}], "/blocks/0/elements", "too_few"),
        ([{"type": "actions", "elements": [button("a"), button("a")]}], "/blocks/0/elements/1/action_id", None),
        ([{"type": "actions", "elements": [button(value="v" * 2001)]}], "/blocks/0/elements/0/value", "too_long"),
        ([{"type": "actions", "elements": [button(url="ftp://x")]}], "/blocks/0/elements/0/url", "invalid_url"),
        ([{"type": "actions", "elements": [button(style="blue")]}], "/blocks/0/elements/0/style", "invalid_value"),
        ([overflow(1)], "/blocks/0/elements/0/options", "too_few"),
        ([overflow(6)], "/blocks/0/elements/0/options", "too_many"),
        ([confirm("x" * 101)], "/blocks/0/elements/0/confirm/title/text", "too_long"),
        ([{"type": "image", "image_url": "https://x"}], "/blocks/0", "missing_field"),
        ([table(1)], "/blocks/0/rows", "too_few"),
        ([table(202)], "/blocks/0/rows", "too_many"),
        ([table(3) | {"caption": None}], "/blocks/0", "missing_field"),
        ([table(3), table(3, "table")], "/blocks/1", "only_one_table_allowed"),
        ([chart(), chart(), chart()], "/blocks/2", "too_many_charts"),
        ([chart(13)], "/blocks/0/chart/series", "too_many"),
        ([chart(labels=tuple(map(str, range(21))))], "/blocks/0/chart/series/0/data", "too_many"),
        ([{"type": "alert", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/type", "wrong_surface"),
        ([section(block_id="b"), section(block_id="b")], "/blocks", "duplicate_block_id"),
        ([section()] * 51, "/blocks", "too_many"),
        ([{"type": "markdown", "text": "x" * 7000}] * 2, "/blocks", "too_long"),
        (["x"], "/blocks/0", "missing_field"),
        ([{"type": ["section"]}], "/blocks/0/type", "unsupported_type"),
    ],
)
def test_what_slack_refuses_is_refused_with_a_pointer(blocks: list[Any], pointer: str, code: str | None) -> None:
    found = limits.problems(blocks, surface="message")

    assert pointer in [problem.pointer for problem in found]
    assert code is None or code in [problem.code for problem in found]


@pytest.mark.parametrize(
    "blocks",
    [
        [section("x" * 3000), {"type": "divider"}],
        [section(accessory=button("a")), section(accessory=button("a"))],
        [table(201)],
        [chart(12), chart()],
        [overflow(2), overflow(5)],
        [confirm("x" * 100)],
        [section()] * 50,
    ],
)
def test_what_slack_takes_is_taken(blocks: list[Any]) -> None:
    assert limits.problems(blocks, surface="message") == []


def test_every_category_must_be_in_every_series() -> None:
    block = chart(2)
    block["chart"]["series"][1]["data"] = [{"label": "a", "value": 1}]

    codes = [problem.code for problem in limits.problems([block], surface="message")]

    assert codes == ["category_mismatch"]


def test_cells_must_be_equally_many_and_headers_text() -> None:
    block = table(3)
    block["rows"][1].pop()
    block["rows"][0][0] = {"type": "raw_number", "value": 1}

    codes = {problem.code for problem in limits.problems([block], surface="message")}

    assert codes == {"unequal_rows", "invalid_value"}


def test_metadata_must_be_flat() -> None:
    nested = {"event_type": "card", "event_payload": {"key": "a", "more": {"x": 1}}}

    assert [problem.code for problem in limits.metadata_problems(nested)] == ["nested"]
    assert limits.metadata_problems({}) == []


def test_a_message_needs_something_to_say() -> None:
    assert [problem.code for problem in limits.message_problems({"text": " "})] == ["no_text"]
    assert limits.message_problems({"text": "hello"}) == []


def test_a_modal_with_inputs_needs_a_submit_button() -> None:
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "x" * 25},
        "blocks": [
            {
                "type": "input",
                "label": {"type": "plain_text", "text": "l"},
                "element": {"type": "plain_text_input", "action_id": "a"},
            }
        ],
    }

    assert {problem.message.partition(":")[0] for problem in limits.view_problems(view)} == {
        "must be less than 25 characters",
        "missing required field",
    }


@pytest.mark.parametrize("path", sorted(MESSAGES.glob("*.json")), ids=lambda path: path.stem)
def test_our_eight_messages_are_fine(path: Path) -> None:
    stored = json.loads(path.read_text())

    for one in stored if isinstance(stored, list) else [stored]:
        check = limits.view_problems if one.get("type") == "home" else limits.message_problems
        assert check(one) == []
