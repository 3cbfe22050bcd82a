"""`python -m bot.sandbox`: the sandbox by itself, for those who have no use for the bot."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from bot.sandbox.server import serve
from bot.sandbox.settings import DEFAULT_PORT, Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description="A local Slack and a local Jira.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback name")
    parser.add_argument("--manifest", type=Path, help="app manifest (default: the packaged one)")
    parser.add_argument("--state", type=Path, help="keep the world in this file")
    parser.add_argument("--events-url", help="HTTP mode: POST payloads here instead of Socket Mode")
    parser.add_argument("--signing-secret", help="sign what is POSTed in HTTP mode")
    parser.add_argument("--jira-webhook-url", help="POST Jira's webhooks here")
    parser.add_argument("--jira-webhook-secret", help="sign Jira's webhooks")
    parser.add_argument("--speed", type=float, default=1.0, help="sandbox seconds per real second")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    settings = Settings(
        port=given.port,
        manifest=given.manifest,
        state=given.state,
        events_url=given.events_url,
        signing_secret=given.signing_secret,
        jira_webhook_url=given.jira_webhook_url,
        jira_webhook_secret=given.jira_webhook_secret,
        speed=given.speed,
    )
    sys.stdout.write(f"sandbox on http://{given.host}:{given.port}\n")
    sys.stdout.flush()
    try:
        asyncio.run(serve(settings, given.host))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
