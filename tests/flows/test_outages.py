"""Slack or Jira away, the disk full, the database locked: nothing lost, nothing twice, and all of it goes on by itself.

What is promised: docs/reference/outages.md.
"""

import asyncio
import json
import resource
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.demo.stage import key_of
from tests.databases import ON_POSTGRESQL
from tests.flows.test_an_alert import CHANNEL, INCIDENT, captured, rooted

MODEL = "fraud-scorer"


async def fault(company: Any, **faults: Any) -> None:
    (await company.sandbox.put("/_sandbox/faults", json=faults)).raise_for_status()


async def ready(company: Any, **wanted: str) -> None:
    """Wait until /readyz says so; it is asked all the while."""

    async def said() -> bool:
        state = (await company.bot.get("/readyz")).json()
        return all(state[name] == word for name, word in wanted.items())

    await until(company, f"/readyz says {wanted}", said)


async def until(company: Any, words: str, found: Any) -> None:
    """Wait until FOUND, which looks elsewhere than at the sandbox."""
    seen = False

    def look(_state: Any) -> bool:
        return seen

    for _ in range(200):
        if await found():
            return
        await company.wait(0.1)
    raise AssertionError(f"{words}: never")


async def passes(company: Any, span: timedelta) -> None:
    await company.set_clock(await company.now() + span)
    await company.wait(0.05)


def rollout(version: int, status: str = "succeeded") -> dict[str, str]:
    named = {"kind": "deployment", "model": MODEL, "stage": "production"}
    return {**named, "version": str(version), "deployment_id": str(version), "status": status}


async def deploys(company: Any, version: int) -> None:
    """Roll VERSION out, as a deployment system says it: begun, and done."""
    for status in ("in_progress", "succeeded"):
        await company.deliver("events", rollout(version, status))


async def test_an_hour_without_slack_is_caught_up_with_one_edit_a_card_and_the_story_in_its_order(company: Any) -> None:
    await company.deliver("alertmanager", captured("single_firing"))
    await company.deliver("alertmanager", of_another_model("drift_alert_without_model_version"))
    await rooted(company)
    await company.see(CHANNEL, f"{INCIDENT}/changes", "Changes")
    await company.see("general", "slack/group/", "FeatureDriftHigh")

    await fault(company, slack_down=True, drop_sockets=True)
    await ready(company, slack="down", db="ok")
    await company.sandbox.delete("/_sandbox/calls")
    for version in range(50, 62):
        await deploys(company, version)
        await company.deliver("alertmanager", of_another_model("drift_alert_without_model_version", status="resolved"))
        await passes(company, timedelta(minutes=5))
    await company.deliver("events", {"kind": "deployment", "model": "churn", "version": "3", "stage": "production"})
    assert not [call for call in await company.calls() if call["api"] == "slack" and not call["error"]]

    await fault(company, slack_down=False)
    await ready(company, slack="connected")
    await company.see(CHANNEL, f"{INCIDENT}/log/", "v61 in production")
    await company.see("general", "slack/group/", "Resolved")
    await company.see("general", "slack/deployment/", "churn")
    state = await company.expect("every deployment has its card", lambda state: deployed(company, state))

    done = [c for c in await company.calls() if c["api"] == "slack" and not c["error"]]
    edits = Counter(call["args"]["ts"] for call in done if call["method"] == "chat.update")
    assert set(edits.values()) == {1}
    story = company.shown(state, CHANNEL, f"{INCIDENT}/log/")
    told = [story.index(f"v{version} in production") for version in range(50, 62)]
    assert told == sorted(told)
    assert len(company.cards(state, CHANNEL, f"{INCIDENT}/log/")) < 12
    copies = Counter(key_of(m) for m in company.cards(state, CHANNEL))
    assert set(copies.values()) == {1}


def of_another_model(name: str, **more: str) -> Any:
    return json.loads(json.dumps(captured(name, **more)).replace(MODEL, "churn"))


