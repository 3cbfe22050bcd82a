import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.store.database import Database
from bot.store.tables import Change, Delivery, Projection
from tests.cli.conftest import Bellwether

ROLLOUT = {"kind": "deployment", "model": "fraud-scorer", "version": "42", "id": "r-1"}


@pytest.fixture(autouse=True)
def configured(here: Path) -> None:
    (here / "bellwether.yml").write_text("sources: {events: {}}")


@pytest.fixture
def store(add: Callable[..., Any]) -> Callable[..., None]:
    """Store delivery 7, which an older integration could not read."""

    def store(body: Any, source: str = "events") -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        now = datetime.now(UTC)  # older than a day, it would only fill history
        row = {"digest": "d", "content_type": "application/json", "body": zlib.compress(content)}
        add(Delivery(id=7, source=source, received_at=now, last_at=now, unmapped=1, reason="it was odd", **row))

    return store


def rows(db: Session) -> tuple[Delivery, list[Change], list[Projection]]:
    return db.get_one(Delivery, 7), list(db.exec(select(Change))), list(db.exec(select(Projection)))


def test_what_can_be_read_now_is_recorded_as_if_it_came(
    bellwether: Bellwether, database: Database, store: Callable[..., None]
) -> None:
    store(ROLLOUT)

    ran = bellwether("replay", 7)

    assert (ran.code, ran.out) == (0, "delivery 7 of events: 1 recorded, 0 duplicate, 0 unmapped\n")
    delivery, changes, projections = database.submit(rows).result()
    assert (delivery.recorded, delivery.unmapped, delivery.reason) == (1, 0, "")
    assert [(change.version, change.delivery_id) for change in changes] == [("42", 7)]
    assert [p.key for p in projections if p.lagging] == [f"slack/deployment/{changes[0].id}"]


def test_a_second_replay_records_nothing(
    bellwether: Bellwether, database: Database, store: Callable[..., None]
) -> None:
    store(ROLLOUT)
    bellwether("replay", 7)

    ran = bellwether("replay", 7)

    assert (ran.code, ran.out) == (0, "delivery 7 of events: 0 recorded, 1 duplicate, 0 unmapped\n")
    assert len(database.submit(rows).result()[1]) == 1


def test_what_still_cannot_be_read_is_1_with_the_reason(
    bellwether: Bellwether, database: Database, store: Callable[..., None]
) -> None:
    store([ROLLOUT, {"kind": "party"}])

    ran = bellwether("replay", 7)

    assert ran.code == 1
    assert ran.out.startswith("delivery 7 of events: 1 recorded, 0 duplicate, 1 unmapped\n✗ still unmapped: ")
    assert 'got "party"' in ran.out
    delivery = database.submit(rows).result()[0]
    assert (delivery.recorded, delivery.unmapped) == (1, 1)
    assert "party" in delivery.reason


def test_a_body_that_is_no_json_is_1(bellwether: Bellwether, store: Callable[..., None]) -> None:
    store(b"\xff")

    ran = bellwether("replay", 7)

    assert ran.code == 1
    assert "The body is not JSON" in ran.out


def test_an_unknown_number_is_1(bellwether: Bellwether, database: Database) -> None:
    ran = bellwether("replay", 8)

    assert ran.code == 1
    assert ran.out.startswith("There is no delivery 8;")


def test_an_act_of_a_person_is_not_replayed(bellwether: Bellwether, store: Callable[..., None]) -> None:
    store({"type": "block_actions"}, source="slack")

    ran = bellwether("replay", 7)

    assert ran.code == 1
    assert "an act of a person in slack" in ran.out


def test_a_source_that_is_no_longer_configured_is_2(bellwether: Bellwether, store: Callable[..., None]) -> None:
    store(ROLLOUT, source="grafana")

    ran = bellwether("replay", 7)

    assert ran.code == 2
    assert "'grafana', which is not among `sources:`" in ran.err
