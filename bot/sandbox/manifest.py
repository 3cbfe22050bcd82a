"""What the app's manifest says: commands, shortcuts, events and scopes. https://docs.slack.dev/reference/app-manifest"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PACKAGED = Path(__file__).parent.parent / "manifest.yml"

CORE_SCOPES = (
    "commands", "chat:write", "channels:read", "groups:read", "channels:history", "groups:history", "users:read",
    "app_mentions:read", "reactions:read", "reactions:write", "pins:read", "pins:write", "bookmarks:read",
    "bookmarks:write", "usergroups:read", "users:read.email", "im:write", "im:history", "im:read", "channels:join",
)  # fmt: skip
CORE_EVENTS = (
    "app_home_opened", "app_mention", "message.channels", "message.im", "member_joined_channel", "channel_archive",
    "reaction_added",
)  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A slash command; `should_escape` turns @bob into an id before the app sees it."""

    name: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True)
class Shortcut:
    """`kind` is `message` or `global`."""

    callback_id: str
    name: str
    kind: str


@dataclass(frozen=True)
class Manifest:
    commands: Mapping[str, Command]
    shortcuts: Mapping[str, Shortcut]
    events: frozenset[str]
    scopes: tuple[str, ...]
    bot_name: str = ""


def load(path: Path | None) -> Manifest:
    """Read `path`, or the packaged manifest, or fall back to what the bot needs at least.

    Raises ValueError for a file that is no manifest, OSError for a named file that cannot be read.
    """
    if path is None and not PACKAGED.exists():
        return builtin()
    raw = yaml.safe_load((path or PACKAGED).read_text())
    if not isinstance(raw, dict):
        raise ValueError(f"{path or PACKAGED}: not an app manifest")
    return parse(raw)


def builtin() -> Manifest:
    """Return a manifest for an app whose file is not there (yet)."""
    commands = {name: Command(name) for name in ("/model", "/incident", "/oncall")}
    return Manifest(commands, {}, frozenset(CORE_EVENTS), CORE_SCOPES)


def parse(raw: dict[str, Any]) -> Manifest:
    """Take the parts of a manifest that change how Slack behaves."""
    features = raw.get("features") or {}
    settings = raw.get("settings") or {}
    scopes = (raw.get("oauth_config") or {}).get("scopes") or {}
    commands = {
        str(one["command"]): Command(
            str(one["command"]),
            str(one.get("description", "")),
            str(one.get("usage_hint", "")),
            bool(one.get("should_escape", False)),
        )
        for one in features.get("slash_commands") or ()
    }
    shortcuts = {
        str(one["callback_id"]): Shortcut(str(one["callback_id"]), str(one["name"]), str(one["type"]))
        for one in features.get("shortcuts") or ()
    }
    granted = dict.fromkeys([*(scopes.get("bot") or ()), *(scopes.get("bot_optional") or ())])
    events = (settings.get("event_subscriptions") or {}).get("bot_events") or ()
    name = str((features.get("bot_user") or {}).get("display_name", ""))
    return Manifest(commands, shortcuts, frozenset(events), tuple(granted), name)
