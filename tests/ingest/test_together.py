"""Deliveries at the same time: recorded together, and yet each for itself."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

import integrations.events
from bot.domain.facts import Fact, VersionFact
from bot.ingest import http
from bot.ingest.authenticate import Auth
from bot.ingest.http import Endpoints, routes
from bot.ingest.receive import Inlet, Intake
from bot.ingest.record import Arrived, Recorded
from bot.ingest.together import Together
from bot.ports import Delivery as Request
from bot.store.tables import Alert, Delivery, Heartbeat


async def at_once(world: Any, *deliveries: list[Fact], source: str = "one") -> list[Recorded | BaseException]:
    """Have deliveries arrive while the writer is busy."""
    together, go_on = Together(world.database, lambda: world.now, world.rules), threading.Event()
    busy = world.database.submit(lambda _db: go_on.wait(10))
    bodies = [str(facts).encode() for facts in deliveries]
    tasks = [
        asyncio.create_task(together.take(Arrived(Request(source, body, world.now, {}, {}), facts)))
        for facts, body in zip(deliveries, bodies, strict=True)
    ]
    await asyncio.sleep(0)
    go_on.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert busy.result()
    return found


async def test_each_is_told_what_its_own_delivery_came_to(world: Any) -> None:
    world.record(world.alert(n=0), source="one")

    found = await at_once(world, *([world.alert(n=n), world.alert(n=n + 100)] for n in range(30)))

    assert [(r.recorded, r.duplicate) for r in found if isinstance(r, Recorded)] == [(1, 1), *[(2, 0)] * 29]
    assert len({r.delivery for r in found if isinstance(r, Recorded)}) == 30
    rows = {row.id: (row.recorded, row.duplicate) for row in world.rows(Delivery)}
    assert all(rows[r.delivery] == (r.recorded, r.duplicate) for r in found if isinstance(r, Recorded))
    assert (world.group().total, world.group().firing) == (60, 60)
    assert world.run(lambda db: db.get_one(Heartbeat, "one")).deliveries == 31


async def test_one_that_cannot_be_recorded_is_kept_with_the_reason_and_harms_no_other(world: Any) -> None:
    unwritable = world.alert(n=1, labels=None, summary=None)

    first, bad, last = await at_once(world, [world.alert(n=0)], [unwritable], [world.alert(n=2)])

    assert isinstance(bad, Recorded)
    assert (bad.recorded, bad.unmapped) == (0, 1)
    assert isinstance(first, Recorded)
    assert isinstance(last, Recorded)
    assert sorted(a.fingerprint for a in world.rows(Alert)) == ["NullRate/fraud-scorer/0", "NullRate/fraud-scorer/2"]
    assert [row.reason.partition(";")[0] for row in world.rows(Delivery, unmapped=1)] == [
        "it could not be recorded (IntegrityError)"
    ]
    assert len(world.rows(Delivery)) == 3


async def test_what_is_said_of_one_episode_is_recorded_in_the_order_in_which_it_came(world: Any) -> None:
    firing, suppressed = world.alert(), world.alert(status="suppressed")

    found = await at_once(world, [firing], [suppressed], [world.alert(summary="worse")])

    assert [r.recorded for r in found if isinstance(r, Recorded)] == [1, 1, 1]
    assert [(a.status, a.summary) for a in world.rows(Alert)] == [("firing", "worse")]
    assert (world.group().total, world.group().firing) == (1, 1)


async def test_other_facts_are_recorded_among_alerts(world: Any) -> None:
    version = VersionFact(model="churn", version="3", occurred_at=world.now)

    found = await at_once(world, [world.alert(n=0)], [version, world.alert(n=1)], [world.alert(n=2, unlisted=3)])

    assert [r.recorded for r in found if isinstance(r, Recorded)] == [1, 2, 1]
    assert (world.group().total, world.group().unlisted) == (3, 3)


@pytest.fixture
async def bot(world: Any) -> AsyncIterator[httpx.AsyncClient]:
    async def ready() -> dict[str, str]:
        return {"db": "ok"}

    inlet = Inlet("events", integrations.events.SOURCE, Auth("none", None, ""))
    intake = Intake({"events": inlet}, world.database, world.rules, lambda: world.now, lambda: None)
    app = Starlette(routes=routes(Endpoints(intake, ready)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot") as client:
        yield client


async def test_who_comes_when_too_many_wait_is_told_so_and_nothing_is_dropped(
    world: Any, bot: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_WAITING", 10)
    go_on = threading.Event()
    busy = world.database.submit(lambda _db: go_on.wait(10))
    alerts = [{"kind": "alert", "name": "Stale", "model": f"m{n}", "fingerprint": str(n)} for n in range(100)]

    asked = [asyncio.create_task(bot.post("/hooks/events", json=alert)) for alert in alerts]
    while sum(task.done() for task in asked) < 50:  # noqa: ASYNC110 - they are refused one by one
        await asyncio.sleep(0)
    go_on.set()
    answers = await asyncio.gather(*asked)

    assert busy.result()
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) >= 50
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    accepted = {str(n) for n, answer in enumerate(answers) if answer.status_code == 202}
    assert {row.fingerprint for row in world.rows(Alert)} == accepted
