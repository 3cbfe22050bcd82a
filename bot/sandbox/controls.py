"""Block Kit's elements that act when they are clicked: buttons, overflow menus, feedback.

The script posts the click to `/_sandbox/action`; which message or view it belongs to stands on an ancestor
(`data-ts`, `data-view`), so that elements stay pure functions of their JSON.
"""

from markupsafe import Markup

from bot.sandbox.markup import icon, is_web, join, tag
from bot.sandbox.mrkdwn import plain
from bot.sandbox.texts import Json, confirm_json, dicts, option_value, words
from bot.sandbox.viewer import Viewer

STYLES = {"primary": "btn primary", "danger": "btn danger"}


def button(element: Json, viewer: Viewer, block_id: str) -> Markup:
    """Return a button; one with an address is a link that also sends its action, as in Slack."""
    label = plain(words(element.get("text")))
    look = STYLES.get(str(element.get("style")), "btn")
    url = str(element.get("url", ""))
    attributes: dict[str, str | bool | None] = {
        "class_": look,
        "data_act": True,
        "data_action_id": str(element.get("action_id", "")),
        "data_block_id": block_id,
        "data_value": words(element.get("value")),
        "data_confirm": confirm_json(element.get("confirm"), viewer),
        "aria_label": words(element.get("accessibility_label")) or None,
    }
    if url and is_web(url):
        return tag("a", label, icon("out"), href=url, target="_blank", rel="noopener noreferrer", **attributes)
    return tag("button", label, type="button", **attributes)


def icon_button(element: Json, viewer: Viewer, block_id: str) -> Markup:
    """Return the small button of context_actions; its picture is named by `icon`, its label is spoken."""
    label = words(element.get("text")) or "Action"
    sign = {"trash": "🗑"}.get(str(element.get("icon")), "●")
    return tag(
        "button",
        sign,
        type="button",
        class_="btn small",
        title=label,
        aria_label=words(element.get("accessibility_label")) or label,
        data_act=True,
        data_action_id=str(element.get("action_id", "")),
        data_block_id=block_id,
        data_value=words(element.get("value")),
        data_confirm=confirm_json(element.get("confirm"), viewer),
    )


def feedback(element: Json, block_id: str) -> Markup:
    """Return the two thumbs."""
    buttons = []
    for key, sign in (("positive_button", "👍"), ("negative_button", "👎")):
        side = element.get(key) or {}
        buttons.append(
            tag(
                "button",
                tag("span", sign, aria_hidden="true"),
                " ",
                words(side.get("text")),
                type="button",
                class_="btn small",
                aria_label=words(side.get("accessibility_label")) or None,
                data_act=True,
                data_action_id=str(element.get("action_id", "")),
                data_block_id=block_id,
                data_value=words(side.get("value")),
            )
        )
    return tag("span", *buttons, class_="feedback", role="group", aria_label="Feedback")


def overflow(element: Json, viewer: Viewer, block_id: str) -> Markup:
    """Return the menu behind three dots."""
    items = [
        menu_item(
            words(option.get("text")),
            url=str(option.get("url", "")),
            data_act=True,
            data_action_id=str(element.get("action_id", "")),
            data_block_id=block_id,
            data_value=option_value(option),
            data_confirm=confirm_json(element.get("confirm"), viewer),
        )
        for option in dicts(element.get("options"))
    ]
    return menu(words(element.get("accessibility_label")) or "More actions", items)


def menu(label: str, items: list[Markup], look: str = "btn dots") -> Markup:
    """Return a button that opens a list; the script moves the focus and closes it."""
    opener = tag(
        "button", icon("dots"), type="button", class_=look, aria_label=label, aria_haspopup="menu",
        aria_expanded="false", data_menu=True,
    )  # fmt: skip
    return tag("span", opener, tag("span", join(items), role="menu", aria_label=label, hidden=True), class_="menu")


def menu_item(label: str, *, url: str = "", **attributes: str | bool | None) -> Markup:
    """Return one line of a menu."""
    if url and is_web(url):
        return tag(
            "a", plain(label), role="menuitem", tabindex="-1", href=url, target="_blank",
            rel="noopener noreferrer", **attributes,
        )  # fmt: skip
    return tag("button", plain(label), type="button", role="menuitem", tabindex="-1", **attributes)
