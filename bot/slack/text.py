"""Words for Slack: foreign text made harmless, people, dates and states; nothing here reads a row or a clock.

What comes from outside (a model's name, an alert's summary, a person's sentence) passes `escape`, `bold`, `code`
or `said` on its way into a message. https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from bot.domain.names import clean_url, clip, version_label
from bot.domain.names import escape as escape

MENTIONS = re.compile(r"&lt;((?:@[UW]|#C)[A-Z0-9]{2,30})(?:\|[^&<>]{0,100})?&gt;")
"""A person's or channel's mention, as Slack writes it, after escaping; never `<!channel>`."""
ADDRESSES = re.compile(r"https?://[^\s<>|`\"]*[^\s<>|`\".,;:!?)\]'*_~]")
USER_ID = re.compile(r"[UW][A-Z0-9]{4,30}")
SENT = re.compile(
    r"<(?P<scheme>https?://|mailto:)(?P<rest>[^<>|]+)(?:\|(?P<label>[^<>]*))?>|<#C[A-Z0-9]+\|(?P<channel>[^<>]+)>"
)
"""What Slack makes of addresses and channels in a message."""
FENCE = "```"
TOKENS = re.compile(rf"<[^<>\n]{{0,3000}}>|&(?:amp|lt|gt);|{FENCE}")
"""What a cut must not go through."""

STATES: Mapping[str, tuple[str, str]] = {
    "good": ("🟢", "good"),
    "watch": ("🟡", "watch"),
    "degraded": ("🟠", "degraded"),
    "down": ("🔴", "down"),
    "firing": ("🔴", "firing"),
    "no_data": ("⚪", "no data"),
    "unknown": ("⚪", "unknown"),
    "deploying": ("🔵", "deploying"),
    "suppressed": ("⏸", "silenced"),
    "incident": ("🔥", "incident"),
    "waiting": ("⏳", "waiting"),
    "resolved": ("✅", "resolved"),
    "rolled_back": ("↩️", "rolled back"),
    "ticket": ("🎫", "ticket"),
}
"""The one legend: a sign and a word, never the sign alone (ux.md 1.3)."""


def line(foreign: str | None, limit: int = 150) -> str:
    """Return text from outside as one escaped line of at most LIMIT characters as read."""
    return escape(clip(foreign, limit))


def bold(foreign: str | None, limit: int = 150) -> str:
    """Return text from outside in bold; empty stays empty."""
    inner = line(foreign, limit).replace("*", "∗").strip()
    return f"*{inner}*" if inner else ""


def code(foreign: str | None, limit: int = 80) -> str:
    """Return text from outside as code; empty stays empty."""
    inner = line(foreign, limit).replace("`", "ˋ").strip()
    return f"`{inner}`" if inner else ""


def version(name: str | None) -> str:
    """Return a version as it is shown everywhere: code, `v` before a digit."""
    return code(version_label(name))


def said(words: str | None, limit: int = 2500) -> str:
    """Return what a person wrote: lines, mentions and web addresses live, everything else literal."""
    text = MENTIONS.sub(lambda m: f"<{m[1]}>", escape(cut((words or "").strip(), limit)))
    return ADDRESSES.sub(lambda m: f"<{m[0]}>", text)


def link(url: str | None, label: str) -> str:
    """Return LABEL, which is escaped already, as a link; only the label when there is no such address."""
    address = clean_url(url)
    if address is None or not label:
        return label
    address = escape(address).replace("|", "%7C")
    return f"<{address}|{label}>" if len(address) <= 2000 else label


def plain(mrkdwn: str) -> str:
    """Return what stands in MRKDWN, which is ours, for a place where nothing is marked up."""
    return mrkdwn.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed(message: str) -> str:
    """Return the text of a message as it was typed: Slack escapes it, and puts addresses and channels in brackets."""

    def found(sent: re.Match[str]) -> str:
        if sent["channel"]:
            return f"#{sent['channel']}"
        return sent["label"] if sent["label"] == sent["rest"] else sent["scheme"] + sent["rest"]

    return plain(SENT.sub(found, message))


def user(identifier: str | None, ids: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the mention of a person of whom our own rows have the Slack id, or else a name; see `mention`."""
    if identifier and identifier not in ids and USER_ID.fullmatch(identifier):
        return f"<@{identifier}>"
    return mention(identifier, ids)


