"""Due days over clocks that jump, and the transaction that makes a period exist."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from bot.config import Decisions, DigestSection, Settings
from bot.digests import schedule
from bot.digests.period import Period, instant
from bot.digests.schedule import due, touch_due
from bot.store.database import Database
from bot.store.tables import Heartbeat, Projection

MINUTE = timedelta(minutes=1)
WEEKLY = DigestSection(channels=("#ml-weekly",), at="Mon 09:00", tz="Europe/Paris")


def daily(at: str, tz: str) -> DigestSection:
    return DigestSection(channels=("#ml",), at=at, tz=tz)


@pytest.mark.parametrize(
    ("at", "tz", "day", "expected"),
    [
        # 02:30 happens twice: its first occurrence. It does not happen: as much later as the clocks jumped.
        ("02:30", "Europe/Paris", date(2026, 10, 25), "2026-10-25T00:30"),
        ("02:30", "Europe/Paris", date(2026, 3, 29), "2026-03-29T01:30"),
        ("09:00", "Europe/Paris", date(2026, 10, 25), "2026-10-25T08:00"),
        ("09:00", "Europe/Paris", date(2026, 10, 24), "2026-10-24T07:00"),
        ("01:30", "America/New_York", date(2026, 11, 1), "2026-11-01T05:30"),
        ("02:30", "America/New_York", date(2026, 3, 8), "2026-03-08T07:30"),
        # Lord Howe moves by half an hour.
        ("01:45", "Australia/Lord_Howe", date(2026, 4, 5), "2026-04-04T14:45"),
        ("02:15", "Australia/Lord_Howe", date(2026, 10, 4), "2026-10-03T15:45"),
        ("09:00", "Australia/Lord_Howe", date(2026, 7, 1), "2026-06-30T22:30"),
        ("09:00", "UTC", date(2028, 2, 29), "2028-02-29T09:00"),
    ],
)
def test_a_local_hour_is_one_instant(at: str, tz: str, day: date, expected: str) -> None:
    digest = daily(at, tz)

    found = instant(digest, day)

    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert due(digest, found, found - MINUTE) == [day]
    assert due(digest, found + timedelta(hours=2), found) == []


@pytest.mark.parametrize("tz", ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"])
@pytest.mark.parametrize("at", ["00:00", "01:45", "02:15", "02:30", "09:00", "23:59"])
def test_every_day_of_a_year_is_due_exactly_once_whatever_the_ticks(at: str, tz: str) -> None:
    digest = daily(at, tz)
    start = datetime(2027, 12, 31, 12, tzinfo=UTC)
    ticks = [start + timedelta(hours=7) * n for n in range(int(370 * 24 / 7))]

    days = [day for before, now in pairwise(ticks) for day in due(digest, now, before)]

    wanted = [date(2028, 1, 1) + timedelta(days=n) for n in range(366)]
    assert [d for d in days if d.year == 2028] == wanted
    assert date(2028, 2, 29) in days


@pytest.mark.parametrize("tz", ["Europe/Paris", "America/New_York", "Australia/Lord_Howe"])
def test_a_weekly_digest_stays_at_its_local_hour_all_year(tz: str) -> None:
    digest = DigestSection(channels=("#ml",), at="Mon 09:00", tz=tz)
    start = datetime(2026, 1, 1, tzinfo=UTC)

    days = due(digest, start + timedelta(days=365), start)

    assert len(days) == 52
    assert {d.weekday() for d in days} == {0}
    assert {instant(digest, d).astimezone(ZoneInfo(tz)).strftime("%H:%M") for d in days} == {"09:00"}


def test_a_day_that_a_zone_skipped_has_no_digest() -> None:
    samoa = daily("09:00", "Pacific/Apia")
    start = datetime(2011, 12, 29, tzinfo=UTC)

    days = due(samoa, start + timedelta(days=4), start)

    assert [d.day for d in days if d.month == 12] == [29, 31]


def test_the_days_told_of_are_whole_local_days_across_a_change_of_clocks() -> None:
    period = Period(daily("09:00", "Europe/Paris"), date(2026, 10, 26))

    assert period.end - period.start == timedelta(hours=25)
    assert period.label == "Sun 25 Oct"


@pytest.mark.parametrize(
    ("day", "label"),
    [
        (date(2026, 11, 23), "16 – 22 Nov"),
        (date(2026, 11, 2), "26 Oct – 1 Nov"),
        (date(2027, 1, 4), "28 Dec – 3 Jan"),
        (date(2028, 3, 6), "28 Feb – 5 Mar"),
    ],
)
def test_a_week_is_named_by_its_days(day: date, label: str) -> None:
    assert Period(WEEKLY, day).label == label


MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY = "slack/digest/weekly/2026-11-23/ml-weekly"
DIGESTS = {"weekly": WEEKLY}


def generations(db: Session) -> dict[str, int]:
    return {row.key: row.generation for row in db.exec(select(Projection))}


def test_a_fresh_installation_does_not_tell_last_monday(db: Session) -> None:
    touched = touch_due(db, MONDAY + timedelta(days=1), DIGESTS)

    assert touched == []
    assert generations(db) == {}


def test_a_digest_and_its_thread_exist_from_its_hour_on(db: Session) -> None:
    touch_due(db, MONDAY - timedelta(days=2), DIGESTS)

    early = touch_due(db, MONDAY - MINUTE, DIGESTS)
    on_time = touch_due(db, MONDAY, DIGESTS)

    assert (early, on_time) == ([], [KEY])
    assert generations(db) == {KEY: 1, f"{KEY}/thread": 1}


def test_a_second_tick_a_restart_and_another_replica_change_nothing(db: Session) -> None:
    touch_due(db, MONDAY - timedelta(days=2), DIGESTS)
    touch_due(db, MONDAY, DIGESTS)

    again = [touch_due(db, MONDAY + n * MINUTE, DIGESTS) for n in range(3)]

    assert again == [[], [], []]
    assert generations(db) == {KEY: 1, f"{KEY}/thread": 1}


def test_of_what_was_missed_while_down_only_the_newest_is_told(db: Session) -> None:
    touch_due(db, MONDAY - timedelta(days=30), DIGESTS)

    touched = touch_due(db, MONDAY + timedelta(days=3), DIGESTS)

    assert touched == [KEY]


def test_a_digest_moved_to_an_hour_of_the_past_waits_for_the_next_one(db: Session) -> None:
    for hour in range(72):
        touch_due(db, MONDAY + timedelta(hours=hour), DIGESTS)
    moved = {"weekly": WEEKLY.model_copy(update={"at": "Tue 09:00"})}

    touched = touch_due(db, MONDAY + timedelta(hours=73), moved)

    assert touched == []


def test_each_channel_gets_a_copy(db: Session) -> None:
    digest = WEEKLY.model_copy(update={"channels": ("#ml-weekly", "C0LEADS")})
    touch_due(db, MONDAY - MINUTE, {"weekly": digest})

    touched = touch_due(db, MONDAY, {"weekly": digest})

    assert touched == [KEY, "slack/digest/weekly/2026-11-23/C0LEADS"]


def test_a_clock_that_is_set_back_meets_the_copies_that_exist(db: Session) -> None:
    touch_due(db, MONDAY - MINUTE, DIGESTS)
    touch_due(db, MONDAY + timedelta(days=30), DIGESTS)
    known = set(generations(db))

    touch_due(db, MONDAY - timedelta(days=3), DIGESTS)
    touched = touch_due(db, MONDAY, DIGESTS)

    assert touched == [KEY]
    assert set(generations(db)) - known == {KEY, f"{KEY}/thread"}


async def test_a_clock_at_any_speed_tells_each_monday_once(database: Database) -> None:
    settings = Settings(decisions=Decisions(digests=DIGESTS))

    for hour in range(0, 24 * 28, 5):
        await schedule.tick(database.write, settings, MONDAY - timedelta(days=1) + timedelta(hours=hour))

    found = sorted(k for k in await database.read(generations) if not k.endswith("/thread"))
    assert [k.split("/")[3] for k in found] == ["2026-11-23", "2026-11-30", "2026-12-07", "2026-12-14"]
    assert await database.read(lambda db: db.get(Heartbeat, "digest:weekly")) is not None


async def test_the_ticker_looks_when_it_starts_and_when_it_is_woken() -> None:
    looks: asyncio.Queue[None] = asyncio.Queue()

    async def look() -> None:
        looks.put_nowait(None)

    scheduler = schedule.start(look, DIGESTS, real_clock=True)
    async with asyncio.timeout(15):
        await looks.get()
        schedule.wake(scheduler, look)
        await looks.get()

    assert {job.id for job in scheduler.get_jobs()} == {"hour:weekly"}
    scheduler.shutdown(wait=False)


async def test_a_new_configuration_replaces_the_hours() -> None:
    async def look() -> None: ...

    scheduler = schedule.start(look, DIGESTS, real_clock=True)
    schedule.set_hours(scheduler, look, {"leads": WEEKLY})

    assert {job.id for job in scheduler.get_jobs()} - {"wake"} == {"hour:leads"}
    scheduler.shutdown(wait=False)


async def test_on_a_sandbox_clock_nothing_hangs_on_the_walls() -> None:
    async def look() -> None: ...

    scheduler = schedule.start(look, DIGESTS, real_clock=False)

    assert scheduler.get_job("hour:weekly") is None
    scheduler.shutdown(wait=False)
