"""The shapes of interactive elements, and where each may stand.

https://docs.slack.dev/reference/block-kit/block-elements
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.domain.limits import table as t
from bot.domain.limits.rules import (
    Problem,
    Rule,
    anything,
    array,
    boolean,
    by_type,
    link,
    number,
    one_of,
    shape,
    string,
    text,
)

TYPE: Mapping[str, Rule] = {"type": anything}
ACTION: Mapping[str, Rule] = {"action_id": string(t.ACTION_ID)}

CONFIRM = shape(
    {
        "title": text(t.CONFIRM_TITLE, plain=True),
        "text": text(t.CONFIRM_TEXT),
        "confirm": text(t.CONFIRM_BUTTON, plain=True),
        "deny": text(t.CONFIRM_BUTTON, plain=True),
    },
    {"style": one_of("primary", "danger")},
)


def _option(*, plain: bool, url: bool = False) -> Rule:
    fields = {"description": text(t.OPTION_DESCRIPTION, plain=plain)}
    if url:
        fields["url"] = link(t.OPTION_URL)
    return shape({"text": text(t.OPTION_TEXT, plain=plain), "value": string(t.OPTION_VALUE)}, fields)


OPTION = _option(plain=True)
RICH_OPTION = _option(plain=False)
OPTION_GROUP = shape({"label": text(t.OPTION_TEXT, plain=True), "options": array(OPTION, 1, t.SELECT_OPTIONS)})


def _either_options(value: dict[str, Any], at: str) -> Iterator[Problem]:
    if (value.get("options") is None) == (value.get("option_groups") is None):
        yield Problem(at, "missing_field", "must have one of options and option_groups")


MENU: Mapping[str, Rule] = {
    **ACTION,
    "placeholder": text(t.PLACEHOLDER, plain=True),
    "confirm": CONFIRM,
    "focus_on_load": boolean,
}
CHOICES: Mapping[str, Rule] = {
    "options": array(OPTION, 1, t.SELECT_OPTIONS),
    "option_groups": array(OPTION_GROUP, 1, t.OPTION_GROUPS),
}
MANY: Mapping[str, Rule] = {"max_selected_items": number(1, whole=True)}
FILTER: Mapping[str, Rule] = {"filter": anything, "default_to_current_conversation": boolean}
IDS = array(string(255), 0, 100)
TYPED: Mapping[str, Rule] = {
    **ACTION,
    "placeholder": text(t.PLACEHOLDER, plain=True),
    "focus_on_load": boolean,
    "dispatch_action_config": anything,
}

BUTTON = shape(
    {**TYPE, "text": text(t.BUTTON_TEXT, plain=True)},
    {
        **ACTION,
        "url": link(t.BUTTON_URL),
        "value": string(t.BUTTON_VALUE, 0),
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(t.ACCESSIBILITY_LABEL),
    },
)
IMAGE = shape({**TYPE, "alt_text": string(t.ALT_TEXT)}, {"image_url": link(t.IMAGE_URL), "slack_file": anything})
FEEDBACK = shape(
    {"text": text(t.BUTTON_TEXT, plain=True), "value": string(t.BUTTON_VALUE)},
    {"accessibility_label": string(t.ACCESSIBILITY_LABEL)},
)
OVERFLOW_OPTIONS = array(_option(plain=True, url=True), t.OVERFLOW_OPTIONS_MIN, t.OVERFLOW_OPTIONS)
DATE, TIME = string(10, 10), string(5, 5)
INTERACTIVE: Mapping[str, Rule] = {
    "button": BUTTON,
    "workflow_button": shape({**TYPE, "text": text(t.BUTTON_TEXT, plain=True)}, open_ended=True),
    "overflow": shape({**TYPE, "options": OVERFLOW_OPTIONS}, {**ACTION, "confirm": CONFIRM}),
    "static_select": shape(TYPE, {**MENU, **CHOICES, "initial_option": OPTION}, also=_either_options),
    "external_select": shape(TYPE, {**MENU, "initial_option": OPTION, "min_query_length": number(0, whole=True)}),
    "users_select": shape(TYPE, {**MENU, "initial_user": string(255)}),
    "channels_select": shape(TYPE, {**MENU, "initial_channel": string(255), "response_url_enabled": boolean}),
    "conversations_select": shape(
        TYPE, {**MENU, **FILTER, "initial_conversation": string(255), "response_url_enabled": boolean}
    ),
    "multi_static_select": shape(
        TYPE, {**MENU, **MANY, **CHOICES, "initial_options": array(OPTION, 1, 100)}, also=_either_options
    ),
    "multi_external_select": shape(
        TYPE, {**MENU, **MANY, "initial_options": array(OPTION, 1, 100), "min_query_length": anything}
    ),
    "multi_users_select": shape(TYPE, {**MENU, **MANY, "initial_users": IDS}),
    "multi_channels_select": shape(TYPE, {**MENU, **MANY, "initial_channels": IDS}),
    "multi_conversations_select": shape(TYPE, {**MENU, **MANY, **FILTER, "initial_conversations": IDS}),
    "checkboxes": shape(
        {**TYPE, "options": array(RICH_OPTION, 1, t.CHECKBOX_OPTIONS)},
        {
            **ACTION,
            "initial_options": array(RICH_OPTION, 1, 10),
            "confirm": CONFIRM,
            "focus_on_load": boolean,
        },
    ),
    "radio_buttons": shape(
        {**TYPE, "options": array(RICH_OPTION, 1, t.CHECKBOX_OPTIONS)},
        {**ACTION, "initial_option": RICH_OPTION, "confirm": CONFIRM, "focus_on_load": boolean},
    ),
    "datepicker": shape(TYPE, {**MENU, "initial_date": DATE}),
    "timepicker": shape(TYPE, {**MENU, "initial_time": TIME, "timezone": string(255)}),
    "datetimepicker": shape(
        TYPE,
        {**ACTION, "initial_date_time": number(whole=True), "confirm": CONFIRM, "focus_on_load": boolean},
    ),
}
INPUTS: Mapping[str, Rule] = {
    "plain_text_input": shape(
        TYPE,
        {
            **TYPED,
            "initial_value": string(t.INPUT_TEXT, 0),
            "multiline": boolean,
            "min_length": number(0, t.INPUT_TEXT, whole=True),
            "max_length": number(1, t.INPUT_TEXT, whole=True),
        },
    ),
    "rich_text_input": shape(TYPE, {**TYPED, "initial_value": anything}),
    "email_text_input": shape(TYPE, {**TYPED, "initial_value": string(t.INPUT_TEXT, 0)}),
    "url_text_input": shape(TYPE, {**TYPED, "initial_value": string(t.INPUT_TEXT, 0)}),
    "number_input": shape(
        {**TYPE, "is_decimal_allowed": boolean},
        {**TYPED, "initial_value": string(255), "min_value": string(255), "max_value": string(255)},
    ),
    "file_input": shape(TYPE, {**ACTION, "filetypes": anything, "max_files": number(1, 10, whole=True)}),
}
IN_CONTEXT = by_type(
    {
        "image": IMAGE,
        "plain_text": shape({**TYPE, "text": string(t.TEXT_OBJECT)}, {"emoji": boolean}),
        "mrkdwn": shape({**TYPE, "text": string(t.TEXT_OBJECT)}, {"verbatim": boolean}),
    },
    "a context element",
)
IN_SECTION = by_type({**INTERACTIVE, "image": IMAGE}, "an accessory")
IN_ACTIONS = by_type({**INTERACTIVE, "rich_text_input": INPUTS["rich_text_input"]}, "an actions element")
IN_INPUT = by_type(
    {k: v for k, v in {**INTERACTIVE, **INPUTS}.items() if "button" not in k or k == "radio_buttons"},
    "an input element",
)
IN_CONTEXT_ACTIONS = by_type(
    {
        "feedback_buttons": shape({**TYPE, "positive_button": FEEDBACK, "negative_button": FEEDBACK}, ACTION),
        "icon_button": shape(
            {**TYPE, "icon": string(255), "text": text(t.BUTTON_TEXT, plain=True)},
            {
                **ACTION,
                "value": string(t.BUTTON_VALUE, 0),
                "confirm": CONFIRM,
                "accessibility_label": string(t.ACCESSIBILITY_LABEL),
                "visible_to_user_ids": IDS,
            },
        ),
    },
    "a context_actions element",
)
