"""HTTP mode: the same payloads, signed."""

import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import httpx
import pytest
import respx
from slack_sdk.signature import SignatureVerifier

from bot.sandbox import deeds, people
from bot.sandbox.box import Sandbox
from bot.sandbox.server import application
from bot.sandbox.settings import Settings
from tests.sandbox.conftest import MANIFEST, MONDAY, Web

URL = "http://127.0.0.1:9/slack/events"


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    sandbox = Sandbox(Settings(started=MONDAY, speed=0, events_url=URL, signing_secret="shh", ack_s=0.2))
    sandbox.manifest = MANIFEST
    transport = httpx.ASGITransport(application(sandbox))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as http:
        yield Web(sandbox, http)
    await sandbox.close()


@respx.mock
async def test_a_command_is_a_signed_form_and_the_answer_is_shown(web: Web) -> None:
    route = respx.post(URL).respond(json={"text": "hello"})

    answer = await web.act("command", user="alice", channel="general", text="/model status")

    request = route.calls[0].request
    assert SignatureVerifier("shh").is_valid_request(request.content, dict(request.headers))
    assert parse_qs(request.content.decode())["text"] == ["status"]
    assert answer["ephemerals"][0]["text"] == "hello"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for effects that these tests do not make."""
    monkeypatch.setattr(people, "LONGEST_S", 0.1)
    monkeypatch.setattr(deeds, "PASSIVE_S", 0.1)


@respx.mock
async def test_an_event_is_retried_with_headers(web: Web) -> None:
    route = respx.post(URL)
    route.side_effect = [httpx.Response(500), httpx.Response(200)]

    await web.act("react", user="alice", channel="general", ts=(await _said(web)), name="eyes")

    first, second = (call.request for call in route.calls)
    assert json.loads(first.content)["event"]["type"] == "reaction_added"
    assert "x-slack-retry-num" not in first.headers
    assert second.headers["x-slack-retry-num"] == "1"
    assert second.headers["x-slack-retry-reason"] == "http_error"


@respx.mock
async def test_interactions_are_a_payload_field(web: Web) -> None:
    route = respx.post(URL).respond(200)

    await web.act("shortcut", user="alice", channel="general", ts=(await _said(web)), callback_id="to_timeline")

    payload = json.loads(parse_qs(route.calls[0].request.content.decode())["payload"][0])
    assert payload["type"] == "message_action"


async def _said(web: Web) -> str:
    return str((await web.act("message", user="bob", channel="general", text="x"))["ts"])
