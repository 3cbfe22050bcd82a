"""What is odd and not wrong: it gets a clear answer, and nothing is lost (evaluations: test_evaluations)."""

from datetime import timedelta
from typing import Any

from bot.demo.stage import words_of

MODEL, CHANNEL = "fraud-scorer", "ml-fraud"


def deployed(version: str, **more: Any) -> dict[str, Any]:
    return {"kind": "deployment", "model": MODEL, "version": version, "stage": "production", **more}


async def ask(company: Any, text: str) -> str:
    """Type a command as bob; returns what only he reads."""
    return words_of(await company.told("command", "bob", channel=CHANNEL, text=text))


async def test_of_two_versions_that_share_the_traffic_both_are_named_and_none_is_picked(company: Any) -> None:
    now = await company.now()
    await company.deliver("events", deployed("12", occurred_at=(now - timedelta(hours=9)).isoformat()))
    began = (now - timedelta(hours=2)).isoformat()
    await company.deliver("events", deployed("13", occurred_at=began, status="in_progress", traffic_percent=10))

    hard = {"kind": "alert", "name": "RejectsPayments", "model": MODEL, "class": "hard", "status": "firing"}
    await company.deliver("events", hard | {"fired_at": now.isoformat()})

    both = "v12 90 %, v13 10 %"
    await company.see(CHANNEL, "slack/incident/1", f"{both} served", "Roll back to v12")
    await company.see(CHANNEL, "slack/group/1", f"{both} served")
    status = await ask(company, f"/model {MODEL}")
    assert f"firing in production: {both}" in status
    assert "`v12` 90 %, 9 h · `v13` 10 %, 2 h" in status
    assert both in await ask(company, "/model")
    assert both in await ask(company, "/model status --all")


async def test_a_clock_three_days_ahead_hides_nothing(company: Any) -> None:
    now = await company.now()
    ahead = (now + timedelta(days=3)).isoformat()
    hard = {"kind": "alert", "name": "RejectsPayments", "model": MODEL, "class": "hard", "fired_at": ahead}

    await company.deliver("events", deployed("12", occurred_at=ahead))
    await company.deliver("events", hard | {"status": "firing"})

    await company.see(CHANNEL, "slack/incident/1", "RejectsPayments", "v12 served", "`v12` deployed")
    await company.see(CHANNEL, "slack/incident/1/changes", "1 change in the 72 h before", "`v12` deployed")
    await company.deliver("events", deployed("13"))
    assert "`v13` 100 %" in await ask(company, f"/model {MODEL}")
    changes = await ask(company, f"/model changes {MODEL}")
    assert changes.index("`v12` → `v13` deployed") < changes.index("model `v12` deployed")

    await company.deliver("events", hard | {"status": "resolved"})

    resolved = words_of(await company.see(CHANNEL, "slack/group/1", "Resolved"))
    assert "-" not in resolved.partition(" after ")[2].partition("·")[0]
    await company.see(CHANNEL, "slack/incident/1", "*INC-1* resolved")


async def test_a_version_that_was_seen_nowhere_else_is_told_with_doubt(company: Any) -> None:
    now = await company.now()
    await company.deliver("events", deployed("12", occurred_at=(now - timedelta(hours=9)).isoformat()))
    alert = {"kind": "alert", "name": "NullRate", "model": MODEL, "version": "99", "fired_at": now.isoformat()}

    await company.deliver("events", alert)

    await company.see(CHANNEL, "slack/group/1", "label says v99, but v12 served")
    assert "`v12` 100 %" in await ask(company, f"/model {MODEL}")
