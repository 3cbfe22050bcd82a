"""The manifest asks for what the code uses, no more and no less, and within Slack's limits.

Limits: https://docs.slack.dev/reference/app-manifest. The file itself and its comparison: tests/cli/test_manifests.py.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot
from bot.config import SlackSection
from bot.manifest import EVENTS, OPTIONAL_SCOPES, SCOPES, manifest
from bot.store.database import Database
from tests.slack.live import connected, living

CODE = Path(bot.__file__).parent
HISTORY = frozenset({"channels:history", "groups:history", "im:history"})
CHANNELS = frozenset({"channels:read", "groups:read"})
WRITE = frozenset({"chat:write"})
NONE: frozenset[str] = frozenset()
METHODS = {
    "apps.connections.open": NONE,  # the app-level token's connections:write
    "auth.test": NONE,
    "chat.postEphemeral": WRITE,
    "chat.postMessage": WRITE,
    "chat.update": WRITE,
    "conversations.history": HISTORY,
    "conversations.open": frozenset({"im:write"}),
    "conversations.list": CHANNELS,
    "conversations.replies": HISTORY,
    "users.conversations": CHANNELS,
    "users.list": frozenset({"users:read"}),
    "views.open": NONE,
    "views.publish": NONE,
}
"""What each method that we call needs, for public and private channels: https://docs.slack.dev/reference/methods"""
EVENT_SCOPES = {
    "app_home_opened": NONE,
    "app_mention": frozenset({"app_mentions:read"}),
    "member_joined_channel": CHANNELS,
}
"""https://docs.slack.dev/reference/events"""
FAMILIES = "apps|auth|bookmarks|chat|conversations|files|pins|reactions|team|usergroups|users|views"
NAMED = re.compile(rf'"((?:{FAMILIES})(?:\.[a-z]\w*)+)"')
CALLED = re.compile(rf"client\.((?:{FAMILIES})_\w+)\(")


def sources() -> Iterator[str]:
    for folder in ("app", "slack", "cli", "digests", "tickets"):
        yield from (file.read_text(encoding="utf-8") for file in sorted((CODE / folder).rglob("*.py")))


def called() -> set[str]:
    """Return the methods that the code names or calls: `chat_postMessage` is `chat.postMessage`."""
    code = "\n".join(sources())
    return set(NAMED.findall(code)) | {name.replace("_", ".") for name in CALLED.findall(code)}


def test_every_method_that_is_called_has_its_scopes() -> None:
    assert called() == set(METHODS), "what it needs belongs into METHODS above"

    needed = set().union(*METHODS.values(), *EVENT_SCOPES.values()) | {"commands"}
    asked = {*SCOPES, *OPTIONAL_SCOPES}
    assert needed <= asked
    assert asked <= needed, "asked for, and not used"


def test_every_event_that_is_heard_is_subscribed_to() -> None:
    heard = {name for code in sources() for name in re.findall(r'@app\.event\("(\w+)"\)', code)}

    assert heard
    assert heard <= set(EVENTS) == set(EVENT_SCOPES)


async def test_every_command_is_answered(database: Database) -> None:
    commands = [c["command"] for c in manifest(SlackSection())["features"]["slash_commands"]]

    async with living(database) as live, connected(live):
        answers = {c: await live.act("command", user="bob", channel="general", text=f"{c} help") for c in commands}

    assert {c: (a["ok"], bool(a["ephemerals"])) for c, a in answers.items()} == dict.fromkeys(commands, (True, True))


def test_the_commands_are_those_of_the_configuration() -> None:
    given = SlackSection(command="/ml", aliases=("/mi", "/mo"))

    assert [c["command"] for c in manifest(given)["features"]["slash_commands"]] == ["/ml", "/mi", "/mo"]


def test_ten_required_scopes_are_enough() -> None:
    assert len(SCOPES) <= 10
    assert not set(SCOPES) & set(OPTIONAL_SCOPES)
    assert all((*SCOPES.values(), *OPTIONAL_SCOPES.values())), "each says what it is for"


@pytest.mark.parametrize(
    "slack",
    [SlackSection(), SlackSection(command="/" + "m" * 31, aliases=tuple(f"/{n:031}" for n in range(49)))],
    ids=["defaults", "the largest"],
)
def test_names_and_descriptions_are_within_the_limits(slack: SlackSection) -> None:
    made = manifest(slack)
    display, commands = made["display_information"], made["features"]["slash_commands"]

    assert 0 < len(display["name"]) <= 35
    assert 0 < len(display["description"]) <= 140
    assert re.fullmatch(r"#[0-9a-f]{6}", display["background_color"])
    assert re.fullmatch(r"[a-z0-9._-]{1,80}", made["features"]["bot_user"]["display_name"])
    assert len(commands) <= 50
    for command in commands:
        assert len(command["command"]) <= 32
        assert 0 < len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
    assert len(made["settings"]["event_subscriptions"]["bot_events"]) <= 100
