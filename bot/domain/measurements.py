"""One measured value, and the best interval of the difference of two that their counts allow.

Best first: the same rows paired, intervals that the source supplied, counts of a proportion (Newcombe), class
counts of an AUC (Hanley-McNeil), means with their spread (Welch). Without any of them there is no interval.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from bot.domain.figures import decimals_for, number
from bot.domain.metrics import Direction, Shape, shape_of
from bot.domain.statistics import (
    Interval,
    hanley_mcneil,
    mcnemar,
    mean_interval,
    paired,
    square_and_add,
    two_sided_p,
    welch,
    wilson,
)

ALL = "all"
SAME_ROWS = "conservative: same rows, pairing not reported"
ROUNDING = 0.0015
"""How far a value may be from its counts: sources send three decimals."""
LARGEST = 1e100
KEY = ("name", "slice", "method", "dataset", "dataset_version", "suite", "suite_version", "stage")
_key = attrgetter(*KEY)


class Measured(NamedTuple):
    """One value of one metric, and what is known about how sure it is and what it was measured on.

    Two are comparable unless something stated of their key (KEY) differs; None = not stated. A tuple, for a table of
    models makes hundreds.
    """

    value: float
    name: str = ""
    n: int | None = None
    """Rows; for a proportion by name its denominator."""
    ci_low: float | None = None
    ci_high: float | None = None
    successes: float | None = None
    """The value is `successes / n`; makes a proportion of any metric (precision: n = predicted positives)."""
    positives: int | None = None
    negatives: int | None = None
    """Rows of each class, for an AUC."""
    sd: float | None = None
    """Sample standard deviation of the n values that this is the mean of."""
    discordant: tuple[int, int] | None = None
    """Of the same n rows: (only the baseline right, only this right). Worth a factor of 4-5 in data."""
    slice: str = ALL
    method: str | None = None
    dataset: str | None = None
    dataset_version: str | None = None
    suite: str | None = None
    suite_version: str | None = None
    stage: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The difference candidate - baseline with its interval; for a target, of the distances to it."""

    difference: float
    interval: Interval
    method: str
    p: float
    note: str = ""


def shown(measured: Measured, decimals: int | None = None) -> str:
    """Return `0.912 (n 41,200)`; decimals by size if not given."""
    value = number(measured.value, decimals_for(measured.value) if decimals is None else decimals)
    return value if measured.n is None else f"{value} (n {measured.n:,})"


def is_usable(value: float) -> bool:
    """Return whether a number can be calculated with: not NaN, not infinite nor near to it."""
    return abs(value) < LARGEST


def incomparable(candidate: Measured, baseline: Measured) -> str:
    """Return why the two can't be compared, in a fragment; empty when they can."""
    for key, ours, theirs in zip(KEY, _key(candidate), _key(baseline), strict=True):
        if ours and theirs and ours != theirs:
            return f"not comparable, {key.replace('_', ' ')} {ours} against {theirs}"
    return ""


def paired_baseline(candidate: Measured, direction: Direction | None) -> Measured | None:
    """Return the baseline that discordant counts imply: the same rows, so its value follows; None without counts."""
    if candidate.discordant is None or not candidate.n or sum(candidate.discordant) > candidate.n:
        return None
    lost, won = _right(candidate.discordant, direction)
    return candidate._replace(value=candidate.value - (won - lost) / candidate.n, successes=None, discordant=None)


def compare(
    candidate: Measured, baseline: Measured, direction: Direction | None, *, target: float = 1.0
) -> Comparison | None:
    """Return the difference with the best interval there is; None when the counts allow none."""
    if direction is not Direction.TARGET and (comparison := _paired(candidate, baseline, direction)):
        return comparison
    own, base = _own_interval(candidate), _own_interval(baseline)
    if own is None or base is None:
        return None
    (interval, method), (base_interval, base_method) = own, base
    value, base_value = candidate.value, baseline.value
    if direction is Direction.TARGET:
        value, interval = _distance(value, interval, target)
        base_value, base_interval = _distance(base_value, base_interval, target)
    elif method == base_method == "mean" and candidate.sd is not None and baseline.sd is not None:
        n, base_n = candidate.n or 0, baseline.n or 0
        difference, p = welch(value, candidate.sd, n, base_value, baseline.sd, base_n)
        return Comparison(value - base_value, difference, "welch", p)
    difference = square_and_add(value, interval, base_value, base_interval)
    same_rows = bool(candidate.dataset_version) and candidate.dataset_version == baseline.dataset_version
    return Comparison(
        value - base_value,
        difference,
        {"wilson": "newcombe"}.get(method, method) if method == base_method else f"{method}/{base_method}",
        two_sided_p(value - base_value, difference),
        SAME_ROWS if same_rows else "",
    )


def _paired(candidate: Measured, baseline: Measured, direction: Direction | None) -> Comparison | None:
    """Compare by discordant counts: right and wrong rows, so for a rate of errors the sign turns."""
    if candidate.discordant is None or not candidate.n or baseline.n not in (None, candidate.n):
        return None
    lost, won = _right(candidate.discordant, direction)
    if min(lost, won) < 0 or lost + won > candidate.n:
        return None
    difference = (won - lost) / candidate.n
    if abs(difference - (candidate.value - baseline.value)) > 2 * ROUNDING:
        return None
    return Comparison(difference, paired(lost, won, candidate.n), "mcnemar", mcnemar(lost, won))


def _right(discordant: tuple[int, int], direction: Direction | None) -> tuple[int, int]:
    """Return how many rows count for the baseline, and for the candidate, in a metric of this direction."""
    return discordant if direction is not Direction.LOWER else (discordant[1], discordant[0])


def _own_interval(measured: Measured) -> tuple[Interval, str] | None:
    """Return the interval of one value and how it came about; None for one that misses its value."""
    found = _stated_or_counted(measured)
    if found is None or not all(map(is_usable, found[0])):
        return None
    (low, high), method = found
    if not low - ROUNDING <= measured.value <= high + ROUNDING:
        return None
    return Interval(min(low, measured.value), max(high, measured.value)), method


def _stated_or_counted(measured: Measured) -> tuple[Interval, str] | None:
    value, n, shape = measured.value, measured.n or 0, shape_of(measured.name)
    if measured.ci_low is not None and measured.ci_high is not None:
        return Interval(measured.ci_low, measured.ci_high), "supplied"
    if n > 0 and measured.successes is not None and 0 <= measured.successes <= n:
        return wilson(measured.successes, n), "wilson"
    if n > 0 and shape is Shape.PROPORTION and 0 <= value <= 1:
        return wilson(value * n, n), "wilson"
    positives, negatives = measured.positives or 0, measured.negatives or 0
    if min(positives, negatives) > 0 and shape is Shape.ROC_AUC and 0 <= value <= 1:
        return hanley_mcneil(value, positives, negatives), "hanley-mcneil"
    if n >= 2 and measured.sd is not None and 0 <= measured.sd < LARGEST:
        return mean_interval(value, measured.sd, n), "mean"
    return None


def _distance(value: float, interval: Interval, target: float) -> tuple[float, Interval]:
    """Return how far a value is from the target, and the interval of that."""
    ends = sorted(abs(bound - target) for bound in interval)
    nearest = 0.0 if interval.low <= target <= interval.high else ends[0]
    return abs(value - target), Interval(nearest, ends[1])
