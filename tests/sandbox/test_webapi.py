"""Who may call the Web API, in which encodings, and how often."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import Web

GENERAL = "C01GENERAL"


@pytest.mark.parametrize(
    ("method", "token", "error"),
    [
        ("auth.test", "", "not_authed"),
        ("auth.test", "xoxb-other", "invalid_auth"),
        ("auth.test", "xapp-sandbox", "not_allowed_token_type"),
        ("apps.connections.open", "xoxb-sandbox", "not_allowed_token_type"),
        ("chat.shout", "xoxb-sandbox", "unknown_method"),
    ],
)
async def test_tokens_are_checked(web: Web, method: str, token: str, error: str) -> None:
    answer = await web.api(method, token)

    assert (answer["ok"], answer["error"]) == (False, error)


async def test_the_scopes_are_told_and_checked(web: Web) -> None:
    headers = {"Authorization": "Bearer xoxb-sandbox"}

    response = await web.http.post("/api/auth.test", headers=headers)
    answer = await web.api("users.lookupByEmail", email="alice@example.com")

    assert "chat:write" in response.headers["x-oauth-scopes"].split(",")
    assert answer["error"] == "missing_scope"
    assert answer["needed"] == "users:read.email"
    assert "chat:write" in answer["provided"]


async def test_json_forms_and_queries_mean_the_same(web: Web) -> None:
    headers = {"Authorization": "Bearer xoxb-sandbox"}
    form = {"channel": GENERAL, "text": "form", "blocks": '[{"type": "divider"}]', "team_id": "T1"}
    posted = [
        await web.http.post("/api/chat.postMessage", json={"channel": GENERAL, "text": "json"}, headers=headers),
        await web.http.post("/api/chat.postMessage", data=form, headers=headers),
        await web.http.post("/api/chat.postMessage", data={"channel": GENERAL, "text": "t", "token": "xoxb-sandbox"}),
    ]

    query = {"channel": GENERAL, "include_all_metadata": "1", "limit": "2"}
    history = await web.http.get("/api/conversations.history", params=query, headers=headers)

    assert [response.json()["ok"] for response in posted] == [True, True, True]
    assert [message["text"] for message in history.json()["messages"]] == ["t", "form"]
    assert history.json()["messages"][1]["blocks"][0]["type"] == "divider"


@pytest.mark.parametrize(("body", "error"), [(b"{", "invalid_json"), (b"[1]", "json_not_object")])
async def test_a_bad_body_is_named(web: Web, body: bytes, error: str) -> None:
    headers = {"Authorization": "Bearer xoxb-sandbox", "Content-Type": "application/json"}

    response = await web.http.post("/api/auth.test", content=body, headers=headers)

    assert response.json()["error"] == error


async def test_posts_are_limited_to_one_a_second_after_a_burst(web: Web) -> None:
    burst = [await web.api("chat.postMessage", channel=GENERAL, text=str(n)) for n in range(6)]
    other = await web.api("chat.postMessage", channel="C02MLFRAUD", text="x")
    web.sandbox.world.clock.advance(timedelta(seconds=1))
    later = await web.api("chat.postMessage", channel="#general", text="x")

    assert [answer["ok"] for answer in burst] == [True] * 5 + [False]
    assert burst[5]["error"] == "ratelimited"
    assert other["ok"]
    assert later["ok"]


async def test_updates_are_limited_to_fifty_a_minute_in_all_channels(web: Web) -> None:
    ts = (await web.api("chat.postMessage", channel=GENERAL, text="x"))["ts"]
    headers = {"Authorization": "Bearer xoxb-sandbox"}

    async def update() -> httpx.Response:
        body = {"channel": GENERAL, "ts": ts, "text": "y"}
        return await web.http.post("/api/chat.update", json=body, headers=headers)

    answers = [await update() for _ in range(51)]
    web.sandbox.world.clock.advance(timedelta(seconds=61))
    after = await update()

    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    assert int(answers[50].headers["retry-after"]) == 60
    assert after.status_code == 200


async def test_every_call_is_recorded(web: Web) -> None:
    await web.api("chat.postMessage", channel=GENERAL, text="x")
    await web.api("chat.postMessage", channel="C9", text="x")
    await web.jira("GET", "myself")

    calls: list[dict[str, Any]] = (await web.http.get("/_sandbox/calls")).json()

    assert [(call["n"], call["api"], call["method"], call["status"], call["error"]) for call in calls] == [
        (1, "slack", "chat.postMessage", 200, None),
        (2, "slack", "chat.postMessage", 200, "channel_not_found"),
        (3, "jira", "GET myself", 200, None),
    ]
    assert calls[0]["args"] == {"channel": GENERAL, "text": "x"}
    assert calls[0]["clock"] == "2026-11-23T08:00:00+00:00"
    assert calls[0]["at"] > 1.7e9
    await web.http.delete("/_sandbox/calls")
    assert (await web.http.get("/_sandbox/calls")).json() == []


async def test_blocks_validate_needs_no_token(web: Web) -> None:
    response = await web.http.post("/api/blocks.validate", data={"blocks": '[{"type": "header"}]'})

    answer = response.json()
    assert not answer["ok"]
    assert answer["errors"][0]["pointer"] == "/0"