def mention(name: str | None, ids: Mapping[str, str]) -> str:
    """Return the mention of whom a source or the configuration names; `ids` are known ones under their names."""
    if name and name in ids:
        return f"<@{ids[name]}>"
    return line(name, 80)


def channel(name: str | None, ids: Mapping[str, str]) -> str:
    """Return the link to a channel by name or id; `ids` are known ones under their names."""
    if name and name in ids:
        return f"<#{ids[name]}>"
    return line(f"#{name.lstrip('#')}" if name else "", 80)


def date(at: datetime) -> str:
    """Return a moment that each reader sees in the own time zone: `23 Nov 08:00`."""
    return _token(at, "{date_short_pretty} {time}", utc(at))


def clock(at: datetime) -> str:
    """Return a moment of today in the reader's time zone: `08:00`."""
    return _token(at, "{time}", f"{at.astimezone(UTC):%H:%M} UTC")


def day(at: datetime) -> str:
    """Return a day that is not the reader's but the data's: `20 Nov`, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b}"


def utc(at: datetime) -> str:
    """Return `23 Nov 08:00 UTC`, for places where Slack draws no dates."""
    return f"{day(at)} {at.astimezone(UTC):%H:%M} UTC"


def state(name: str) -> str:
    """Return sign and word of a state."""
    return " ".join(STATES.get(name, ("⚪", name.replace("_", " "))))


def severity(name: str) -> str:
    """Return `SEV2`."""
    return line(name, 20).upper()


def word(name: str | None) -> str:
    """Return one of our own words for people: `natural_drift` is `natural drift`."""
    return line(name, 60).replace("_", " ")


def plural(count: int, one: str, many: str = "") -> str:
    """Return `1 alert`, `14 alerts`, `1 000 alerts`."""
    return f"{grouped(count)} {one if count == 1 else many or one + 's'}"


def grouped(count: int) -> str:
    """Return a count with thin spaces between thousands."""
    return f"{count:,}".replace(",", "\u202f")


def join(*parts: str, by: str = " · ") -> str:
    """Return the parts that are there, joined."""
    return by.join(part for part in parts if part)


def permalink(remote_id: str | None, workspace: str) -> str | None:
    """Return the address of one of our messages, `C01:1795.0001`; None while there is none."""
    place, _, ts = (remote_id or "").partition(":")
    return f"{workspace.rstrip('/')}/archives/{place}/p{ts.replace('.', '')}" if place and ts else None


def cut(mrkdwn: str, limit: int) -> str:
    """Return MRKDWN in at most LIMIT characters; the cut goes through no link, date or entity, and closes code."""
    if len(mrkdwn) <= limit:
        return mrkdwn
    kept = _whole(mrkdwn, limit - 1)
    if kept.count(FENCE) % 2:
        kept = _whole(mrkdwn, limit - 1 - len(FENCE))
    return f"{kept}\n{FENCE}" if kept.count(FENCE) % 2 else f"{kept}…"


def _whole(mrkdwn: str, end: int) -> str:
    """Return MRKDWN up to END, or to where what a cut must not go through begins before that."""
    through = next((m for m in TOKENS.finditer(mrkdwn) if m.start() < end < m.end()), None)
    return mrkdwn[: through.start() if through else end].rstrip()


def _token(at: datetime, shape: str, fallback: str) -> str:
    return f"<!date^{int(at.timestamp())}^{shape}|{fallback}>"