def deployed(company: Any, state: Any) -> Any:
    return state if len(company.cards(state, CHANNEL, "slack/deployment/")) == 12 else None


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """No file may grow beyond what the database's files are now: every write that needs room fails."""
    most = max(file.stat().st_size for file in folder.glob("bellwether.db*"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Another process is in the middle of a long transaction."""
    with closing(sqlite3.connect(folder / "bellwether.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def server_away(databases: Any, url: str) -> Iterator[None]:
    """PostgreSQL ends every connection and takes no new one, as while it restarts."""
    name = urlsplit(url).path.strip("/")
    databases.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    databases.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    try:
        yield
    finally:
        databases.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.fixture(params=["server_away"] if ON_POSTGRESQL else ["full_disk", "locked"])
def trouble(
    request: pytest.FixtureRequest, tmp_path: Path, databases: Any, opened_anew: None, database_url: str
) -> Any:
    """What keeps the bot from writing, while a `with` lasts."""
    if request.param == "server_away":
        return server_away(databases, database_url)
    return {"full_disk": full_disk, "locked": locked}[request.param](tmp_path)


async def test_a_database_that_cannot_be_written_refuses_with_503_and_goes_on_afterwards(
    company: Any, trouble: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await company.deliver("alertmanager", captured("single_firing"))
    card = await rooted(company)
    acknowledged = [v for v in range(50, 53) if await deploys(company, v) is None]

    with trouble:
        posts = (company.bot.post("/hooks/events", json=rollout(version)) for version in range(53, 56))
        readiness, *refused = await asyncio.gather(company.bot.get("/readyz"), *posts)
        asked = await company.act("command", user="bob", channel="general", text="/model status fraud-scorer")
        pressed = [await company.press("bob", CHANNEL, card, "incident_update")]

    assert {answer.status_code for answer in refused} == {503}
    assert all(answer.headers["retry-after"] for answer in refused)
    assert (readiness.status_code, readiness.json()["db"]) == (503, "cannot commit")
    assert ("cannot write" if ON_POSTGRESQL else "fraud-scorer") in str(asked["ephemerals"])
    assert ["cannot write" in str(said["ephemerals"]) for said in pressed] == [True]
    await ready(company, db="ok", slack="connected", jira="connected")
    for version in range(53, 56):
        await deploys(company, version)
        acknowledged.append(version)
    for version in acknowledged:
        await company.see(CHANNEL, "slack/deployment/", f"`v{version}`")
    assert "task died" not in caplog.messages


async def test_an_incident_goes_on_without_jira_and_its_ticket_follows(company: Any) -> None:
    await fault(company, jira_error={"status": 401})
    await passes(company, timedelta(minutes=1))
    await ready(company, jira="down", slack="connected", db="ok")

    await company.deliver("alertmanager", captured("single_firing"))
    await company.see(CHANNEL, INCIDENT, "INC-1", "follows; Jira")
    await fault(company, jira_error=False)
    await passes(company, timedelta(minutes=1))

    await ready(company, jira="connected")
    await company.see(CHANNEL, INCIDENT, "ML-1", "To Do")
    assert len((await company.state())["issues"]) == 1


async def test_a_token_that_is_revoked_and_given_back_leaves_no_gap_and_no_double(company: Any) -> None:
    await company.deliver("alertmanager", captured("single_firing"))
    await rooted(company)
    await fault(company, token_revoked=True, drop_sockets=True)
    await deploys(company, 50)
    await passes(company, timedelta(minutes=20))

    await fault(company, token_revoked=False)
    await ready(company, slack="connected")

    await company.see(CHANNEL, "slack/deployment/", "`v50`")
    await company.see(CHANNEL, f"{INCIDENT}/log/", "v50 in production")
    copies = Counter(key_of(m) for m in company.cards(await company.state(), CHANNEL))
    assert set(copies.values()) == {1}
