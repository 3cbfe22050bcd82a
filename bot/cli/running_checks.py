"""What the running bot says of itself at /readyz, and what to do where it is not well."""

from collections.abc import Iterator

import httpx

from bot.cli.checks import Check, good, problem, warning
from bot.cli.posting import bot_address
from bot.config import Environment
from bot.domain.errors import ConfigError

KEPT = "What happens meanwhile is kept and shown afterwards"


def checks(environment: Environment) -> Iterator[Check]:
    """Ask the bot, which may run beside us."""
    try:
        url = f"{bot_address(environment)}/readyz"
    except ConfigError:
        return  # said by the check of the configuration
    try:
        state = httpx.get(url, timeout=10, trust_env=False).json()
        words = f"runs: database {state['db']}, Slack {state['slack']}, Jira {state['jira']}"
    except httpx.TransportError:
        yield warning("bot", f"does not answer at {url}; start it with `bellwether run`")
        return
    except (ValueError, KeyError, TypeError):
        yield problem("bot", f"what answers at {url} is another program; set BELLWETHER_LISTEN to a free port")
        return
    well = (state["db"], state["slack"]) == ("ok", "connected") and state["jira"] != "down"
    yield good("bot", words) if well else warning("bot", words)
    if state["db"] != "ok":
        yield problem("bot's database", f"{state['db']}; see `database writes` above, and its log. Senders get 503")
    if state["slack"] != "connected":
        where = "https://slack-status.com, the proxy and SLACK_APP_TOKEN (`bellwether doctor --online`)"
        yield warning("bot's slack", f"{state['slack']}; look at {where}. {KEPT}")
    if state["jira"] == "down":
        where = "`bellwether doctor --online` says what Jira says"
        yield warning("bot's jira", f"not usable; {where}. Incidents go on, tickets follow")
