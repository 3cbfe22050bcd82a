"""The Slack app manifest, made from the configuration; manifest.yml at the top is its output for the defaults.

Limits: https://docs.slack.dev/reference/app-manifest. Each scope says what it is for; a test compares this list with
what the code calls and listens to.
"""

import json
from typing import Any
from urllib.parse import quote

import yaml

from bot.config import SlackSection

SCOPES = {
    "commands": "answer slash commands",
    "chat:write": "post and edit cards",
    "app_mentions:read": "answer in threads, where slash commands do not work",
    "channels:read": "find public channels by name",
    "groups:read": "find private channels that the bot is invited to",
    "channels:history": "find a message again whose posting was cut off, so that nothing is posted twice",
    "groups:history": "the same in private channels",
    "users:read": "show people by name",
}
"""What the bot can't do without: eight of the ten that we allow ourselves."""

OPTIONAL_SCOPES = {
    "im:write": "find the direct messages with an admin",
    "im:history": "find a direct message again whose posting was cut off; without these two it may come twice",
}
"""What a workspace may leave out."""

EVENTS = ("app_home_opened", "app_mention", "member_joined_channel")
HINT = "[status | changes | help] [model]"
HINTS = {"/incident": "[model] [what is wrong]"}


def manifest(slack: SlackSection) -> dict[str, Any]:
    """Return the manifest for a workspace that uses these commands, in Socket Mode."""
    return {
        "_metadata": {"major_version": 2},
        "display_information": {
            "name": "Bellwether",
            "description": "Deployments, alerts and tickets of machine-learning models, on one card that is true.",
            "background_color": "#1f3a5f",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "bellwether", "always_online": True},
            "slash_commands": [_command(word, slack.command) for word in (slack.command, *slack.aliases)],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES), "bot_optional": list(OPTIONAL_SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def as_yaml(content: dict[str, Any]) -> str:
    """Return the manifest as a file, with a line that says where it comes from."""
    head = "# Made by `bellwether manifest --yaml`; change bellwether.yml and make it anew.\n"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def address(content: dict[str, Any]) -> str:
    """Return the page that creates the app from this manifest."""
    return "https://api.slack.com/apps?new_app=1&manifest_json=" + quote(json.dumps(content, separators=(",", ":")))


def _command(word: str, main: str) -> dict[str, Any]:
    descriptions = {
        "/incident": "Open incidents, or open one",
        "/oncall": "Who has the pager for which model",
    }
    return {
        "command": word,
        "description": "How is a model, and what changed?"
        if word == main
        else descriptions.get(word, f"Same as {main}"),
        "usage_hint": HINTS.get(word, HINT),
        "should_escape": False,
    }
