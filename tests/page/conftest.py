"""A real browser, the real sandbox, and a small app that knows nothing of either: Bolt over Socket Mode.

One browser serves all tests, each in a profile of its own. Without Chromium these tests are skipped, but not in
CI, where a page that nobody looked at must not pass.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.box import Sandbox
from bot.sandbox.chromium import NoChromium, chromium, find_chromium
from bot.sandbox.devtools import Tab, tab
from bot.sandbox.manifest import Command, Manifest, Shortcut
from bot.sandbox.server import running
from bot.sandbox.settings import APP_TOKEN, BOT_TOKEN, Settings

Open = Callable[..., Awaitable[Tab]]


@pytest.fixture(scope="session")
def browser() -> Iterator[str]:
    """The address of a running Chromium."""
    try:
        find_chromium()
    except NoChromium as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    with chromium() as address:
        yield address


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox on a free port, with nobody connected; alice is in the browser's seat."""
    async with running(Settings(port=0)) as found:
        found.manifest = Manifest(
            commands={"/model": Command("/model", "How is my model?", "[status] model"), "/oncall": Command("/oncall")},
            shortcuts={"report": Shortcut("report", "Report model issue", "message")},
            events=frozenset({"app_home_opened", "message.channels"}),
            scopes=found.manifest.scopes,
        )
        yield found


@dataclass
class App:
    """What the tests say to the app, and what the app has heard."""

    client: AsyncWebClient
    heard: list[dict[str, Any]]


@pytest.fixture
async def app(sandbox: Sandbox) -> AsyncIterator[App]:
    """An app over Socket Mode: answers /model, edits on a click, opens a form, refuses short titles."""
    client = AsyncWebClient(token=BOT_TOKEN, base_url=f"{sandbox.address}/api/")
    bolt = AsyncApp(client=client, process_before_response=True)
    heard: list[dict[str, Any]] = []

    @bolt.command("/model")
    async def model(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        heard.append(body)
        if body["text"].startswith("form"):
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=FORM)
        else:
            await ack(text=f"Status of {body['text']}: *good*")

    @bolt.action("roll_back")
    async def roll_back(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        heard.append(body)
        await ack()
        done = [{"type": "section", "text": {"type": "mrkdwn", "text": "↩️ *Rolled back*"}}]
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="Rolled back", blocks=done
        )

    @bolt.view("form")
    async def form(ack: Any, body: dict[str, Any]) -> None:
        heard.append(body)
        title = body["view"]["state"]["values"]["title"]["title"]["value"]
        if len(title) < 5:
            await ack(response_action="errors", errors={"title": "Say it in a whole sentence."})
        else:
            await ack()

    @bolt.shortcut("report")
    async def report(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        heard.append(body)
        await ack()
        await client.chat_postMessage(channel=body["channel"]["id"], thread_ts=body["message"]["ts"], text="Reported.")

    @bolt.event("app_home_opened")
    async def opened(event: dict[str, Any], client: AsyncWebClient) -> None:
        heard.append(event)
        blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Your models"}}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @bolt.event("message")
    async def message(event: dict[str, Any]) -> None:
        heard.append(event)

    @bolt.action({"action_id": "pick"})
    async def pick(ack: Any, body: dict[str, Any]) -> None:
        heard.append(body)
        await ack()

    sockets = AsyncSocketModeHandler(
        bolt, app_token=APP_TOKEN, web_client=AsyncWebClient(token=APP_TOKEN, base_url=client.base_url)
    )
    await sockets.connect_async()
    try:
        yield App(client, heard)
    finally:
        await sockets.close_async()


@pytest.fixture
async def page(browser: str, sandbox: Sandbox) -> AsyncIterator[Open]:
    """Open the page as `await page(user="bob", channel="ml-fraud", dark=True)`; no error may be left at the end."""
    tabs: list[Tab] = []
    async with AsyncExitStack() as stack:

        async def open_page(
            path: str = "/", *, width: int = 1280, height: int = 900, dark: bool = False, **query: str
        ) -> Tab:
            found = await stack.enter_async_context(tab(browser, width=width, height=height, dark=dark))
            tabs.append(found)
            state = {"user": "alice", "channel": "ml-fraud"} | query
            await found.open(f"{sandbox.address}{path}?" + "&".join(f"{k}={v}" for k, v in state.items()))
            return found

        yield open_page
        for found in tabs:
            assert found.problems == []


FORM = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Open incident"},
    "submit": {"type": "plain_text", "text": "Open"},
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": {"type": "plain_text", "text": "What is wrong?"},
            "element": {"type": "plain_text_input", "action_id": "title", "initial_value": "odd"},
        },
        {
            "type": "input",
            "block_id": "lead",
            "optional": True,
            "label": {"type": "plain_text", "text": "Lead"},
            "element": {"type": "users_select", "action_id": "lead", "initial_user": "U02BOB"},
        },
        {
            "type": "input",
            "block_id": "more",
            "optional": True,
            "label": {"type": "plain_text", "text": "Also"},
            "element": {
                "type": "checkboxes",
                "action_id": "more",
                "options": [{"text": {"type": "plain_text", "text": "Open a ticket"}, "value": "ticket"}],
            },
        },
    ],
}
