"""`bellwether run`."""

import asyncio
import sys

from bot import log
from bot.app import serve
from bot.cli.ports import port_trouble
from bot.config import Settings


def run(settings: Settings, *, verbose: bool) -> int:
    """Run the bot until it is told to stop; 1 when its port cannot be had."""
    log.set_up(verbose=verbose)
    if trouble := port_trouble(*settings.environment.host_port):
        print(f"bellwether: {trouble} (BELLWETHER_LISTEN={settings.environment.listen})", file=sys.stderr)
        return 1
    asyncio.run(serve(settings))
    return 0
