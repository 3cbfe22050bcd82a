"""Which version held the traffic at a moment: the step from an alert to a version (sources.md 7.1).

When traffic was split we do not pick one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from bot.domain.names import version_label
from bot.domain.stages import same_traffic

GRACE = timedelta(hours=1)
"""A stated version may have left traffic this long ago and still be believed."""
WHOLE = 99.5
"""Percent from which traffic counts as all of it."""


class Serving(Protocol):
    """A version that held traffic in one slot (model, stage, target), for a time; rows of the store fit."""

    @property
    def version(self) -> str | None:
        """None = something unknown runs there."""

    @property
    def stage(self) -> str:
        """Canonical name."""

    @property
    def target(self) -> str | None:
        """Service, cluster or region."""

    @property
    def traffic_percent(self) -> float | None:
        """0-100; None = not stated, 0 = shadow or drained."""

    @property
    def since(self) -> datetime:
        """First moment, included."""

    @property
    def until(self) -> datetime | None:
        """Last moment, not included; None = still."""


class How(StrEnum):
    """How we know a version."""

    EXPLICIT = "explicit"
    INFERRED = "inferred"
    SPLIT = "split"
    NONE = "none"


@dataclass(frozen=True)
class Held:
    """Which versions held traffic, and how we know."""

    how: How
    versions: tuple[str, ...]
    """One when explicit or inferred; all, the largest share first, when split."""
    words: str
    """`v42`, `v2 90 %, v3 10 %`, or what is wrong with the label."""

    @property
    def version(self) -> str | None:
        """The one version, or None."""
        return self.versions[0] if self.how in (How.EXPLICIT, How.INFERRED) else None


def version_at(
    servings: Iterable[Serving],
    at: datetime,
    until: datetime | None = None,
    *,
    stage: str | None = None,
    stages: Sequence[str] = (),
    target: str | None = None,
    stated: str | None = None,
) -> Held:
    """Return which versions of one model held traffic at AT, or between AT (onset) and UNTIL (firing).

    `servings` are of one model, at any stage; `stages` are its own ones. `stated` is the version that the alert itself
    names: it wins, with a word of doubt if it did not serve in the hour before.
    """
    until = until or at
    rows = [row for row in servings if row.traffic_percent != 0 and same_traffic(stage, row.stage, stages, stages)]
    rows = [row for row in rows if target is None or row.target in (None, target)]
    live = [row for row in rows if _overlaps(row, at, until)]
    if stated is not None:
        recent = [row.version for row in rows if _overlaps(row, at - GRACE, until)]
        words = version_label(stated)
        if live and stated not in recent:
            words = f"label says {words}, but {_shares(live)} served"
        return Held(How.EXPLICIT, (stated,), words)
    if not live:
        return Held(How.NONE, (), "no version known")
    versions = tuple(dict.fromkeys(row.version for row in _largest_first(live)))
    known = tuple(version for version in versions if version is not None)
    if not known:
        return Held(How.NONE, (), "a version that nobody named")
    if len(versions) == 1 and _adds_up(live):
        return Held(How.INFERRED, known, version_label(known[0]))
    return Held(How.SPLIT, known, _shares(live))


def _overlaps(row: Serving, start: datetime, end: datetime) -> bool:
    return row.since <= end and (row.until is None or row.until > start)


def _largest_first(rows: Sequence[Serving]) -> list[Serving]:
    return sorted(rows, key=lambda row: (-_percent(row), row.since, row.version or ""))


def _percent(row: Serving) -> float:
    return 100.0 if row.traffic_percent is None else row.traffic_percent


def _adds_up(rows: Sequence[Serving]) -> bool:
    """Return whether these rows, all of one version, hold the whole traffic of each target."""
    targets = {row.target for row in rows}
    return all(sum(_percent(row) for row in rows if row.target == target) >= WHOLE for target in targets)


def _shares(rows: Sequence[Serving]) -> str:
    """Return `v2 90 %, v3 10 %`; `v2, then v3` when one followed the other."""
    in_time = sorted(rows, key=lambda row: row.since)
    if all(a.until is not None and a.until <= b.since for a, b in pairwise(in_time)):
        words = ", then ".join(dict.fromkeys(version_label(row.version) for row in in_time))
        if len(in_time) == 1 and not _adds_up(in_time):
            words += f" {_percent(in_time[0]):g} %, rest unknown"
        return words
    several = len({row.target for row in rows}) > 1
    return ", ".join(dict.fromkeys(_share(row, several) for row in _largest_first(rows)))


def _share(row: Serving, several: bool) -> str:
    share = "" if row.traffic_percent is None else f" {row.traffic_percent:g} %"
    return f"{version_label(row.version)}{share}{f' on {row.target}' if several and row.target else ''}"
