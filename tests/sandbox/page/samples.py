"""What the tests of the page share: a reader, and short names for Block Kit's objects."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.sandbox.viewer import Viewer

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MORNING = int(datetime(2026, 11, 23, 8, 0, tzinfo=UTC).timestamp())


def reader(zone: str = "Europe/Paris", user: str = "U01ALICE") -> Viewer:
    return Viewer(
        user=user,
        zone=ZoneInfo(zone),
        now=NOW,
        users={"U01ALICE": "alice", "U02BOB": "bob"},
        channels={"C02MLFRAUD": "ml-fraud"},
    )


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def option(text: str, value: str) -> dict[str, Any]:
    return {"text": plain(text), "value": value}


def button(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(text), "action_id": "go", "value": "1", **more}
