"""What people type, as Slack's client sends it: names become ids, `& < >` are escaped.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re

from bot.sandbox.world import World

LINK = re.compile(r"https?://[^\s<>|]+")
NAME = re.compile(r"(?<![\w@#&/])([@#])([\w.-]*\w)")
BROADCASTS = ("here", "channel", "everyone")


def sent(world: World, text: str) -> str:
    """Return `text` as the app receives it."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # What already is in Slack's own form (a test that sends <@U02BOB>) stays so.
    escaped = re.sub(r"&lt;([@#!][^&\s]+)&gt;", r"<\1>", escaped)
    parts = []
    end = 0
    for link in LINK.finditer(escaped):
        parts += [_names(world, escaped[end : link.start()]), f"<{link[0]}>"]
        end = link.end()
    return "".join([*parts, _names(world, escaped[end:])])


def with_ids(world: World, text: str) -> str:
    """Return a command's text for `should_escape: true`: `<@U02BOB|bob>`, `<#C01|general>`."""

    def found(match: re.Match[str]) -> str:
        user = world.user(match[2]) if match[1] == "@" else None
        channel = world.channel(match[2]) if match[1] == "#" else None
        if user is not None:
            return f"<@{user.id}|{user.name}>"
        return f"<#{channel.id}|{channel.name}>" if channel is not None else match[0]

    return NAME.sub(found, text)


def _names(world: World, text: str) -> str:
    def found(match: re.Match[str]) -> str:
        sign, name = match[1], match[2]
        if sign == "@" and name in BROADCASTS:
            return f"<!{name}>"
        user = world.user(name) if sign == "@" else None
        channel = world.channel(name) if sign == "#" else None
        if user is not None:
            return f"<@{user.id}>"
        return f"<#{channel.id}|{channel.name}>" if channel is not None else match[0]

    return NAME.sub(found, text)
