"""Judge a measured value against a baseline, honestly: without an interval nothing "regressed".

Rules of sources.md 8.2. The verdict is ours, never the source's. Every difference is candidate - baseline, in
the metric's own scale and sign; whether that is good is said by the verdict only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.figures import bounds, decimals_for, number
from bot.domain.measurements import ALL, Comparison, Measured, compare, incomparable, is_usable, shown
from bot.domain.metrics import SIGNS, Direction, satisfies
from bot.domain.statistics import MIN_HISTORY, Interval, prediction_interval, two_sided_p

NEEDED = ", a change needs "
MIN_SLICE = 100
"""Rows under which a slice is listed and not judged (sources.md 8.1)."""


class Verdict(StrEnum):
    """What may be said of a value."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"
    CHANGED = "changed"
    """It differs, and nobody told us which way is better."""
    BELOW_THRESHOLD = "below_threshold"
    """It misses a fixed threshold, whichever side that is; there was nothing better to compare with."""
    MEETS_THRESHOLD = "meets_threshold"
    OUT_OF_USUAL_RANGE = "out_of_usual_range"
    NOT_COMPARABLE = "not_comparable"
    INSUFFICIENT_DATA = "insufficient_data"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with what it stands on."""

    verdict: Verdict
    facts: str
    """`0.912 (n 41,200), down 0.021 [-0.027, -0.015]`."""
    outcome: str
    """`regressed`, or a few words more."""
    difference: float | None = None
    """Candidate - baseline; for a target: how much further from it; in a history: from its middle."""
    low: float | None = None
    high: float | None = None
    method: str = "none"
    n: int | None = None
    baseline: float | None = None
    """The value that it was compared with; None = with its history, a threshold, or nothing."""
    p: float | None = None
    detectable: float | None = None
    """The smallest change that would have shown with this much data."""
    note: str = ""
    """A reservation for the small print."""

    @property
    def words(self) -> str:
        """Facts and outcome in one fragment of a sentence."""
        return f"{self.facts}: {self.outcome}"

    @property
    def short(self) -> str:
        """The outcome for behind a value and its movement; empty where no verdict is possible."""
        match self.verdict:
            case Verdict.REGRESSED | Verdict.IMPROVED | Verdict.CHANGED | Verdict.EQUIVALENT:
                return str(self.verdict)
            case Verdict.INCONCLUSIVE:
                return self.outcome.partition(NEEDED)[0]
            case Verdict.BELOW_THRESHOLD:
                return "misses its objective"
            case Verdict.MEETS_THRESHOLD | Verdict.INSUFFICIENT_DATA:
                return ""
            case _:
                return self.outcome


def judge(
    candidate: Measured,
    baseline: Measured | None,
    *,
    direction: Direction | None,
    margin: float = 0.0,
    history: Sequence[float] = (),
    threshold: tuple[str, float] | None = None,
    target: float = 1.0,
    min_slice: int = MIN_SLICE,
) -> Judgement:
    """Return what may be said of CANDIDATE against the baseline, else its own history, else a threshold.

    `margin` is the smallest difference that matters, in the metric's scale; `history` are earlier values with
    the same key, any order; `threshold` is an operator and a value; `target` is for Direction.TARGET.
    """
    known = [candidate] if baseline is None else [candidate, baseline]
    if not all(is_usable(measured.value) for measured in known):
        return _unjudged(candidate, "not a number")
    if candidate.slice != ALL and candidate.n is not None and candidate.n < min_slice:
        return _unjudged(candidate, f"too few rows to judge a slice (at least {min_slice})")
    if baseline is not None:
        if reason := incomparable(candidate, baseline):
            return _unjudged(candidate, reason, Verdict.NOT_COMPARABLE)
        if comparison := compare(candidate, baseline, direction, target=target):
            judgement = _by_interval(candidate, comparison, direction, margin, target)
            return replace(judgement, baseline=baseline.value)
    usual = _by_history(candidate, [value for value in history if is_usable(value)])
    if usual and (usual.verdict is Verdict.OUT_OF_USUAL_RANGE or threshold is None):
        return usual
    if threshold is not None:
        met = satisfies(candidate.value, *threshold)
        outcome = f"{'meets' if met else 'misses'} {threshold[0]} {threshold[1]:g}"
        verdict = Verdict.MEETS_THRESHOLD if met else Verdict.BELOW_THRESHOLD
        return _beside(replace(_unjudged(candidate, outcome, verdict), method="threshold"), candidate, baseline)
    if baseline is None:
        return _unjudged(candidate, "no baseline yet")
    return _beside(_unjudged(candidate, "no interval, and nothing to make one of, so no verdict"), candidate, baseline)


def _unjudged(candidate: Measured, outcome: str, verdict: Verdict = Verdict.INSUFFICIENT_DATA) -> Judgement:
    return Judgement(verdict=verdict, facts=shown(candidate), outcome=outcome, n=candidate.n)


def _beside(judgement: Judgement, candidate: Measured, baseline: Measured | None) -> Judgement:
    """Return JUDGEMENT with the value before, which it does not stand on."""
    if baseline is None:
        return judgement
    facts = f"{shown(candidate)}, was {number(baseline.value, decimals_for(baseline.value))}"
    return replace(judgement, facts=facts, difference=candidate.value - baseline.value, baseline=baseline.value)


def _by_interval(
    candidate: Measured, comparison: Comparison, direction: Direction | None, margin: float, target: float
) -> Judgement:
    interval = comparison.interval
    decimals = decimals_for(candidate.value, interval)
    verdict, outcome = _verdict(interval, direction, margin, decimals)
    moved = _moved(comparison.difference, target if direction is Direction.TARGET else None, decimals)
    return Judgement(
        verdict=verdict,
        facts=f"{shown(candidate, decimals)}, {moved}{bounds(interval, decimals)}",
        outcome=outcome,
        difference=comparison.difference,
        low=interval.low,
        high=interval.high,
        method=comparison.method,
        n=candidate.n,
        p=comparison.p,
        detectable=(interval.high - interval.low) / 2,
        note=comparison.note,
    )


def _verdict(interval: Interval, direction: Direction | None, margin: float, decimals: int) -> tuple[Verdict, str]:
    """Return verdict and words; what lies wholly inside the margin is equivalent, however sure."""
    sign = SIGNS.get(direction)
    low, high = sorted((sign or 1) * bound for bound in interval)
    if margin > 0 and -margin < low and high < margin:
        return Verdict.EQUIVALENT, f"equivalent within {margin:g}"
    if low <= 0 <= high:
        needed = number((high - low) / 2, decimals)
        return Verdict.INCONCLUSIVE, f"inconclusive{NEEDED}{needed} to show"
    if sign is None:
        return Verdict.CHANGED, "changed"
    verdict = Verdict.IMPROVED if low > 0 else Verdict.REGRESSED
    beyond = margin > 0 and (low > margin or high < -margin)
    return verdict, f"{verdict} beyond the margin of {margin:g}" if beyond else str(verdict)


def _by_history(candidate: Measured, history: Sequence[float]) -> Judgement | None:
    if len(history) < MIN_HISTORY:
        return None
    usual = prediction_interval(history)
    middle = (usual.low + usual.high) / 2
    difference = candidate.value - middle
    interval = Interval(candidate.value - usual.high, candidate.value - usual.low)
    inside = usual.low <= candidate.value <= usual.high
    side = "within" if inside else "above" if difference > 0 else "below"
    decimals = decimals_for(candidate.value, usual)
    low, high = (number(bound, decimals) for bound in usual)
    return Judgement(
        verdict=Verdict.INCONCLUSIVE if inside else Verdict.OUT_OF_USUAL_RANGE,
        facts=f"{shown(candidate, decimals)}, usually {low} to {high} ({len(history)} values)",
        outcome=f"{side} its usual range",
        difference=difference,
        low=interval.low,
        high=interval.high,
        method="prediction",
        n=candidate.n,
        p=two_sided_p(difference, interval, len(history) - 1),
        detectable=(usual.high - usual.low) / 2,
    )


def _moved(difference: float, target: float | None, decimals: int) -> str:
    amount = number(abs(difference), decimals)
    if float(amount.replace(",", "")) == 0:
        return "unchanged"
    if target is not None:
        return f"{amount} {'further from' if difference > 0 else 'nearer to'} {target:g}"
    return f"{'up' if difference > 0 else 'down'} {amount}"
