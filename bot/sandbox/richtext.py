"""`rich_text` blocks: what people type in a client, and what some apps send.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from markupsafe import Markup

from bot.sandbox.emoji import EMOJI
from bot.sandbox.markup import Child, join, tag
from bot.sandbox.mrkdwn import channel, link, person
from bot.sandbox.texts import Json, dicts, words
from bot.sandbox.viewer import Viewer

_STYLES = (("code", "code"), ("strike", "s"), ("italic", "em"), ("bold", "strong"), ("underline", "u"))


def rich_text(block: Json, viewer: Viewer) -> Markup:
    """Return the whole block."""
    return tag("div", *(_part(part, viewer) for part in dicts(block.get("elements"))), class_="b-rich-text")


def _part(part: Json, viewer: Viewer) -> Markup:
    match part.get("type"):
        case "rich_text_list":
            items = (tag("li", _part(item, viewer)) for item in dicts(part.get("elements")))
            name = "ol" if part.get("style") == "ordered" else "ul"
            return tag(name, *items, class_=f"indent-{min(_int(part.get('indent')), 8)}")
        case "rich_text_preformatted":
            return tag("pre", tag("code", inline(part, viewer)))
        case "rich_text_quote":
            return tag("blockquote", inline(part, viewer))
        case _:
            return inline(part, viewer)


def inline(part: Json, viewer: Viewer) -> Markup:
    """Return the elements of one paragraph."""
    return join(_element(element, viewer) for element in dicts(part.get("elements")))


def _element(element: Json, viewer: Viewer) -> Markup:
    content: Child
    match element.get("type"):
        case "link":
            url = words(element.get("url"))
            content = link(url, words(element.get("text")) or url)
        case "user":
            content = person(words(element.get("user_id")), viewer)
        case "channel":
            content = channel(words(element.get("channel_id")), "", viewer)
        case "usergroup":
            content = tag("span", f"@{words(element.get('usergroup_id'))}", class_="mention")
        case "broadcast":
            content = tag("span", f"@{words(element.get('range'))}", class_="mention me")
        case "emoji":
            name = words(element.get("name"))
            content = tag("span", EMOJI.get(name, f":{name}:"), role="img", aria_label=name.replace("_", " "))
        case "date":
            seconds = _int(element.get("timestamp"))
            content = tag("time", viewer.date_text(seconds, words(element.get("format")) or "{date_short} {time}"))
        case _:
            content = words(element.get("text"))
    shown = content if isinstance(content, Markup) else join((content or "").split("\n"), "<br>")
    style = element.get("style")
    if isinstance(style, dict):
        for key, name in _STYLES:
            if style.get(key):
                shown = tag(name, shown)
    return shown


def _int(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
