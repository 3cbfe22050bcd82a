"""The `markdown` block: the part of standard Markdown that Slack renders there.

https://docs.slack.dev/reference/block-kit/blocks/markdown-block: headings, emphasis, lists, quotes, code,
links, rules. Raw HTML is text.
"""

import re

from markupsafe import Markup

from bot.sandbox.markup import Child, join, tag
from bot.sandbox.mrkdwn import link, plain

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"\s*(?:([-*+])|\d+[.)])\s+(.*)$")
_RULE = re.compile(r"\s*([-*_])(\s*\1){2,}\s*$")
_INLINE = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|!?\[(?P<label>[^\]]*)\]\((?P<url>[^()\s]+)\)"
    r"|\*\*(?P<bold>\S(?:.*?\S)?)\*\*"
    r"|(?<!\w)__(?P<bold2>\S(?:.*?\S)?)__(?!\w)"
    r"|\*(?P<italic>\S(?:.*?\S)?)\*"
    r"|(?<!\w)_(?P<italic2>\S(?:.*?\S)?)_(?!\w)"
    r"|~~(?P<strike>\S(?:.*?\S)?)~~"
)


def markdown(text: str) -> Markup:
    """Return the block's text as HTML."""
    parts: list[Child] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.lstrip().startswith("```"):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].lstrip().startswith("```")), len(lines))
            parts.append(tag("pre", tag("code", "\n".join(lines[at + 1 : end]))))
            at = end + 1
            continue
        kind = _kind(line)
        end = at + 1
        while end < len(lines) and kind in ("ul", "ol", "quote", "text") and _kind(lines[end]) == kind:
            end += 1
        parts.append(_block(kind, lines[at:end]))
        at = end
    return tag("div", *parts, class_="b-markdown")


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if _RULE.match(line):
        return "rule"
    if _HEADING.match(line):
        return "heading"
    if line.lstrip().startswith(">"):
        return "quote"
    item = _ITEM.match(line)
    if item:
        return "ul" if item[1] else "ol"
    return "fence" if line.lstrip().startswith("```") else "text"


def _block(kind: str, lines: list[str]) -> Markup | None:
    match kind:
        case "rule":
            return tag("hr")
        case "heading":
            found = _HEADING.match(lines[0])
            level = len(found[1]) if found else 1
            return tag(
                "p",
                _inline(found[2] if found else lines[0]),
                class_=f"heading level-{min(level, 4)}",
                role="heading",
                aria_level=level + 1,
            )
        case "quote":
            return tag("blockquote", join((_inline(line.lstrip()[1:].lstrip()) for line in lines), "<br>"))
        case "ul" | "ol":
            items = (_ITEM.match(line) for line in lines)
            return tag(kind, *(tag("li", _inline(item[2])) for item in items if item))
        case "text":
            return tag("p", join((_inline(line) for line in lines), "<br>"))
        case _:
            return None


def _inline(text: str) -> Markup:
    parts: list[Child] = []
    at = 0
    for match in _INLINE.finditer(text):
        parts.append(plain(text[at : match.start()]))
        parts.append(_span(match))
        at = match.end()
    parts.append(plain(text[at:]))
    return join(parts)


def _span(match: re.Match[str]) -> Markup:
    found = match.groupdict()
    if found["code"] is not None:
        return tag("code", found["code"])
    if found["url"] is not None:
        return link(found["url"], plain(found["label"] or found["url"]))
    for key, name in (
        ("bold", "strong"),
        ("bold2", "strong"),
        ("italic", "em"),
        ("italic2", "em"),
        ("strike", "s"),
    ):
        if found[key] is not None:
            return tag(name, _inline(found[key]))
    return plain(match[0])
