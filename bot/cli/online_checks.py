"""What doctor asks Slack, Jira and whoever deploys: whether the tokens work, and what they may do."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot import integrations
from bot.cli.checks import Check, good, problem, warning
from bot.clock.following import read_clock
from bot.config import Decisions, Settings
from bot.domain.errors import ConfigError
from bot.manifest import OPTIONAL_SCOPES, SCOPES
from bot.ports import Deployer, TicketSystem

TIMEOUT_S = 10
REINSTALL = "reinstall the app under Install App and copy the Bot User OAuth Token into SLACK_BOT_TOKEN"
GENERATE = (
    "generate one with the scope connections:write under Basic Information, App-Level Tokens, "
    "and copy it whole into SLACK_APP_TOKEN"
)
MOST_PAGES = 50


def checks(settings: Settings) -> Iterator[Check]:
    """Yield what they say; nothing is written there."""
    environment = settings.environment
    if environment.slack_bot_token:
        yield from _bot_token(settings, _client(settings, environment.slack_bot_token))
    if environment.slack_app_token:
        yield _app_token(_client(settings, environment.slack_app_token))
    try:
        system = integrations.tickets(settings)
        deployers = integrations.deployers(settings, partial(read_clock, None))
    except ConfigError:
        return  # said by the checks before
    for name, deployer in deployers.items():
        wrong = asyncio.run(_ask(deployer))
        yield problem(f"deployer {name} online", wrong) if wrong else good(f"deployer {name} online", "can be used")
    if system is not None:
        wrong = asyncio.run(_ask(system))
        yield problem("jira online", wrong) if wrong else good("jira online", "credentials, project and type are right")


def _client(settings: Settings, token: str) -> WebClient:
    return WebClient(token=token, base_url=settings.environment.slack_api_url, timeout=TIMEOUT_S)


def _bot_token(settings: Settings, client: WebClient) -> Iterator[Check]:
    api = settings.environment.slack_api_url
    try:
        answer = client.auth_test()
    except SlackApiError as e:
        yield problem("slack online", f"Slack refuses the bot token ({e.response['error']}); {REINSTALL}")
        return
    except (SlackClientError, OSError) as e:
        yield problem("slack online", f"{api} cannot be reached ({e}); is there a proxy or firewall?")
        return
    yield good("slack online", f"{answer['user']} in {answer['team']}, {answer['url']}")
    granted = {scope for scope in _header(answer.headers, "x-oauth-scopes").replace(" ", "").split(",") if scope}
    yield from _scopes(granted, settings)
    yield from _channels(client, settings.decisions, str(answer["user"]))


def _scopes(granted: set[str], settings: Settings) -> Iterator[Check]:
    missing = [f"{name} (to {purpose})" for name, purpose in SCOPES.items() if name not in granted]
    if missing:
        fix = f"put `bellwether manifest` into {_manifest_page(settings)} and reinstall the app"
        yield problem("slack scopes", f"missing: {'; '.join(missing)}. {fix}")
    else:
        left_out = [f"{name} (to {purpose})" for name, purpose in OPTIONAL_SCOPES.items() if name not in granted]
        yield good("slack scopes", f"all {len(SCOPES)} granted" + "".join(f"; without {one}" for one in left_out))


def _manifest_page(settings: Settings) -> str:
    """Return where the app's manifest is edited; the app-level token, `xapp-1-<app id>-...`, names the app."""
    parts = (settings.environment.slack_app_token or "").split("-")
    app = parts[2] if len(parts) > 3 and parts[2].startswith("A") else ""
    return f"https://api.slack.com/apps/{app}/app-manifest" if app else "https://api.slack.com/apps (App Manifest)"


def _channels(client: WebClient, decisions: Decisions, name: str) -> Iterator[Check]:
    """Yield whether the bot is in every channel that the configuration names: Slack lets it speak nowhere else."""
    wanted = {decisions.slack.channel, *(m.channel for m in decisions.models.values() if m.channel)}
    wanted |= {a.channel for m in decisions.models.values() for a in m.approvers.values() if a.channel}
    wanted |= {channel for d in decisions.digests.values() for channel in d.channels}
    try:
        found = dict(_memberships(client))
    except (SlackApiError, SlackClientError, OSError) as e:
        yield warning("slack channels", f"cannot be listed: {e}")
        return
    missing = sorted(channel for channel in wanted if channel.lstrip("#") not in found)
    archived = sorted(channel for channel in wanted if found.get(channel.lstrip("#")))
    if missing:
        yield warning("slack channels", f"not in {', '.join(missing)}; type `/invite @{name}` there")
    if archived:
        fix = "unarchive it, or configure another one and restart the bot"
        yield problem("slack channels", f"{', '.join(archived)} is archived, nobody can post there; {fix}")
    if not missing and not archived:
        yield good("slack channels", f"in {', '.join(sorted(wanted))}")


def _memberships(client: WebClient) -> Iterator[tuple[str, bool]]:
    """Yield names and ids of the channels that the bot is in, and whether each is archived."""
    cursor = ""
    for _ in range(MOST_PAGES):
        page = client.users_conversations(
            types="public_channel,private_channel", exclude_archived=False, limit=200, cursor=cursor
        )
        for channel in page["channels"]:
            archived = bool(channel.get("is_archived"))
            yield from ((channel["id"], archived), (channel["name"], archived))
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


def _app_token(client: WebClient) -> Check:
    try:
        client.apps_connections_open(app_token=client.token or "")
    except SlackApiError as e:
        return problem("slack socket", f"Slack refuses the app-level token ({e.response['error']}); {GENERATE}")
    except (SlackClientError, OSError) as e:
        return problem("slack socket", f"no socket can be opened ({e})")
    return good("slack socket", "Socket Mode can be opened")


def _header(headers: Any, name: str) -> str:
    """Return a response's header; urllib gives them in the sender's case."""
    return next((str(value) for key, value in dict(headers).items() if key.lower() == name), "")


async def _ask(system: TicketSystem | Deployer) -> str | None:
    try:
        return await system.check()
    finally:
        await system.close()
