"""`bellwether sandbox`."""

import asyncio
import sys

from bot.cli.ports import port_trouble
from bot.sandbox import server
from bot.sandbox.settings import APP_TOKEN, BOT_TOKEN, JIRA_TOKEN, Settings

HOST = "127.0.0.1"


def serve(settings: Settings) -> int:
    """Say where the sandbox is and with which tokens, and serve until told to stop; 1 when its port is taken."""
    if trouble := port_trouble(HOST, settings.port):
        print(f"bellwether: {trouble} Choose another one with --port.", file=sys.stderr)
        return 1
    address = f"http://{HOST}:{settings.port}"
    print(f"Slack page  {address}/")
    print(f"Slack API   {address}/api/   tokens {BOT_TOKEN} and {APP_TOKEN}")
    print(f"Jira        {address}/jira   any e-mail, token {JIRA_TOKEN}", flush=True)
    asyncio.run(server.serve(settings, HOST))
    return 0
