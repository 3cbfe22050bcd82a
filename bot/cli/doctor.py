"""`bellwether doctor`: is everything set, reachable and heard, and what to do where it is not."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from bot import integrations
from bot.cli import online_checks, running_checks, store_checks
from bot.cli.checks import Check, State, good, problem, warning
from bot.cli.configuration import amounts
from bot.clock.following import read_clock
from bot.config import Environment, Settings
from bot.domain.errors import ConfigError
from bot.ingest.receive import Inlet
from bot.slack.text import plural

TOKENS = {
    "xoxb-": "a bot token",
    "xapp-": "an app-level token",
    "xoxp-": "a person's token",
    "xoxe": "a configuration or rotating token",
}
"""How Slack's tokens begin. https://docs.slack.dev/authentication/tokens"""


def show(settings: Settings, *, as_json: bool, online: bool) -> int:
    """Print every check; 1 when one of them found a problem. `online` asks Slack, Jira and the deployers, too."""
    checks = []
    for check in _checks(settings, online=online):
        checks.append(check)
        if not as_json:
            print(check.line, flush=True)
    problems = sum(check.state is State.PROBLEM for check in checks)
    warnings = sum(check.state is State.WARNING for check in checks)
    if as_json:
        print(json.dumps([vars(check) for check in checks], indent=2, ensure_ascii=False))
    else:
        more = "" if online else " Slack and Jira were not asked: `bellwether doctor --online`."
        print(f"\n{plural(problems, 'problem')} (✗), {warnings} to look at (!).{more}")
    return 1 if problems else 0


def _checks(settings: Settings, *, online: bool) -> Iterator[Check]:
    environment = settings.environment
    inlets, found = _configuration(settings)
    yield found
    now, clock = _now(environment)
    yield from clock
    yield from _slack_tokens(environment)
    yield _jira(settings)
    yield from store_checks.checks(settings, _refusing(settings, inlets), now)
    yield from running_checks.checks(environment)
    if online:
        yield from online_checks.checks(settings)


def _configuration(settings: Settings) -> tuple[dict[str, Inlet], Check]:
    try:
        inlets = integrations.inlets(settings)
        integrations.deployers(settings, partial(read_clock, None))
        host_port = settings.environment.host_port
    except ConfigError as e:
        return {}, problem("configuration", str(e))
    if settings.path is None or not settings.path.exists():
        return inlets, warning("configuration", f"no {settings.path}, so no source; `bellwether init` writes one")
    if not inlets:
        return inlets, warning("configuration", f"{settings.path} has no `sources:`, so the bot hears nothing")
    port = f"port {host_port[1]} of {host_port[0]}"
    return inlets, good("configuration", f"{settings.path}: {amounts(settings.decisions)}; listens on {port}")


def _now(environment: Environment) -> tuple[datetime, list[Check]]:
    try:
        return read_clock(environment.clock), []
    except ConfigError as e:
        return read_clock(None), [problem("clock", str(e))]


def _refusing(settings: Settings, inlets: Mapping[str, Inlet]) -> dict[str, str]:
    """Return for each source why it refuses everything; empty when it does not."""
    reasons = {}
    for name, inlet in inlets.items():
        section = settings.decisions.sources[name].auth
        shut = inlet.auth.kind != "none" and not inlet.auth.secret
        variable = section.secret_env if section else ""
        reasons[name] = f"{variable} is not set, so every delivery is refused (401); set it" if shut else ""
    return reasons


def _slack_tokens(environment: Environment) -> Iterator[Check]:
    if environment.slack_bot_token is None and Path(".env").exists():
        yield warning("environment", "there is a .env here that is not loaded: `set -a; . ./.env; set +a`")
    yield _token("SLACK_BOT_TOKEN", environment.slack_bot_token, "xoxb-", "Install App: Bot User OAuth Token")
    if environment.slack_app_token is None and environment.slack_signing_secret is not None:
        yield good("slack app token", "not needed in HTTP mode: Slack posts to /slack/events, signed")
    else:
        where = "Basic Information: App-Level Tokens, scope connections:write; or HTTP mode: SLACK_SIGNING_SECRET"
        yield _token("SLACK_APP_TOKEN", environment.slack_app_token, "xapp-", where)


def _token(variable: str, token: str | None, prefix: str, where: str) -> Check:
    check = variable.replace("_", " ").lower()
    copy = f"copy it from https://api.slack.com/apps, {where}"
    if token is None:
        return problem(check, f"{variable} is not set; {copy}")
    if not token.startswith(prefix):
        other = next((f"begins as {words} does" for start, words in TOKENS.items() if token.startswith(start)), "")
        return problem(check, f"{variable} {other or 'is no token'}, but should begin with {prefix}; {copy}")
    if any(c.isspace() for c in token):
        return problem(check, f"{variable} has a space or a line break in it; {copy}")
    return good(check, f"{variable} begins with {prefix}")


def _jira(settings: Settings) -> Check:
    try:
        system = integrations.tickets(settings)
    except ConfigError as e:
        return problem("jira", str(e))
    if system is None:
        return good("jira", "not connected; for tickets set JIRA_URL, JIRA_EMAIL and JIRA_API_TOKEN")
    jira = settings.decisions.jira
    return good("jira", f"{settings.environment.jira_url}, project {jira.project}, issue type {jira.issue_type}")
