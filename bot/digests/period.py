"""The days that a digest is about, in its own zone; every date of a digest is computed here.

Two clocks: what happened counts by local days (midnight to midnight), a measured value belongs to the week at whose
hour it was the newest. So a daily window that ends at midnight UTC is not lost to the next week in Paris.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.config import WEEKDAYS, DigestSection, parse_when

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """The local days `first` to `last`, told on the day after at the digest's hour."""

    digest: DigestSection
    day: date
    """The local day of the digest itself, the first one that it is not about."""

    @property
    def weekly(self) -> bool:
        """Whether it is told once a week, else every day."""
        return parse_when(self.digest.at)[0] is not None

    @property
    def length(self) -> timedelta:
        """Seven days or one, by the calendar: with a change of the clocks an hour more or less."""
        return 7 * DAY if self.weekly else DAY

    @property
    def start(self) -> datetime:
        """Midnight before the first day."""
        return _at(self.day - self.length, time.min, self.digest)

    @property
    def end(self) -> datetime:
        """Midnight after the last day; not part of it."""
        return _at(self.day, time.min, self.digest)

    @property
    def hour(self) -> datetime:
        """When it is told; what is open then is open."""
        return instant(self.digest, self.day)

    @property
    def label(self) -> str:
        """`16 – 22 Nov`, `28 Oct – 3 Nov`, or `Sun 22 Nov` for one day."""
        first, last = self.day - self.length, self.day - DAY
        if not self.weekly:
            return f"{last:%a} {short(last)}"
        begin = str(first.day) if first.month == last.month else short(first)
        return f"{begin} – {short(last)}"

    @property
    def next_hour(self) -> str:
        """When the next one comes, `Mon 30 Nov 09:00`, by the clocks of the digest's zone."""
        following = next(d for d in (self.day + n * DAY for n in range(1, 10)) if told_on(self.digest, d))
        return f"{following:%a} {short(following)} {parse_when(self.digest.at)[1]:%H:%M}"

    def edges(self, count: int) -> list[datetime]:
        """Return COUNT + 1 instants, newest first: a value between two of them belongs to that week (or day)."""
        return [instant(self.digest, self.day - n * self.length) for n in range(count + 1)]

    def begins(self, back: int) -> date:
        """Return the first day of this period (0), the one before (1) and so on: its name on an axis."""
        return self.day - (back + 1) * self.length

    def contains(self, at: datetime | None) -> bool:
        """Return whether AT lies within the days told of."""
        return at is not None and self.start <= at < self.end

    def local(self, at: datetime) -> date:
        """Return the local day of AT."""
        return local_day(self.digest, at)


def instant(digest: DigestSection, day: date) -> datetime:
    """Return when the digest of local day DAY is told, in UTC.

    A time that occurs twice (autumn) is its first occurrence; one that does not occur (spring) comes as much later as
    the clocks jumped.
    """
    return _at(day, parse_when(digest.at)[1], digest)


def told_on(digest: DigestSection, day: date) -> bool:
    """Return whether the digest is told on local day DAY."""
    weekday = parse_when(digest.at)[0]
    if weekday is not None and WEEKDAYS[day.weekday()] != weekday:
        return False
    # Where a zone crosses the date line a whole day does not exist (Samoa, 30 December 2011).
    return _at(day, time.min, digest) < _at(day + DAY, time.min, digest)


def local_day(digest: DigestSection, now: datetime) -> date:
    """Return today by the clocks of the digest's zone: the day of a preview."""
    return now.astimezone(ZoneInfo(digest.tz)).date()


def short(day: date) -> str:
    """Return `2 Nov`."""
    return f"{day.day} {day:%b}"


def _at(day: date, clock: time, digest: DigestSection) -> datetime:
    return datetime.combine(day, clock, ZoneInfo(digest.tz)).astimezone(UTC)
