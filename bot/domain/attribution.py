"""What changed near the onset of an alert: order in time, never a cause.

Rules of sources.md 7. We say "deployed 11 min before", and how often chance alone puts one that near.
The actor of a change is carried for the card and never ranked by.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from bot.domain.durations import short
from bot.domain.facts import ChangeType
from bot.domain.names import version_label
from bot.domain.stages import same_traffic

DEFAULT_LOOKBACK = timedelta(minutes=10)
"""`for` and query window together, where nobody stated them."""
NEAR = timedelta(minutes=60)
"""How long before the onset a change is still near."""
DAILY = timedelta(hours=12)
"""A lookback from here on: the onset is known to the day, so minutes mean nothing."""
WORTH_SAYING = 0.10
"""Chance of a coincidence from which the words mention it: 5 changes a day, 30 minutes."""

DEPLOYMENTS = frozenset({ChangeType.MODEL, "deployment"})


class Relation(IntEnum):
    """How close a change is to what alerts; the smaller the closer."""

    TARGET = 0
    MODEL = 1
    DEPENDENCY = 2
    ANYWHERE = 3
    """It names no model and may touch every one."""


@dataclass(frozen=True)
class Onset:
    """When the trouble of an alert began, as far as we can tell."""

    at: datetime
    fired_at: datetime
    stated: bool
    """The lookback was stated; else AT is a guess."""
    coarse: bool = False
    """Known to the day only: changes may be listed, none is the nearest."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it alerts."""

    model: str | None
    stage: str | None = None
    """None = what users see."""
    stages: Sequence[str] = ()
    """Its model's own."""
    target: str | None = None
    depends_on: Collection[str] = ()
    """Names of models, features and feeds, from the configuration."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A change or a deployment as far as attribution needs it."""

    change_id: int
    at: datetime
    """When it took effect."""
    kind: str
    """A ChangeType, or `deployment`."""
    model: str | None = None
    """None = it may touch every model."""
    stage: str | None = None
    stages: Sequence[str] = ()
    """Its model's own."""
    target: str | None = None
    version: str | None = None
    actor: str | None = None
    summary: str = ""


@dataclass(frozen=True)
class Suspect:
    """A change near the onset."""

    candidate: Candidate
    relation: Relation
    before: timedelta
    """From the change to the onset; to the firing when the onset is a guess or before the change."""
    coincidence: float | None
    """Chance that a random moment has a change this near before it; None = rate of changes unknown."""
    words: str

    @property
    def change_id(self) -> int:
        """The change's id."""
        return self.candidate.change_id


def onset_of(fired_at: datetime, lookback: timedelta | None = None, *, category: str = "other") -> Onset:
    """Return when the trouble began: the firing minus `for` and query window (10 min if not stated).

    Coarse when the lookback is half a day or more, and for drift that states none: it is judged daily.
    """
    coarse = lookback >= DAILY if lookback is not None else category == "drift"
    begin = fired_at - (DEFAULT_LOOKBACK if lookback is None else lookback)
    return Onset(begin, fired_at, lookback is not None, coarse)


def suspect(
    onset: Onset, candidates: Iterable[Candidate], place: Place, *, changes_per_day: float | None = None
) -> Suspect | None:
    """Return the nearest change; None when there is none near, and always None for a coarse onset."""
    found = nearby(onset, candidates, place, changes_per_day=changes_per_day)
    return found[0] if found and not onset.coarse else None


def nearby(
    onset: Onset, candidates: Iterable[Candidate], place: Place, *, changes_per_day: float | None = None
) -> list[Suspect]:
    """Return the changes from an hour before the onset until the firing, likeliest first (sources.md 7.2).

    Same target before same model before what it depends on, then the nearer to the onset; those after a
    stated onset come last. `changes_per_day` is the recent rate of changes of this place and what it depends on.
    """
    ranked: list[tuple[tuple[bool, int, timedelta, int], Suspect]] = []
    for candidate in candidates:
        near = onset.at - NEAR <= candidate.at <= onset.fired_at
        relation = _relation(candidate, place) if near and concerns(candidate, place) else None
        if relation is not None:
            late = onset.stated and candidate.at > onset.at
            rank = (late, relation, abs(onset.at - candidate.at), candidate.change_id)
            ranked.append((rank, _suspect(onset, candidate, relation, changes_per_day)))
    return [found for _, found in sorted(ranked, key=lambda pair: pair[0])]


def coincidence(changes_per_day: float, within: timedelta) -> float:
    """Return the chance (0-1) that a random moment has one of so many changes a day WITHIN before it."""
    return 1 - math.exp(-changes_per_day * (within / timedelta(days=1)))


def concerns(candidate: Candidate, place: Place) -> bool:
    """Return whether a change may show where it alerts: of its model or of what that depends on, in its traffic."""
    seen = same_traffic(place.stage, candidate.stage, place.stages, candidate.stages)
    return seen and _relation(candidate, place) is not None


def _relation(candidate: Candidate, place: Place) -> Relation | None:
    if place.target and candidate.target == place.target and candidate.model in (None, place.model):
        return Relation.TARGET
    if candidate.model is None:
        return Relation.ANYWHERE
    if candidate.model == place.model:
        return Relation.MODEL
    return Relation.DEPENDENCY if candidate.model in place.depends_on else None


def _suspect(onset: Onset, candidate: Candidate, relation: Relation, changes_per_day: float | None) -> Suspect:
    to_onset = onset.stated and candidate.at <= onset.at
    before = (onset.at if to_onset else onset.fired_at) - candidate.at
    chance = None if changes_per_day is None else coincidence(changes_per_day, before)
    other = f"{candidate.model} " if relation is Relation.DEPENDENCY else ""
    if candidate.kind in DEPLOYMENTS:
        what = f"{other}{version_label(candidate.version) if candidate.version else 'a version'} deployed"
    else:
        what = f"{other}{candidate.kind.replace('_', ' ')} changed"
    words = f"{what} {short(before)} before {'onset' if to_onset else 'the alert'}"
    if chance is not None and changes_per_day is not None and chance >= WORTH_SAYING:
        words += f" ({changes_per_day:.0f} changes a day: {chance:.0%} by chance)"
    return Suspect(candidate, relation, before, chance, words)
