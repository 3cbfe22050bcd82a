"""What a message says: blocks, or text, and attachments with their colour bar.

With top-level blocks Slack shows `text` only in notifications. With attachments it shows `text` above them,
even when the attachments consist of blocks (slackapi/node-slack-sdk#1528), and so do we: a card that
says everything twice here says it twice there.
"""

import re

from markupsafe import Markup

from bot.sandbox.markup import Child, tag
from bot.sandbox.mrkdwn import link, plain, to_html
from bot.sandbox.render import blocks, image_box
from bot.sandbox.texts import Json, dicts, words
from bot.sandbox.viewer import Viewer

_COLOUR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})$")
_NAMED = {"good": "#2eb886", "warning": "#daa038", "danger": "#a30200"}
_NEUTRAL = "#b9bcc4"


def content(message: Json, viewer: Viewer) -> Markup:
    """Return what stands under the author's name."""
    parts: list[Child] = []
    if message.get("blocks"):
        parts.append(blocks(message["blocks"], viewer))
    elif message.get("text"):
        text = words(message["text"])
        shown = plain(text) if message.get("mrkdwn") is False else to_html(text, viewer)
        parts.append(tag("div", shown, class_="text"))
    parts += (attachment(item, viewer) for item in dicts(message.get("attachments")))
    parts += (_file(item) for item in dicts(message.get("files")))
    return tag("div", *parts, class_="content")


def attachment(item: Json, viewer: Viewer) -> Markup:
    """Return one attachment beside its bar; the bar is an SVG because styles in attributes are forbidden here."""
    bar = tag(
        "svg",
        tag("rect", width="100%", height="100%", rx="2", fill=colour(item.get("color"))),
        class_="stripe",
        aria_hidden="true",
    )
    pretext = tag("div", to_html(words(item["pretext"]), viewer), class_="text") if item.get("pretext") else None
    inside = blocks(item["blocks"], viewer) if item.get("blocks") else _legacy(item, viewer)
    return tag(
        "div",
        pretext,
        tag("div", bar, tag("div", inside, class_="inside"), class_="barred"),
        class_="attachment",
    )


def colour(value: object) -> str:
    """Return a safe colour; whatever is none of Slack's three words or a hex code becomes grey."""
    text = words(value)
    found = _COLOUR.match(text)
    return _NAMED.get(text) or (f"#{found[1]}" if found else _NEUTRAL)


def _legacy(item: Json, viewer: Viewer) -> Markup:
    """Return the attachment fields that are older than blocks."""
    title = words(item.get("title"))
    fields = [
        tag(
            "div",
            tag("strong", plain(words(f.get("title")))),
            tag("div", to_html(words(f.get("value")), viewer)),
            class_="field",
        )
        for f in dicts(item.get("fields"))
    ]
    seconds = item.get("ts")
    stamp = viewer.when(float(seconds)) if isinstance(seconds, int | float) else ""
    footer = " · ".join(filter(None, (words(item.get("footer")), stamp)))
    return tag(
        "div",
        tag("div", link(words(item.get("author_link")), words(item["author_name"])), class_="muted")
        if item.get("author_name")
        else None,
        tag("div", tag("strong", link(words(item.get("title_link")), plain(title)))) if title else None,
        tag("div", to_html(words(item["text"]), viewer), class_="text") if item.get("text") else None,
        tag("div", *fields, class_="fields") if fields else None,
        image_box({"alt_text": item.get("fallback")}) if item.get("image_url") else None,
        tag("div", plain(footer), class_="b-context") if footer else None,
    )


def _file(item: Json) -> Markup:
    name = words(item.get("title")) or words(item.get("name")) or "file"
    return tag("div", f"📄 {name}", class_="imagebox")
