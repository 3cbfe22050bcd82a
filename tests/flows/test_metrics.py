"""What the bot measures of itself is there for Prometheus to read."""

import asyncio
from typing import Any

PATIENCE_S = 30.0
RAISED = {"kind": "change", "change_type": "config", "model": "fraud-scorer", "summary": "Threshold raised"}


async def metrics(company: Any) -> dict[str, float]:
    """Return our samples as they are exposed: `name{label="value"}` -> value."""
    lines = [line for line in (await company.bot.get("/metrics")).text.splitlines() if line.startswith("bellwether_")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def calm(company: Any) -> dict[str, float]:
    """Return our samples of a moment in which nothing waits for the writer."""
    async with asyncio.timeout(PATIENCE_S):
        while (found := await metrics(company))["bellwether_writer_queue"] > 0:  # noqa: ASYNC110 - the other side's state
            await asyncio.sleep(0.02)
    return found


async def test_deliveries_calls_and_lag_are_measured(company: Any) -> None:
    before = await metrics(company)
    await company.deliver("events", RAISED)
    await company.deliver("events", {"kind": "rollout"})
    await company.bot.post("/hooks/events", json=RAISED, headers={"authorization": "Bearer wrong"})
    await company.act("home", user="alice")
    await company.expect("a home is drawn", lambda state: state["homes"])

    after = await calm(company)
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    assert grown['bellwether_facts_total{outcome="recorded",source="events"}'] == 1
    assert grown['bellwether_facts_total{outcome="unmapped",source="events"}'] == 1
    assert grown['bellwether_deliveries_total{source="events",status="401"}'] == 1
    assert grown["bellwether_intake_seconds_count"] == 3
    assert grown['bellwether_slack_calls_total{method="views.publish",outcome="ok"}'] >= 1
    assert after['bellwether_budget_used_ratio{budget="views.publish"}'] > 0
    assert after["bellwether_slack_sockets"] == 2
    assert after["bellwether_slack_last_envelope_timestamp_seconds"] > 0
    assert after['bellwether_oldest_unshown_change_seconds{surface="slack"}'] < 60
    assert after["bellwether_inbox_deliveries"] == 0
