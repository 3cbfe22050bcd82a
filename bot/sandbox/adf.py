"""Atlassian Document Format to HTML: what descriptions and comments of issues are written in.

https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from markupsafe import Markup

from bot.sandbox.markup import join, tag
from bot.sandbox.mrkdwn import link
from bot.sandbox.texts import Json, dicts, words

_NODES = {
    "paragraph": "p", "bulletList": "ul", "orderedList": "ol", "listItem": "li", "blockquote": "blockquote",
    "table": "table", "tableRow": "tr", "tableCell": "td", "tableHeader": "th",
}  # fmt: skip
_MARKS = {"strong": "strong", "em": "em", "code": "code", "strike": "s", "underline": "u"}


def document(node: object) -> Markup:
    """Return a document, or plain text where the API held a string."""
    if isinstance(node, str):
        return join((tag("p", line) for line in node.split("\n") if line), "")
    return _node(node) if isinstance(node, dict) else Markup("")


def _node(node: Json) -> Markup:
    kind = str(node.get("type"))
    inside = [_node(child) for child in dicts(node.get("content"))]
    attributes = node.get("attrs")
    attrs = attributes if isinstance(attributes, dict) else {}
    match kind:
        case "text":
            return _text(node)
        case "hardBreak":
            return tag("br")
        case "rule":
            return tag("hr")
        case "heading":
            return tag("p", *inside, class_="heading", role="heading", aria_level=4)
        case "codeBlock":
            return tag("pre", tag("code", *inside))
        case "panel":
            return tag("div", *inside, class_="b-alert info")
        case "mention" | "emoji" | "status" | "date":
            return tag("span", words(attrs.get("text") or attrs.get("shortName")), class_="mention")
        case "inlineCard":
            url = words(attrs.get("url"))
            return link(url, url)
        case _ if kind in _NODES:
            return tag(_NODES[kind], *inside)
        case _:
            return join(inside)


def _text(node: Json) -> Markup:
    shown: Markup = Markup("{}").format(words(node.get("text")))
    for mark in dicts(node.get("marks")):
        attrs = mark.get("attrs")
        if mark.get("type") == "link" and isinstance(attrs, dict):
            shown = link(words(attrs.get("href")), shown)
        elif mark.get("type") in _MARKS:
            shown = tag(_MARKS[str(mark["type"])], shown)
    return shown
