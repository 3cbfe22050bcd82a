"""How one sandbox is started; a frozen value that is passed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 - public by design, see the contract
APP_TOKEN = "xapp-sandbox"  # noqa: S105
JIRA_TOKEN = "sandbox"  # noqa: S105
DEFAULT_PORT = 8765


@dataclass(frozen=True)
class Settings:
    """`manifest` None means the packaged one; `events_url` switches from Socket Mode to HTTP mode.

    `started` and `speed` set the clock at start (None: the real time). `ack_s` is Slack's deadline for an
    answer. An act of a person is over after `quiet_s` without a visible effect (a test may take less).
    """

    port: int = DEFAULT_PORT
    manifest: Path | None = None
    state: Path | None = None
    events_url: str | None = None
    signing_secret: str | None = None
    jira_webhook_url: str | None = None
    jira_webhook_secret: str | None = None
    bot_name: str = "bellwether"
    started: datetime | None = None
    speed: float = 1.0
    ack_s: float = 3.0
    quiet_s: float = 0.12
