"""A sandbox to talk to: `web` without a network for the protocol's rules, `live` with one for sockets and apps."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.box import Sandbox
from bot.sandbox.manifest import Manifest, parse
from bot.sandbox.server import application, running
from bot.sandbox.settings import Settings

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MANIFEST = parse(
    {
        "features": {
            "bot_user": {"display_name": "bellwether"},
            "slash_commands": [{"command": "/model"}, {"command": "/oncall", "should_escape": True}],
            "shortcuts": [
                {"callback_id": "to_timeline", "name": "Add to timeline", "type": "message"},
                {"callback_id": "declare", "name": "Declare", "type": "global"},
            ],
        },
        "oauth_config": {
            "scopes": {
                "bot": [
                    *("commands", "chat:write", "channels:read", "groups:read", "channels:history", "im:history"),
                    *("users:read", "app_mentions:read", "reactions:write", "reactions:read", "pins:read", "im:write"),
                    *("pins:write", "bookmarks:read", "bookmarks:write", "usergroups:read", "channels:join"),
                ]
            }
        },
        "settings": {
            "event_subscriptions": {
                "bot_events": ["app_mention", "app_home_opened", "message.im", "reaction_added", "channel_archive"]
            }
        },
    }
)


@dataclass
class Web:
    """Calls a sandbox without a network; `clock` stands still unless told."""

    sandbox: Sandbox
    http: httpx.AsyncClient

    async def api(self, method: str, token: str = "xoxb-sandbox", **args: Any) -> dict[str, Any]:
        """Call a Web API method with JSON and return what it answers."""
        response = await self.http.post(f"/api/{method}", json=args, headers={"Authorization": f"Bearer {token}"})
        return dict(response.json())

    async def jira(self, verb: str, path: str, **more: Any) -> httpx.Response:
        auth = httpx.BasicAuth("bot@example.com", "sandbox")
        return await self.http.request(verb, f"/jira/rest/api/3/{path}", auth=auth, **more)

    async def act(self, deed: str, **body: Any) -> dict[str, Any]:
        response = await self.http.post(f"/_sandbox/{deed}", json=body)
        return dict(response.json())


@pytest.fixture
def manifest() -> Manifest:
    return MANIFEST


@pytest.fixture
async def web(manifest: Manifest) -> AsyncIterator[Web]:
    sandbox = Sandbox(Settings(started=MONDAY, speed=0))
    sandbox.manifest = manifest
    transport = httpx.ASGITransport(application(sandbox))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as http:
        yield Web(sandbox, http)
    await sandbox.close()


@pytest.fixture
async def live(manifest: Manifest) -> AsyncIterator[Web]:
    async with running(Settings(port=0, ack_s=0.4, quiet_s=0.04)) as sandbox:
        sandbox.manifest = manifest
        async with httpx.AsyncClient(base_url=sandbox.address, trust_env=False) as http:
            yield Web(sandbox, http)


Connect = Callable[..., Awaitable[list[AsyncSocketModeHandler]]]


@pytest.fixture
def app(live: Web, monkeypatch: pytest.MonkeyPatch) -> AsyncApp:
    """An app as the bot is one: Bolt, acks after the listener."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    client = AsyncWebClient(token="xoxb-sandbox", base_url=f"{live.sandbox.address}/api/", retry_handlers=[])
    return AsyncApp(client=client, process_before_response=True)


@pytest.fixture
async def connect(app: AsyncApp) -> AsyncIterator[Connect]:
    """Connect the app over Socket Mode: `await connect(2)` for two connections."""
    handlers: list[AsyncSocketModeHandler] = []

    async def connect(number: int = 1, ping_interval: float = 1) -> list[AsyncSocketModeHandler]:
        for _ in range(number):
            handler = AsyncSocketModeHandler(app, "xapp-sandbox", ping_interval=ping_interval)
            await handler.connect_async()
            handlers.append(handler)
        return handlers

    yield connect
    for handler in handlers:
        await handler.close_async()
