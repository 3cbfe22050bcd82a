"""One delivery to rows: kept as it came, read as far as it can be, and the same again changes nothing."""

import json
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

import integrations.events
from bot.domain.errors import BadSignature, UnsupportedEvent
from bot.domain.facts import ChangeFact, Fact, Unmapped
from bot.ingest.authenticate import Auth
from bot.ingest.receive import Inlet, Intake, read, receive
from bot.ingest.record import record_read
from bot.ingest.rules import Rules
from bot.ports import Delivery as Request
from bot.ports import Source
from bot.store.tables import Change, Delivery, Heartbeat, Model, Version

OPEN = Auth("none", None, "authorization")
CHANGE = {"kind": "change", "change_type": "config", "model": "churn", "summary": "threshold"}
DEPLOYED = {"kind": "deployment", "model": "churn", "version": "3", "occurred_at": "2026-11-23T07:00:00Z"}


def again(world: Any, number: int, facts: Sequence[Fact | Unmapped], reason: str = "") -> Any:
    """Replay a delivery as FACTS."""

    def replay(db: Session) -> Any:
        return record_read(db, db.get_one(Delivery, number), facts, world.now, rules=world.rules, reason=reason)

    return world.run(replay)


def test_a_delivery_is_kept_as_it_came(world: Any) -> None:
    body = json.dumps(CHANGE).encode()

    recorded = world.deliver("events", body)

    row = world.row(Delivery)
    assert zlib.decompress(row.body) == body
    assert (row.id, row.recorded, row.duplicate, row.unmapped) == (recorded.delivery, 1, 0, 0)


def test_what_cannot_be_read_is_kept_with_the_reason(world: Any) -> None:
    recorded = world.deliver("events", b'{"kind": ')

    row = world.row(Delivery)
    assert (recorded.recorded, recorded.unmapped) == (0, 1)
    assert "not JSON" in row.reason
    assert zlib.decompress(row.body) == b'{"kind": '


def test_one_unreadable_event_does_not_cost_the_others(world: Any) -> None:
    recorded = world.deliver(
        "events", [{"kind": "rollout"}, CHANGE, {"kind": "deployment", "model": "churn", "version": "3"}]
    )

    assert (recorded.recorded, recorded.unmapped) == (2, 1)
    assert "rollout" in world.row(Delivery).reason


def test_a_retry_is_counted_and_nothing_else(world: Any) -> None:
    world.deliver("events", [CHANGE, CHANGE])
    world.later(seconds=90)

    recorded = world.deliver("events", [CHANGE, CHANGE])

    assert (recorded.recorded, recorded.duplicate) == (0, 2)
    assert len(world.rows(Change)) == 2
    row = world.row(Delivery)
    assert (row.repeats, row.last_at) == (1, world.now)


def test_the_same_body_later_is_another_delivery(world: Any) -> None:
    world.deliver("events", CHANGE)
    world.later(minutes=3)

    world.deliver("events", CHANGE)

    assert len(world.rows(Delivery)) == len(world.rows(Change)) == 2


def test_the_same_body_of_another_source_is_another_delivery(world: Any) -> None:
    world.record(source="one")

    world.record(source="two")

    assert len(world.rows(Delivery)) == 2


def test_what_says_when_it_happened_is_recorded_once_however_late_it_comes_again(world: Any) -> None:
    world.deliver("events", DEPLOYED)
    world.later(days=2)

    recorded = world.deliver("events", DEPLOYED)

    assert (recorded.recorded, recorded.duplicate) == (0, 1)


def test_an_unreadable_body_is_tried_again_when_it_comes_again(world: Any) -> None:
    world.deliver("events", {"kind": "rollout"})
    world.later(seconds=5)

    recorded = world.deliver("events", {"kind": "rollout"})

    assert recorded.unmapped == 1
    assert world.row(Delivery).repeats == 1


def test_a_replay_records_what_can_be_read_now(world: Any) -> None:
    number = world.deliver("events", {"kind": "rollout"}).delivery
    request = Request("events", json.dumps(CHANGE).encode(), world.now, {}, {})
    facts, reason = read(integrations.events.SOURCE, request)

    recorded = again(world, number, facts, reason)

    row = world.row(Delivery)
    assert (recorded.recorded, row.unmapped, row.reason) == (1, 0, "")
    assert world.row(Change).delivery_id == number


def test_an_admin_is_told_of_what_cannot_be_read_and_when_that_is_over(world: Any) -> None:
    world.rules = Rules(admins=("U01ALICE",))
    number = world.deliver("events", {"kind": "rollout"}).delivery
    world.settle()
    assert "could not be read" in world.says("slack/dm/U01ALICE/unmapped")

    again(world, number, [])
    world.settle()

    assert "Every recent delivery could be read" in world.says("slack/dm/U01ALICE/unmapped")


