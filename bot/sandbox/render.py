"""Block Kit to HTML: what a message, a modal or App Home contains, for one reader.

A pure function of blocks and Viewer. A block type that is not known is shown as such, never left out: a card
that silently loses a part would teach the wrong thing. https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from bot.sandbox.chart import chart
from bot.sandbox.controls import button, feedback, icon_button, overflow
from bot.sandbox.fields import FIELDS, field, input_block
from bot.sandbox.markdown import markdown
from bot.sandbox.markup import icon, join, tag
from bot.sandbox.mrkdwn import link, plain
from bot.sandbox.richtext import inline, rich_text
from bot.sandbox.tables import data_table, table
from bot.sandbox.texts import Json, dicts, rendered, words
from bot.sandbox.viewer import Viewer

Draw = Callable[[Json, Viewer], Markup]


def blocks(items: object, viewer: Viewer, errors: Mapping[str, str] | None = None) -> Markup:
    """Return all blocks; `errors` are those of a refused modal, by block id."""
    return join(_block(item, viewer, errors or {}) for item in dicts(items))


def _block(block: Json, viewer: Viewer, errors: Mapping[str, str]) -> Markup:
    kind = str(block.get("type"))
    if kind == "input":
        return input_block(block, viewer, error=errors.get(str(block.get("block_id")), ""))
    draw = BLOCKS.get(kind)
    return draw(block, viewer) if draw else unsupported(f"block “{kind}”")


def element(item: Json, viewer: Viewer, block_id: str = "") -> Markup:
    """Return anything that may stand in actions or as an accessory."""
    kind = str(item.get("type"))
    match kind:
        case "button" | "workflow_button":
            return button(item, viewer, block_id)
        case "overflow":
            return overflow(item, viewer, block_id)
        case "image":
            return image_box(item, "thumb")
        case "feedback_buttons":
            return feedback(item, block_id)
        case "icon_button":
            return icon_button(item, viewer, block_id)
        case _ if kind in FIELDS:
            return field(item, viewer, block_id=block_id)
        case _:
            return unsupported(f"element “{kind}”")


def unsupported(what: str) -> Markup:
    """Say what cannot be drawn."""
    return tag("div", icon("warning"), f"Unsupported {what}: the sandbox cannot draw it.", class_="unsupported")


def image_box(image: Json, look: str = "picture") -> Markup:
    """Return the alternative text in place of a picture: the page loads nothing from outside."""
    alt = words(image.get("alt_text")) or "image without alt text"
    return tag("span", icon("image"), tag("span", alt), class_=f"imagebox {look}", role="img", aria_label=alt)


def _section(block: Json, viewer: Viewer) -> Markup:
    fields = [tag("div", rendered(item, viewer), class_="field") for item in dicts(block.get("fields"))]
    accessory = block.get("accessory")
    text = tag("div", rendered(block["text"], viewer), class_="text") if block.get("text") else None
    body = tag("div", text, tag("div", *fields, class_="fields") if fields else None, class_="body")
    if not isinstance(accessory, Mapping):
        return tag("div", body, class_="b-section")
    side = element(accessory, viewer, str(block.get("block_id", "")))
    return tag("div", body, tag("div", side, class_="accessory"), class_="b-section")


def _header(block: Json, viewer: Viewer) -> Markup:
    level = block.get("level")
    level = level if isinstance(level, int) and 1 <= level <= 4 else 1
    name = tag("span", plain(words(block.get("text"))), role="heading", aria_level=level + 2)
    return tag("div", name, class_=f"b-header level-{level}")


def _context(block: Json, viewer: Viewer) -> Markup:
    items = (
        image_box(item, "inline") if item.get("type") == "image" else tag("span", rendered(item, viewer))
        for item in dicts(block.get("elements"))
    )
    return tag("div", *items, class_="b-context")


def _actions(block: Json, viewer: Viewer) -> Markup:
    block_id = str(block.get("block_id", ""))
    return tag("div", *(element(e, viewer, block_id) for e in dicts(block.get("elements"))), class_="b-actions")


def _image(block: Json, viewer: Viewer) -> Markup:
    title = tag("figcaption", plain(words(block["title"]))) if block.get("title") else None
    return tag("figure", title, image_box(block), class_="b-image")


def _video(block: Json, viewer: Viewer) -> Markup:
    title = words(block.get("title")) or "video"
    name = link(words(block.get("title_url") or block.get("video_url")), title)
    alt = words(block.get("alt_text"))
    return tag(
        "figure",
        tag("figcaption", name),
        tag("span", icon("play"), alt, class_="imagebox picture"),
        class_="b-image",
    )


def _file(block: Json, viewer: Viewer) -> Markup:
    return tag("div", icon("file"), f"File {words(block.get('external_id'))}", class_="imagebox")


def _card(block: Json, viewer: Viewer) -> Markup:
    hero, small = block.get("hero_image"), block.get("icon")
    block_id = str(block.get("block_id", ""))
    buttons = [element(item, viewer, block_id) for item in dicts(block.get("actions"))]
    names = [
        tag("div", rendered(block[key], viewer), class_=look)
        for key, look in (("title", "title"), ("subtitle", "subtitle"))
        if block.get(key)
    ]
    return tag(
        "div",
        image_box(hero, "hero") if isinstance(hero, Mapping) else None,
        tag(
            "div",
            image_box(small, "thumb") if isinstance(small, Mapping) else None,
            tag("div", *names),
            class_="top",
        ),
        tag("div", rendered(block["body"], viewer), class_="text") if block.get("body") else None,
        tag("div", rendered(block["subtext"], viewer), class_="subtitle") if block.get("subtext") else None,
        tag("div", *buttons, class_="b-actions") if buttons else None,
        class_="b-card",
    )


def _carousel(block: Json, viewer: Viewer) -> Markup:
    cards = (tag("li", _card(card, viewer)) for card in dicts(block.get("elements")))
    return tag("ul", *cards, class_="b-carousel", tabindex="0", aria_label="Cards, scroll sideways")


def _container(block: Json, viewer: Viewer) -> Markup:
    rich = block.get("rich_text_title")
    title = tag("strong", inline(rich, viewer) if isinstance(rich, Mapping) else plain(words(block.get("title"))))
    if isinstance(rich, Mapping) and dicts(rich.get("elements")) and rich.get("type") == "rich_text":
        title = tag("strong", *(inline(part, viewer) for part in dicts(rich.get("elements"))))
    subtitle = tag("span", rendered(block["subtitle"], viewer), class_="muted") if block.get("subtitle") else None
    inside = tag("div", blocks(block.get("child_blocks"), viewer), class_="inside")
    look = f"b-container {words(block.get('width')) or 'standard'}"
    if block.get("is_collapsible"):
        is_open = not block.get("default_collapsed")
        return tag("details", tag("summary", title, " ", subtitle), inside, class_=look, open=is_open)
    return tag("div", tag("div", title, " ", subtitle, class_="head"), inside, class_=look)


def _alert(block: Json, viewer: Viewer) -> Markup:
    level = words(block.get("level")) or "default"
    known = level if level in ("info", "warning", "error", "success") else "default"
    sign = icon({"success": "check", "info": "info"}.get(known, "warning"))
    return tag("div", sign, tag("span", rendered(block.get("text"), viewer)), class_=f"b-alert {known}", role="note")


def _plan(block: Json, viewer: Viewer) -> Markup:
    title = tag("strong", plain(words(block.get("title"))))
    status = words(block.get("status"))
    return tag("div", title, tag("span", status, class_="muted") if status else None, class_="b-card")


def _divider(block: Json, viewer: Viewer) -> Markup:
    return tag("hr")


BLOCKS: dict[str, Draw] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "context_actions": _actions,
    "actions": _actions,
    "divider": _divider,
    "image": _image,
    "video": _video,
    "file": _file,
    "rich_text": rich_text,
    "markdown": lambda block, viewer: markdown(words(block.get("text"))),
    "table": table,
    "data_table": data_table,
    "data_visualization": lambda block, viewer: chart(block),
    "card": _card,
    "carousel": _carousel,
    "container": _container,
    "alert": _alert,
    "task_card": _plan,
    "plan": _plan,
}
