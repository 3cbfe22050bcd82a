"""Offline against live value of one version: the one common symptom that ML engineers name (findings.md F7).

A live value counts once its labels have arrived (F20). Worse than offline is a positive gap.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.facts import EvaluationType
from bot.domain.figures import bounds, decimals_for, number
from bot.domain.measurements import Measured, compare, is_usable
from bot.domain.metrics import SIGNS, Direction
from bot.domain.statistics import Interval

TOLERANCE = 0.03
"""How much worse than offline a live value may be where the configuration gives no margin."""
MATURED = 0.8
"""Share of labels from which a live value counts (findings.md 3.3, I5)."""


@dataclass(frozen=True)
class Gap:
    """How much worse a version does live than it did offline, positive = worse, in the metric's scale."""

    value: float
    interval: Interval | None
    exceeded: bool
    """Above the tolerance, and not explained by chance as far as an interval is known."""
    words: str


def is_matured(
    labelled_fraction: float | None,
    *,
    evaluation_type: EvaluationType = EvaluationType.LIVE,
    labels_late: bool = False,
    enough: float = MATURED,
) -> bool:
    """Return whether enough labels have arrived to judge a value; before that it is provisional (F20).

    Not stated (None) counts as complete, except for live and shadow values of a model whose labels are
    configured to come late (`labels_late`): there silence is no proof.
    """
    if labelled_fraction is not None:
        return labelled_fraction >= enough
    return not (labels_late and evaluation_type in (EvaluationType.LIVE, EvaluationType.SHADOW))


def offline_live_gap(
    offline: Measured,
    live: Measured,
    direction: Direction | None,
    tolerance: float,
    *,
    target: float = 1.0,
    redefined: datetime | None = None,
) -> Gap | None:
    """Return how much worse a version does live than offline (F7); None without a direction or a number.

    For the first *matured* live value of the same metric. Their datasets differ by nature, so keys are not
    compared. `tolerance` is in the metric's scale. `redefined` is when the metric got another definition between
    the two: then nothing is exceeded.
    """
    sign = SIGNS.get(direction)
    if sign is None or not (is_usable(offline.value) and is_usable(live.value)):
        return None
    if comparison := compare(live._replace(discordant=None), offline, direction, target=target):
        low, high = sorted(-sign * bound for bound in comparison.interval)
        gap, interval = -sign * comparison.difference, Interval(low, high)
    elif direction is Direction.TARGET:
        gap, interval = abs(live.value - target) - abs(offline.value - target), None
    else:
        gap, interval = sign * (offline.value - live.value), None
    exceeded = round(gap, 9) > tolerance and (interval is None or interval.low > 0)
    decimals = decimals_for(offline.value, interval)
    both = f"offline {number(offline.value, decimals)} → live {number(live.value, decimals)}"
    if redefined is not None:
        return Gap(gap, interval, False, f"{both}, not comparable, redefined {redefined:%d %b}")
    words = f"{both}, gap {number(gap, decimals)} (tolerance {tolerance:g})"
    if live.n is not None:
        words += f", n {live.n:,}{bounds(interval, decimals)}"
    return Gap(gap, interval, exceeded, words)
