"""The raw inbox does not grow for ever, and what keeps things from being done twice stays long enough."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from bot.config import parse
from bot.domain.errors import ConfigError
from bot.store.retention import BATCH, forget_deliveries
from bot.store.tables import Delivery

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def came(db: Session, name: str, *, first: datetime, last: datetime | None = None) -> None:
    db.add(Delivery(source="slack", digest=name, received_at=first, last_at=last or first))
    db.flush()


def left(db: Session) -> list[str]:
    return list(db.exec(select(Delivery.digest).order_by(Delivery.digest)))


def test_what_last_came_long_ago_is_forgotten(db: Session) -> None:
    came(db, "old", first=NOW - 31 * DAY)
    came(db, "old, but came again", first=NOW - 31 * DAY, last=NOW - 2 * DAY)
    came(db, "young", first=NOW - 29 * DAY)
    came(db, "newest", first=NOW)

    assert forget_deliveries(db, NOW - 30 * DAY) == 1
    assert left(db) == ["newest", "old, but came again", "young"]


def test_a_number_is_never_given_out_twice(db: Session) -> None:
    for name in ("a", "b"):
        came(db, name, first=NOW - 40 * DAY)
    numbers = set(db.exec(select(Delivery.id)))

    forget_deliveries(db, NOW - 30 * DAY)
    came(db, "new", first=NOW)

    (number,) = db.exec(select(Delivery.id).where(Delivery.digest == "new"))
    assert number not in numbers


def test_it_goes_in_steps_so_that_nobody_waits_long(db: Session) -> None:
    for n in range(BATCH + 2):
        came(db, str(n), first=NOW - 40 * DAY)

    assert [forget_deliveries(db, NOW - 30 * DAY) for _ in range(3)] == [BATCH, 1, 0]


def test_nobody_can_configure_less_than_26_hours() -> None:
    with pytest.raises(ConfigError, match=r"retention\.deliveries_days"):
        parse("retention: {deliveries_days: 1}")
    assert parse("").retention.deliveries_days == 30
