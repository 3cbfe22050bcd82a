"""`bellwether sandbox`: says where it is and with which tokens, and serves until it is told to stop."""

import asyncio
import errno
import sys

from bot.sandbox import server
from bot.sandbox.settings import APP_TOKEN, BOT_TOKEN, JIRA_TOKEN, Settings

HOST = "127.0.0.1"


def serve(settings: Settings) -> int:
    """Serve the sandbox until SIGTERM or Ctrl-C; 1 when its port is taken."""
    address = f"http://{HOST}:{settings.port}"
    try:
        server.listen(HOST, settings.port).close()
        print(f"Slack page  {address}/")
        print(f"Slack API   {address}/api/   tokens {BOT_TOKEN} and {APP_TOKEN}")
        print(f"Jira        {address}/jira   any e-mail, token {JIRA_TOKEN}", flush=True)
        asyncio.run(server.serve(settings, HOST))
    except OSError as e:
        if e.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        words = "is taken by another program" if e.errno == errno.EADDRINUSE else "may not be used by this user"
        print(f"bellwether: port {settings.port} of {HOST} {words}; choose another one with --port", file=sys.stderr)
        return 1
    return 0
