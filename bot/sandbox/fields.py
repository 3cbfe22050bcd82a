"""Block Kit's elements that hold a value: text, choices, people, channels, dates.

The same element stands in a message (then a change is posted at once) or in a modal's input block (then
the script collects all of them into Slack's `state.values`). Each carries `data-field` with its Block Kit type,
and each choice its option object in `data-option`, because Slack sends the whole object back.
"""

from datetime import datetime
from typing import Any

from markupsafe import Markup

from bot.sandbox.markup import join, tag
from bot.sandbox.mrkdwn import plain
from bot.sandbox.texts import Json, compact, confirm_json, dicts, option_value, rendered, words
from bot.sandbox.viewer import Viewer

TEXT_INPUTS = {"plain_text_input": "text", "email_text_input": "email", "url_text_input": "url"}
DATE_INPUTS = {"datepicker": "date", "timepicker": "time"}
PLACEHOLDERS = {"users_select": "Choose a person", "channels_select": "Choose a channel"}
SELECTS = frozenset(
    f"{many}{kind}_select"
    for many in ("", "multi_")
    for kind in ("static", "external", "users", "channels", "conversations")
)
FIELDS = SELECTS | set(TEXT_INPUTS) | set(DATE_INPUTS) | {
    "number_input", "datetimepicker", "checkboxes", "radio_buttons", "rich_text_input", "file_input",
}  # fmt: skip


def field(element: Json, viewer: Viewer, *, block_id: str, ident: str = "", live: bool = True) -> Markup:
    """Return the control; `live` posts every change, `ident` is the id that a label and an error refer to."""
    kind = str(element.get("type"))
    attributes: dict[str, Any] = {
        "data_field": kind,
        "data_action_id": str(element.get("action_id", "")),
        "data_block_id": block_id,
        "data_live": live,
        "data_confirm": confirm_json(element.get("confirm"), viewer),
    }
    if ident:
        attributes |= {"id": ident, "aria_describedby": f"{ident}-error {ident}-hint"}
    else:
        attributes["aria_label"] = words(element.get("placeholder")) or PLACEHOLDERS.get(kind, "Choose")
    if element.get("focus_on_load"):
        attributes["autofocus"] = True
    if kind in ("checkboxes", "radio_buttons"):
        return _group(element, viewer, attributes)
    if kind.startswith("multi_"):
        return _several(element, viewer, attributes)
    if kind in SELECTS:
        return _select(element, viewer, attributes)
    return _typed(element, viewer, attributes)


def _typed(element: Json, viewer: Viewer, attributes: dict[str, Any]) -> Markup:
    """Return an input or textarea."""
    kind = str(element.get("type"))
    initial = words(element.get("initial_value"))
    attributes["placeholder"] = words(element.get("placeholder")) or None
    attributes["autocomplete"] = "off"
    if kind == "rich_text_input" or (kind == "plain_text_input" and element.get("multiline")):
        return tag(
            "textarea", initial, class_="input", rows="4", minlength=element.get("min_length"),
            maxlength=element.get("max_length"), **attributes,
        )  # fmt: skip
    if kind in TEXT_INPUTS:
        return tag(
            "input", type=TEXT_INPUTS[kind], class_="input", value=initial, minlength=element.get("min_length"),
            maxlength=element.get("max_length"), **attributes,
        )  # fmt: skip
    if kind == "number_input":
        step = "any" if element.get("is_decimal_allowed") else "1"
        return tag(
            "input", type="number", class_="input", value=initial, step=step, min=element.get("min_value"),
            max=element.get("max_value"), **attributes,
        )  # fmt: skip
    if kind in DATE_INPUTS:
        value = words(element.get("initial_date") or element.get("initial_time"))
        return tag("input", type=DATE_INPUTS[kind], class_="input short", value=value, **attributes)
    if kind == "datetimepicker":
        return tag("input", type="datetime-local", class_="input short", value=_local(element, viewer), **attributes)
    return tag("span", "Files cannot be chosen in the sandbox.", class_="muted", data_field=kind)


def _local(element: Json, viewer: Viewer) -> str:
    seconds = element.get("initial_date_time")
    when: datetime | None = viewer.local(seconds) if isinstance(seconds, int) else None
    return f"{when:%Y-%m-%dT%H:%M}" if when else ""


