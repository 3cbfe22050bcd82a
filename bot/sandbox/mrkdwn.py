"""Slack's mrkdwn to safe HTML. https://docs.slack.dev/messaging/formatting-message-text

Two passes, because emphasis may contain links but must not look into them: code, links and mentions are taken
out first and leave a mark from the private-use area; emphasis is then found in what is left. Only http and
https become links; everything else that stands in angle brackets is shown as its label.
"""

import html
import re

from markupsafe import Markup, escape

from bot.sandbox.emoji import EMOJI
from bot.sandbox.markup import Child, is_web, join, tag
from bot.sandbox.viewer import Viewer

_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_QUOTE = re.compile(r"^(?:&gt;|>)[ ]?(.*)$")
_SPECIAL = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<token>[^<>\n]+)>"
    r"|(?P<url>https?://[^\s<>|`\"]*[^\s<>|`\".,;:!?)\]'*_~])"
)
_EMPHASIS = re.compile(r"(?<![\w*_~])([*_~])(?!\1)(?=\S)(.*?\S)\1(?!\w)")
_EMOJI = re.compile(r":([a-z0-9_+'-]+):(?::skin-tone-[2-6]:)?")
_MARK = re.compile("\ue000(\\d+)\ue001")
_BROADCAST = {"here": "@here", "channel": "@channel", "everyone": "@everyone"}
_TAGS = {"*": "strong", "_": "em", "~": "s"}


def to_html(text: str, viewer: Viewer) -> Markup:
    """Return the text as HTML in the reader's names and time zone."""
    text = text.replace("\ue000", "").replace("\ue001", "")
    parts: list[Child] = []
    at = 0
    for fence in _FENCE.finditer(text):
        parts += _lines(text[at : fence.start()].removesuffix("\n"), viewer)
        parts.append(tag("pre", tag("code", html.unescape(fence[1]))))
        at = fence.end()
    parts += _lines(text[at:].removeprefix("\n") if at else text, viewer)
    return join(parts)


def plain(text: str) -> Markup:
    """Return plain_text: escaped, with emoji names turned into emoji, line breaks kept."""
    return _breaks(_emoji(text))


def link(url: str, label: Child) -> Markup:
    """Return a link that opens beside the page, or only the label when the address is not http(s)."""
    if not is_web(url):
        return escape(label or "")
    return tag("a", label, href=url, target="_blank", rel="noopener noreferrer")


def person(user: str, viewer: Viewer) -> Markup:
    """Return a mention; of the reader it is highlighted."""
    name = viewer.users.get(user, user)
    return tag("span", f"@{name}", class_="mention me" if user == viewer.user else "mention")


def channel(identifier: str, label: str, viewer: Viewer) -> Markup:
    """Return a link to the channel in this page, or its bare name when the reader cannot see it."""
    name = viewer.channels.get(identifier)
    if name is None:
        return tag("span", f"#{label or identifier}", class_="mention")
    return tag("a", f"#{name}", class_="mention", href=f"/?user={viewer.user}&channel={name}", data_visit=True)


def _lines(text: str, viewer: Viewer) -> list[Child]:
    """Return the lines of a text without fences, those that start with > gathered into quotes."""
    if not text:
        return []
    parts: list[Child] = []
    plain_lines: list[str] = []
    quoted: list[str] = []
    for line in text.split("\n"):
        match = _QUOTE.match(line)
        if match:
            if plain_lines:
                parts.append(_inline("\n".join(plain_lines), viewer))
                plain_lines = []
            quoted.append(match[1])
        else:
            if quoted:
                parts.append(tag("blockquote", _inline("\n".join(quoted), viewer)))
                quoted = []
            plain_lines.append(line)
    if quoted:
        parts.append(tag("blockquote", _inline("\n".join(quoted), viewer)))
    if plain_lines:
        parts.append(_inline("\n".join(plain_lines), viewer))
    return parts


def _inline(text: str, viewer: Viewer) -> Markup:
    kept: list[Markup] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(_special(match, viewer))
        return f"\ue000{len(kept) - 1}\ue001"

    marked = str(_emphasis(_SPECIAL.sub(keep, text)))
    return _breaks(Markup(_MARK.sub(lambda mark: str(kept[int(mark[1])]), marked)))  # noqa: S704 - escaped pieces


def _special(match: re.Match[str], viewer: Viewer) -> Markup:
    if match["code"] is not None:
        return tag("code", html.unescape(match["code"]))
    if match["url"] is not None:
        url = html.unescape(match["url"])
        return link(url, url)
    target, _, label = html.unescape(match["token"]).partition("|")
    if target.startswith("@"):
        return person(target[1:], viewer)
    if target.startswith("#"):
        return channel(target[1:], label, viewer)
    if target.startswith("!"):
        return _command(target[1:], label, viewer)
    shown = _emoji(label or target.removeprefix("mailto:"))
    return link(target, shown) if ":" in target else escape(f"<{target}>")


def _command(body: str, label: str, viewer: Viewer) -> Markup:
    """Render what stands behind `<!`: a broadcast, a user group or a date."""
    name, *rest = body.split("^")
    if name in _BROADCAST:
        return tag("span", _BROADCAST[name], class_="mention me")
    if name == "subteam":
        return tag("span", label or f"@{rest[0] if rest else name}", class_="mention")
    if name == "date" and len(rest) >= 2:
        try:
            seconds = int(rest[0])
            text = viewer.date_text(seconds, rest[1])
            shown = tag("time", text, datetime=viewer.local(seconds).isoformat(), title=label or None)
        except (ValueError, OverflowError, OSError):
            return escape(label)
        return link(rest[2], shown) if len(rest) > 2 else shown
    return escape(label or f"<!{body}>")


def _emphasis(text: str) -> Markup:
    parts: list[Child] = []
    at = 0
    for match in _EMPHASIS.finditer(text):
        parts.append(_emoji(html.unescape(text[at : match.start()])))
        parts.append(tag(_TAGS[match[1]], _emphasis(match[2])))
        at = match.end()
    parts.append(_emoji(html.unescape(text[at:])))
    return join(parts)


def _emoji(text: str) -> Markup:
    parts: list[Child] = []
    at = 0
    for match in _EMOJI.finditer(text):
        sign = EMOJI.get(match[1])
        if sign is None:
            continue
        parts.append(text[at : match.start()])
        parts.append(tag("span", sign, role="img", aria_label=match[1].replace("_", " "), class_="emoji"))
        at = match.end()
    parts.append(text[at:])
    return join(parts)


def _breaks(markup: Markup) -> Markup:
    return markup.replace("\n", Markup("<br>"))
