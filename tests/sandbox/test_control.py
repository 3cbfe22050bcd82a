"""State, clock, story, the file and the doors."""

import asyncio
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot.sandbox.box import Sandbox
from bot.sandbox.clock import Clock
from bot.sandbox.manifest import load
from bot.sandbox.server import listen, running
from bot.sandbox.settings import Settings
from bot.sandbox.store import Store
from tests.sandbox.conftest import MONDAY, Web


async def test_the_world_at_the_start(web: Web) -> None:
    state = (await web.http.get("/_sandbox/state")).json()

    assert [channel["name"] for channel in state["channels"]] == ["general", "ml-fraud", "ml-weekly", "ml-leads"]
    assert all("U00BELLWETHER" in channel["members"] for channel in state["channels"])
    assert [user["name"] for user in state["users"]][:3] == ["alice", "bob", "dana"]
    assert state["issues"] == []
    assert state["clock"]["now"] == "2026-11-23T08:00:00+00:00"


async def test_the_clock_runs_jumps_and_stops() -> None:
    clock = Clock(MONDAY, speed=3600)
    await asyncio.sleep(0.02)
    fast = clock.now()
    clock.run_at(0)
    stopped = clock.now()
    clock.advance(timedelta(days=1))

    assert fast - MONDAY > timedelta(minutes=1)
    assert clock.now() == stopped + timedelta(days=1)


async def test_sleepers_wake_when_the_clock_jumps() -> None:
    clock = Clock(MONDAY, speed=0)
    sleeper = asyncio.create_task(clock.sleep(timedelta(hours=1)))
    await asyncio.sleep(0)

    clock.advance(timedelta(minutes=30))
    await asyncio.sleep(0.01)
    early = sleeper.done()
    clock.advance(timedelta(minutes=31))

    await asyncio.wait_for(sleeper, 15)
    assert not early


async def test_the_clock_can_be_steered_and_followed(web: Web) -> None:
    before = (await web.http.get("/_sandbox/clock")).json()
    waiting = asyncio.create_task(
        web.http.get("/_sandbox/clock", params={"after": before["version"], "wait": 5}),
    )
    await asyncio.sleep(0.01)

    steered = await web.http.post("/_sandbox/clock", json={"set": "2026-11-30T09:00:00+01:00", "speed": 0})
    followed = await asyncio.wait_for(waiting, 4)
    advanced = await web.http.post("/_sandbox/clock", json={"advance_s": 90})
    wrong = await web.http.post("/_sandbox/clock", json={"set": "tomorrow"})

    assert followed.json()["now"] == steered.json()["now"] == "2026-11-30T08:00:00+00:00"
    assert followed.json()["version"] > before["version"]
    assert advanced.json()["now"] == "2026-11-30T08:01:30+00:00"
    assert wrong.status_code == 400


async def test_nothing_new_is_answered_after_the_wait(web: Web) -> None:
    version = (await web.http.get("/_sandbox/state")).json()["version"]
    begun = time.monotonic()

    again = await web.http.get("/_sandbox/state", params={"after": version, "wait": 0.05})

    assert again.json()["version"] == version
    assert time.monotonic() - begun >= 0.05


async def test_the_story_is_a_blackboard(web: Web) -> None:
    steps = [{"n": 1, "title": "Deploy", "state": "waiting"}]
    told = (await web.http.post("/_sandbox/story", json={"title": "Drift", "steps": steps})).json()
    waiting = asyncio.create_task(web.http.get("/_sandbox/story", params={"after": told["version"], "wait": 5}))
    await asyncio.sleep(0.01)

    await web.http.post("/_sandbox/story", json={"go": 1})
    heard = (await asyncio.wait_for(waiting, 4)).json()

    assert (heard["title"], heard["steps"], heard["go"]) == ("Drift", steps, 1)


async def test_the_world_survives_in_a_file(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state.json")
    async with running(settings) as first, httpx.AsyncClient(base_url=first.address, trust_env=False) as http:
        await http.post("/_sandbox/message", json={"user": "alice", "channel": "general", "text": "kept"})
    async with running(settings) as second:
        kept = [message["text"] for message in second.world.messages["C01GENERAL"]]
        fresh = second.world.new_ts()

    assert kept == ["kept"]
    assert fresh > second.world.messages["C01GENERAL"][0]["ts"]
    assert os.listdir(tmp_path) == ["state.json"]  # noqa: PTH208 - no draft is left


def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"format": 99}))

    with pytest.raises(ValueError, match="not the state of a sandbox"):
        Store(Sandbox(Settings()).world, path).load()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8765"}, 200),
        ({"Host": "[::1]:8765"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:8765"}, 200),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_the_doors(web: Web, headers: dict[str, str], status: int) -> None:
    response = await web.http.post("/_sandbox/story", json={}, headers=headers)

    assert response.status_code == status


async def test_a_page_elsewhere_may_link_to_ours_but_not_call(web: Web) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    linked = await web.http.get("/jira", headers=elsewhere)
    called = await web.http.get("/api/auth.test?token=xoxb-sandbox", headers=elsewhere)

    assert linked.status_code == 200
    assert called.status_code == 403


def test_only_loopback_is_listened_on() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        listen("0.0.0.0", 0)


def test_a_manifest_tells_commands_scopes_and_events(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(
        "features: {slash_commands: [{command: /m, should_escape: true}]}\n"
        "oauth_config: {scopes: {bot: [chat:write], bot_optional: [pins:write]}}\n"
        "settings: {event_subscriptions: {bot_events: [app_mention]}}\n"
    )

    manifest = load(path)

    assert manifest.commands["/m"].should_escape
    assert manifest.scopes == ("chat:write", "pins:write")
    assert manifest.events == {"app_mention"}


def test_the_clock_is_in_utc() -> None:
    clock = Clock()
    clock.set(datetime.fromisoformat("2026-11-23T09:00:00+01:00"), speed=0)

    assert clock.now().tzinfo is UTC
    assert clock.now().hour == 8
