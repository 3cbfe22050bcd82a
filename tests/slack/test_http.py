"""HTTP mode: only what Slack signed is read, and nobody else can make the bot fail or fill its memory."""

import json
import time
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from bot.ingest.http import MAX_BODY
from bot.sandbox.push import sign
from bot.slack.http import http_endpoint
from bot.slack.workspace import Workspace
from tests.slack.live import Bot

SECRET = "s3cret"
NOW = str(int(time.time()))
COMMAND = urlencode(
    {"command": "/model", "text": "help", "user_id": "U02BOB", "channel_id": "C02MLFRAUD", "trigger_id": "1.2"}
).encode()


def signed(body: bytes, at: str = NOW) -> dict[str, str]:
    kind = "application/x-www-form-urlencoded"
    return {"content-type": kind, "x-slack-request-timestamp": at, "x-slack-signature": sign(SECRET, at, body)}


@pytest.fixture
async def slack(bot: Bot, workspace: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    """What posts to the bot, as Slack would."""
    app = Starlette(routes=[Route("/slack/events", http_endpoint(bot.inbound, SECRET), methods=["POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot") as client:
        yield client


async def test_what_slack_signed_is_answered(slack: httpx.AsyncClient) -> None:
    answer = await slack.post("/slack/events", content=COMMAND, headers=signed(COMMAND))

    assert answer.status_code == 200
    assert answer.json()["response_type"] == "ephemeral"


@pytest.mark.parametrize("age", [-3600, 3600])
async def test_what_was_signed_at_another_time_is_refused(slack: httpx.AsyncClient, age: int) -> None:
    answer = await slack.post("/slack/events", content=COMMAND, headers=signed(COMMAND, str(int(NOW) - age)))

    assert answer.status_code == 401


@pytest.mark.parametrize("body", [b"{nope", b"[1]", b"\xff\xfe", b'{"a":' * 9000, b"payload=nope", COMMAND, b""])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_what_nobody_signed_is_refused_however_it_looks(slack: httpx.AsyncClient, body: bytes, kind: str) -> None:
    answer = await slack.post("/slack/events", content=body, headers=signed(b"another") | {"content-type": kind})

    assert answer.status_code == 401
    assert SECRET not in answer.text


@pytest.mark.parametrize("at", [b"", b"\xb2", b"-1", b"9" * 5000, b"1e9"])
@pytest.mark.parametrize("signature", [b"", b"v0=1", b"v0=\xe9"])
async def test_odd_headers_are_a_bad_signature(slack: httpx.AsyncClient, at: bytes, signature: bytes) -> None:
    headers = {b"x-slack-request-timestamp": at, b"x-slack-signature": signature}

    answer = await slack.post("/slack/events", content=COMMAND, headers=headers)

    assert answer.status_code == 401


async def test_a_body_of_any_size_is_cut_off_at_the_limit(slack: httpx.AsyncClient) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b"a" * (MAX_BODY // 4)

    answer = await slack.post("/slack/events", content=chunks(), headers=signed(b""))

    assert answer.status_code == 413
    assert json.loads(answer.text)["error"].startswith("larger than")
    assert sent < 10


async def test_half_of_a_character_is_read_as_a_mark(bot: Bot, slack: httpx.AsyncClient) -> None:
    event = {"type": "app_mention", "user": "U02BOB", "channel": "C02MLFRAUD", "text": "<@U0BOT> \ud83d", "ts": "1.2"}
    body = json.dumps({"type": "event_callback", "event_id": "Ev1", "event": event}).encode()

    answer = await slack.post(
        "/slack/events", content=body, headers=signed(body) | {"content-type": "application/json"}
    )

    assert answer.status_code == 200
    assert len(bot.calls("chat.postEphemeral")) == 1
