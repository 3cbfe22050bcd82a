"""What goes wrong on purpose goes wrong as described."""

import time
from typing import Any

import aiohttp
import httpx
import pytest

from tests.sandbox.conftest import Web

GENERAL = "C01GENERAL"
HEADERS = {"Authorization": "Bearer xoxb-sandbox"}


async def fault(web: Web, **faults: Any) -> None:
    response = await web.http.put("/_sandbox/faults", json=faults)
    assert response.status_code == 200


def posted(web: Web) -> list[str]:
    return [message["text"] for message in web.sandbox.world.messages[GENERAL]]


async def test_accept_then_reset_does_it_and_says_nothing(live: Web) -> None:
    await fault(live, accept_then_reset={"methods": ["chat.postMessage"], "n": 1})

    body = {"channel": GENERAL, "text": "once"}
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(f"{live.sandbox.address}/api/chat.postMessage", json=body, headers=HEADERS)

    assert posted(live) == ["once"]
    assert (await live.api("chat.postMessage", channel=GENERAL, text="two"))["ok"]
    assert [call["error"] for call in live.sandbox.world.calls] == ["accept_then_reset", None]


async def test_accept_then_hang_does_it_and_never_answers(live: Web) -> None:
    await fault(live, accept_then_hang=True)

    body = {"channel": GENERAL, "text": "once"}
    with pytest.raises(httpx.ReadTimeout):
        await live.http.post("/api/chat.postMessage", json=body, headers=HEADERS, timeout=0.2)
    read = await live.api("conversations.history", channel=GENERAL)

    assert [message["text"] for message in read["messages"]] == ["once"]


async def test_a_server_error_does_nothing(web: Web) -> None:
    await fault(web, server_error={"methods": ["chat.postMessage"], "status": 502, "n": 1})
    body = {"channel": GENERAL, "text": "x"}

    first = await web.http.post("/api/chat.postMessage", json=body, headers=HEADERS)
    second = await web.http.post("/api/chat.postMessage", json=body, headers=HEADERS)

    assert (first.status_code, second.status_code) == (502, 200)
    assert posted(web) == ["x"]


async def test_slack_refuses_with_the_word_that_was_asked_for_and_does_nothing(web: Web) -> None:
    await fault(web, slack_error={"methods": ["chat.postMessage"], "error": "restricted_action", "n": 1})
    chosen = await web.api("chat.postMessage", channel=GENERAL, text="x")
    await fault(web, slack_error=1)
    usual = await web.api("chat.postMessage", channel=GENERAL, text="x")

    assert [chosen["error"], usual["error"]] == ["restricted_action", "internal_error"]
    assert posted(web) == []


async def test_slack_down_reaches_people_too(web: Web) -> None:
    await fault(web, slack_down=True)

    response = await web.http.post("/api/auth.test", headers=HEADERS)
    command = await web.act("command", user="alice", channel="general", text="/model")

    assert response.status_code == 503
    assert command["error"] == "dispatch_failed"


async def test_the_rate_limit_can_be_tightened_and_stormed(web: Web) -> None:
    await fault(web, rate_limit={"post_per_s": 0.1})
    tight = [(await web.api("chat.postMessage", channel=GENERAL, text="x"))["ok"] for _ in range(2)]
    await fault(web, rate_limit={"methods": ["chat.update"], "retry_after": 7})
    storm = await web.http.post("/api/chat.update", json={}, headers=HEADERS)
    await fault(web, rate_limit={"off": True})
    free = [(await web.api("chat.postMessage", channel=GENERAL, text="x"))["ok"] for _ in range(30)]

    assert tight == [True, False]
    assert (storm.status_code, storm.headers["retry-after"]) == (429, "7")
    assert all(free)


async def test_tokens_and_scopes_can_be_taken_away(web: Web) -> None:
    await fault(web, missing_scope=["reactions:write"])
    headers = (await web.http.post("/api/auth.test", headers=HEADERS)).headers
    reaction = await web.api("reactions.add", channel=GENERAL, timestamp="1", name="eyes")
    await fault(web, token_revoked=True)
    revoked = await web.api("auth.test")

    assert "reactions:write" not in headers["x-oauth-scopes"]
    assert (reaction["error"], reaction["needed"]) == ("missing_scope", "reactions:write")
    assert revoked["error"] == "token_revoked"


async def test_slow_is_slow(web: Web) -> None:
    await fault(web, slow_ms=60)
    took = []

    for call in (web.api("auth.test"), web.jira("GET", "myself")):
        begun = time.monotonic()
        await call
        took.append(time.monotonic() - begun)

    assert min(took) >= 0.06


async def test_faults_are_merged_shown_and_cleared(web: Web) -> None:
    await fault(web, slack_down=True, search_lag_s=5)
    merged = await web.http.put("/_sandbox/faults", json={"slack_down": False, "jira_down": True})
    wrong = await web.http.put("/_sandbox/faults", json={"slack_dwon": True})

    assert merged.json() == {"search_lag_s": 5, "jira_down": True}
    assert wrong.status_code == 400
    assert "slack_dwon" in wrong.json()["error"]
    assert (await web.http.delete("/_sandbox/faults")).json() == {}


async def test_jira_faults(web: Web) -> None:
    await fault(web, jira_error={"methods": ["GET myself"], "status": 500, "n": 1}, jira_rate_limit={"n": 1})
    limited = await web.jira("GET", "serverInfo")
    broken = await web.jira("GET", "myself")
    await fault(web, jira_down=True)
    down = await web.jira("GET", "myself")

    assert (limited.status_code, limited.headers["ratelimit-reason"]) == (429, "jira-burst-based")
    assert broken.status_code == 500
    assert down.status_code == 503


async def test_a_jira_create_can_be_lost_on_its_way_back(live: Web) -> None:
    await fault(live, accept_then_reset={"methods": ["POST issue"]})
    fields = {"project": {"key": "ML"}, "issuetype": {"name": "Bug"}, "summary": "s"}

    with pytest.raises(httpx.TransportError):
        await live.jira("POST", "issue", json={"fields": fields})

    assert list(live.sandbox.world.issues) == ["ML-1"]