def test_a_replay_of_what_was_read_changes_nothing(world: Any) -> None:
    number = world.deliver("events", [CHANGE, DEPLOYED, CHANGE]).delivery
    request = Request("events", zlib.decompress(world.row(Delivery).body), world.now, {}, {})
    world.later(days=1)

    recorded = again(world, number, *read(integrations.events.SOURCE, request))

    assert (recorded.recorded, recorded.duplicate) == (0, 3)


def test_a_replay_that_reads_one_event_more_records_that_one(world: Any) -> None:
    first, second = ({**CHANGE, "summary": s} for s in ("one", "two"))
    number = world.deliver("events", [{"kind": "rollout"}, second]).delivery
    mended = Request("events", json.dumps([first, second]).encode(), world.now, {}, {})

    recorded = again(world, number, *read(integrations.events.SOURCE, mended))

    assert (recorded.recorded, recorded.duplicate) == (1, 1)
    assert sorted(c.summary for c in world.rows(Change)) == ["one", "two"]


def test_a_failing_integration_loses_nothing() -> None:
    def broken(_delivery: Request) -> list[Fact]:
        return [1 // 0]  # type: ignore[list-item]

    facts, reason = read(Source(normalize=broken), Request("x", b"{}", None, {}, {}))  # type: ignore[arg-type]

    assert facts == []
    assert "ZeroDivisionError" in reason


def test_what_a_source_does_not_support_is_quiet() -> None:
    def ignores(_delivery: Request) -> list[Fact]:
        raise UnsupportedEvent("ping")

    assert read(Source(normalize=ignores), Request("x", b"{}", None, {}, {})) == ([], "")  # type: ignore[arg-type]


def test_every_delivery_is_a_sign_of_life(world: Any) -> None:
    world.deliver("events", CHANGE)
    world.later(hours=1)

    world.deliver("events", b"?")

    beat = world.run(lambda db: db.get(Heartbeat, "events"))
    assert (beat.last_at, beat.deliveries) == (world.now, 2)


def test_half_of_a_delivery_is_never_written(world: Any) -> None:
    unwritable = ChangeFact(change_type=None, summary="new", occurred_at=world.now)  # type: ignore[arg-type]

    with pytest.raises(IntegrityError):
        world.record(world.alert(), world.rollout("41"), unwritable)

    assert world.rows(Model) == world.rows(Delivery) == []


def intake(world: Any, auth: Auth = OPEN) -> tuple[Intake, Inlet, list[int]]:
    woken: list[int] = []
    inlet = Inlet("events", integrations.events.SOURCE, auth)
    wired = Intake({"events": inlet}, world.database, world.rules, lambda: world.now, lambda: woken.append(1))
    return wired, inlet, woken


async def test_receiving_wakes_the_loop_after_the_commit(world: Any) -> None:
    wired, inlet, woken = intake(world)

    recorded = await receive(wired, inlet, Request("events", json.dumps(CHANGE).encode(), world.now, {}, {}))

    assert (recorded.recorded, woken) == (1, [1])


async def test_a_forged_delivery_is_not_even_stored(world: Any) -> None:
    wired, inlet, woken = intake(world, Auth("bearer", "right", "authorization"))

    with pytest.raises(BadSignature):
        await receive(wired, inlet, Request("events", b"{}", world.now, {"authorization": "Bearer wrong"}, {}))

    assert (world.rows(Delivery), woken) == ([], [])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (r"a\u0000b", "a\ufffdb"),
        (r"a\\u0000b", r"a\u0000b"),
        (r"a\\\u0000b", "a\\\ufffdb"),
        (r"\u0000\u0000", "\ufffd\ufffd"),
    ],
)
async def test_a_nul_does_not_cut_a_text(world: Any, sent: str, kept: str) -> None:
    wired, inlet, _ = intake(world)
    body = f'{{"kind": "change", "change_type": "config", "model": "m", "summary": "{sent}"}}'.encode()

    await receive(wired, inlet, Request("events", body, world.now, {}, {}))

    assert world.row(Change).summary == kept


async def test_a_nul_that_a_package_url_encodes_does_not_cut_a_name(world: Any) -> None:
    wired, inlet, _ = intake(world)
    body = b'{"kind": "version", "artifact": "pkg:mlflow/fraud%00scorer@3%00"}'

    await receive(wired, inlet, Request("events", body, world.now, {}, {}))

    assert [model.name for model in world.rows(Model)] == ["fraud\ufffdscorer"]
    assert world.row(Version).name == "3\ufffd"