def choices(element: Json, viewer: Viewer) -> list[tuple[str, Json, str]]:
    """Return (group, option, value) of everything that can be chosen."""
    kind = str(element.get("type"))
    if "users" in kind:
        return [("", _named(f"@{name}"), user) for user, name in viewer.users.items()]
    if "channels" in kind or "conversations" in kind:
        return [("", _named(f"#{name}"), channel) for channel, name in viewer.channels.items()]
    found = [("", option, option_value(option)) for option in dicts(element.get("options"))]
    for group in dicts(element.get("option_groups")):
        label = words(group.get("label"))
        found += [(label, option, option_value(option)) for option in dicts(group.get("options"))]
    if not found:  # external_select: what was chosen before is all that is known here
        found = [("", option, option_value(option)) for option in _initial_options(element)]
    return found


def _named(name: str) -> Json:
    return {"text": {"type": "plain_text", "text": name}}


def _initial_options(element: Json) -> list[Json]:
    return dicts([element.get("initial_option")]) + dicts(element.get("initial_options"))


def chosen(element: Json) -> set[str]:
    """Return the values that are chosen at the start."""
    values = {option_value(option) for option in _initial_options(element)}
    for key in ("initial_user", "initial_channel", "initial_conversation"):
        single, many = element.get(key), element.get(f"{key}s")
        values |= {single} if isinstance(single, str) else set()
        values |= {str(item) for item in many} if isinstance(many, list) else set()
    return values


def _select(element: Json, viewer: Viewer, attributes: dict[str, Any]) -> Markup:
    start = chosen(element)
    hint = words(element.get("placeholder")) or PLACEHOLDERS.get(str(element.get("type")), "Choose…")
    children = [tag("option", hint, value="", selected=not start)]
    groups: dict[str, list[Markup]] = {}
    for group, option, value in choices(element, viewer):
        item = tag(
            "option",
            words(option.get("text")),
            value=value,
            selected=value in start,
            data_option=compact(option),
        )
        groups.setdefault(group, []).append(item)
    for group, items in groups.items():
        children += [tag("optgroup", *items, label=group)] if group else items
    return tag("select", *children, class_="select", **attributes)


def _several(element: Json, viewer: Viewer, attributes: dict[str, Any]) -> Markup:
    """Return a folded list of check boxes: a native multiple select is unusable without a modifier key."""
    start = chosen(element)
    hint = words(element.get("placeholder")) or "Choose…"
    boxes = [
        _choice(option, value, "checkbox", viewer, checked=value in start)
        for _, option, value in choices(element, viewer)
    ]
    shown = ", ".join(words(option.get("text")) for _, option, value in choices(element, viewer) if value in start)
    summary = tag("summary", shown or hint, data_hint=hint)
    return tag("details", summary, tag("div", *boxes, class_="choices"), class_="several", **attributes)


def _group(element: Json, viewer: Viewer, attributes: dict[str, Any]) -> Markup:
    kind = "radio" if element.get("type") == "radio_buttons" else "checkbox"
    start = chosen(element)
    name = f"{attributes['data_block_id']}-{attributes['data_action_id']}"
    boxes = [
        _choice(option, option_value(option), kind, viewer, checked=option_value(option) in start, name=name)
        for option in dicts(element.get("options"))
    ]
    role = "radiogroup" if kind == "radio" else "group"
    return tag("div", *boxes, class_="choices", role=role, tabindex="-1", **attributes)


def _choice(option: Json, value: str, kind: str, viewer: Viewer, *, checked: bool, name: str = "") -> Markup:
    about = option.get("description")
    words_ = join([rendered(option.get("text"), viewer), tag("small", rendered(about, viewer)) if about else None])
    box = tag("input", type=kind, value=value, name=name or None, checked=checked, data_option=compact(option))
    return tag("label", box, tag("span", words_), class_="choice")


def input_block(block: Json, viewer: Viewer, *, error: str = "") -> Markup:
    """Return label, control, hint and error; the error is spoken when the control gets the focus."""
    element = block.get("element")
    element = element if isinstance(element, dict) else {}
    block_id = str(block.get("block_id", ""))
    ident = f"f-{block_id}-{element.get('action_id', '')}"
    optional = tag("span", " (optional)", class_="muted") if block.get("optional") else None
    grouped = element.get("type") in ("checkboxes", "radio_buttons") or str(element.get("type")).startswith("multi_")
    name = plain(words(block.get("label")))
    label = (
        tag("span", name, optional, class_="label")
        if grouped
        else tag("label", name, optional, for_=ident, class_="label")
    )
    return tag(
        "div",
        label,
        field(element, viewer, block_id=block_id, ident=ident, live=bool(block.get("dispatch_action"))),
        tag("p", error, class_="error", id=f"{ident}-error", role="alert") if error else None,
        tag("p", plain(words(block.get("hint"))), class_="hint", id=f"{ident}-hint") if block.get("hint") else None,
        class_="b-input invalid" if error else "b-input",
        data_block_id=block_id,
        data_required=not block.get("optional"),
    )
