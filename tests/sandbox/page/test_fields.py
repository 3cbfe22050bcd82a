"""Inputs of a modal: label, start value, hint and error, tied together for those who listen."""

from typing import Any

import pytest

from bot.sandbox.render import blocks
from tests.sandbox.page.samples import mrkdwn, option, plain, reader


def input_of(element: dict[str, Any], error: str = "", **more: Any) -> str:
    block = {"type": "input", "block_id": "what", "label": plain("What is wrong?"), "element": element, **more}
    return str(blocks([block], reader(), {"what": error} if error else None))


def test_a_text_input_starts_with_its_initial_value() -> None:
    html = input_of({"type": "plain_text_input", "action_id": "t", "initial_value": 'a "quote"'})

    assert 'value="a &#34;quote&#34;"' in html
    assert '<label for="f-what-t" class="label">What is wrong?</label>' in html
    assert 'id="f-what-t"' in html


def test_several_lines_are_typed_into_a_textarea() -> None:
    html = input_of({"type": "plain_text_input", "action_id": "t", "multiline": True, "initial_value": "</textarea>x"})

    assert "&lt;/textarea&gt;x</textarea>" in html


def test_an_error_stands_beside_its_field() -> None:
    html = input_of(
        {"type": "plain_text_input", "action_id": "t"}, error="Say <it> in one sentence.", hint=plain("Short.")
    )

    assert "Say &lt;it&gt; in one sentence." in html
    assert 'id="f-what-t-error" role="alert"' in html
    assert 'aria-describedby="f-what-t-error f-what-t-hint"' in html
    assert "invalid" in html


def test_an_optional_field_says_so() -> None:
    assert "(optional)" in input_of({"type": "plain_text_input", "action_id": "t"}, optional=True)
    assert "data-required" not in input_of({"type": "plain_text_input", "action_id": "t"}, optional=True)


def test_a_select_knows_what_was_chosen_and_what_each_choice_sends() -> None:
    options = [option("SEV1", "1"), option("SEV2", "2")]
    html = input_of({"type": "static_select", "action_id": "s", "options": options, "initial_option": options[1]})

    assert '<option value="2" selected data-option=' in html
    assert "&#34;value&#34;:&#34;1&#34;" in html


def test_people_and_channels_can_be_chosen() -> None:
    people = input_of({"type": "users_select", "action_id": "u", "initial_user": "U02BOB"})
    rooms = input_of({"type": "multi_channels_select", "action_id": "c", "initial_channels": ["C02MLFRAUD"]})

    assert '<option value="U02BOB" selected' in people
    assert ">@alice</option>" in people
    assert 'value="C02MLFRAUD" checked' in rooms


def test_check_boxes_and_radio_buttons_are_groups() -> None:
    boxes = [{**option("", "jira"), "text": mrkdwn("Open a *ticket*"), "description": plain("in ML")}]
    html = input_of({"type": "checkboxes", "action_id": "b", "options": boxes, "initial_options": boxes})
    radio = input_of({"type": "radio_buttons", "action_id": "r", "options": [option("a", "a"), option("b", "b")]})

    assert 'role="group"' in html
    assert "<strong>ticket</strong>" in html
    assert "<small>in ML</small>" in html
    assert " checked" in html
    assert 'role="radiogroup"' in radio
    assert radio.count('type="radio"') == 2


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"type": "number_input", "is_decimal_allowed": True, "initial_value": "0.5"}, 'type="number"'),
        ({"type": "email_text_input"}, 'type="email"'),
        ({"type": "url_text_input"}, 'type="url"'),
        ({"type": "datepicker", "initial_date": "2026-11-23"}, 'type="date" class="input short" value="2026-11-23"'),
        ({"type": "timepicker", "initial_time": "08:30"}, 'value="08:30"'),
        ({"type": "datetimepicker", "initial_date_time": 1795420800}, 'value="2026-11-23T09:00"'),
        ({"type": "rich_text_input"}, "<textarea"),
        ({"type": "file_input"}, "cannot be chosen"),
    ],
)
def test_every_kind_of_input_has_a_control(element: dict[str, Any], expected: str) -> None:
    html = input_of(element | {"action_id": "a"})

    assert expected in html
    assert f'data-field="{element["type"]}"' in html
