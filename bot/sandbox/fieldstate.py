"""Values of inputs: what they start with, and how a person's choice becomes Slack's `state.values` entry.

https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

from typing import Any

from bot.sandbox.content import elements_of

# element type -> (key in state.values, key of the initial value)
KEYS: dict[str, tuple[str, str]] = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", ""),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", ""),
}
LISTS = frozenset(key for key, _ in KEYS.values() if key.endswith("s") and key != "files")


class BadValue(ValueError):
    """A person cannot choose this; the text says why."""


def initial_values(blocks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return `state.values` of a view (or the blocks of a message) that nobody has touched."""
    values: dict[str, dict[str, Any]] = {}
    for block in blocks:
        for element in elements_of(block):
            kind = str(element.get("type"))
            if kind in KEYS and kind != "overflow":
                key, initial = KEYS[kind]
                start = element.get(initial, [] if key in LISTS else None)
                values.setdefault(block["block_id"], {})[element["action_id"]] = {"type": kind, key: start}
    return values


def chosen(element: dict[str, Any], value: Any) -> dict[str, Any]:
    """Return the state entry for `value`: a plain value, a list of them, or Slack's entry itself. Raises BadValue."""
    kind = str(element.get("type"))
    if kind not in KEYS:
        raise BadValue(f"{kind} takes no value")
    key = KEYS[kind][0]
    if isinstance(value, dict) and key in value:
        value = value[key]
    if key == "selected_option":
        entry: Any = None if value in (None, "") else option(element, value)
    elif key == "selected_options":
        listed = [] if value in (None, "") else value if isinstance(value, list) else [value]
        entry = [option(element, one) for one in listed]
    elif key in LISTS:
        entry = [] if value in (None, "") else value if isinstance(value, list) else [value]
    elif key == "selected_date_time":
        entry = None if value in (None, "") else int(value)
    else:
        entry = None if value in (None, "") else value if isinstance(value, dict) else str(value)
    return {"type": kind, key: entry}


def option(element: dict[str, Any], value: Any) -> dict[str, Any]:
    """Return the option that `value` names by its value or its visible text."""
    wanted = value.get("value") if isinstance(value, dict) else str(value)
    if element.get("type") in ("external_select", "multi_external_select"):
        return value if isinstance(value, dict) else {"text": {"type": "plain_text", "text": wanted}, "value": wanted}
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    for one in options:
        if one.get("value") == wanted or one["text"]["text"] == wanted:
            return dict(one)
    there = ", ".join(str(one.get("value")) for one in options)
    raise BadValue(f"no option {wanted!r} (there are {there})")


def is_blank(entry: dict[str, Any]) -> bool:
    key = KEYS[str(entry["type"])][0]
    return entry.get(key) in (None, "", [])


def problem(element: dict[str, Any], entry: dict[str, Any]) -> str:
    """Return what Slack's client says about a value that the element does not take; empty if it does."""
    value = entry.get(KEYS[str(entry["type"])][0])
    kind = element["type"]
    if value in (None, ""):
        return ""
    if kind == "plain_text_input":
        least, most = int(element.get("min_length", 0)), int(element.get("max_length", 3000))
        if len(value) < least:
            return f"Please enter at least {least} characters."
        if len(value) > most:
            return f"Please enter no more than {most} characters."
    if kind == "number_input":
        return _number(element, value)
    if kind == "email_text_input" and "@" not in value:
        return "Please enter a valid email address."
    if kind == "url_text_input" and not value.startswith(("http://", "https://")):
        return "Please enter a valid URL."
    if kind.startswith("multi_") and len(value) > int(element.get("max_selected_items", 100)):
        return f"Please choose no more than {element['max_selected_items']}."
    return ""


def _number(element: dict[str, Any], value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return "Please enter a valid number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Please enter a whole number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return ""
