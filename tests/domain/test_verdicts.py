"""Verdicts that are read together, and day after day: what chance alone may do to them."""

import math
from random import Random

import pytest

from bot.domain.evaluations import Judgement, Verdict, judge
from bot.domain.measurements import Measured
from bot.domain.metrics import Direction
from bot.domain.statistics import benjamini_hochberg, holm
from bot.domain.verdicts import in_a_row, together


def accuracy(right: int, n: int = 5000) -> Measured:
    return Measured(name="accuracy", value=right / n, n=n, successes=right)


def verdict(right: int, base: int = 4050, n: int = 5000) -> Judgement:
    return judge(accuracy(right, n), accuracy(base, n), direction=Direction.HIGHER)


def binomial(random: Random, n: int, p: float, runs: int) -> list[int]:
    """Draw how many of N rows are right, RUNS times."""
    log = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
    weights = [math.exp(log[k] + k * math.log(p) + (n - k) * math.log(1 - p)) for k in range(n + 1)]
    return random.choices(range(n + 1), weights, k=runs)


SURE, FAINT, NOTHING = verdict(3800), verdict(3965), verdict(4050)


@pytest.mark.parametrize("n", [200, 800, 5000])
def test_of_evaluations_without_a_change_one_in_forty_is_called_regressed(n: int) -> None:
    runs = 4000
    right = binomial(Random(8), n, 0.81, 2 * runs)

    pairs = zip(right[::2], right[1::2], strict=True)
    called = sum(verdict(one, other, n).verdict is Verdict.REGRESSED for one, other in pairs)

    assert called / runs == pytest.approx(0.025, abs=0.0075)


def test_faint_regression_of_one_metric_holds_alone() -> None:
    assert FAINT.verdict is Verdict.REGRESSED
    assert together([FAINT], holm) == [FAINT]


def test_faint_regression_among_others_does_not_hold_and_says_so() -> None:
    first, second, third = together([SURE, FAINT, NOTHING], holm)

    assert (first, third) == (SURE, NOTHING)
    assert second.verdict is Verdict.INCONCLUSIVE
    assert second.short == "inconclusive (regressed alone, not as one of 3 comparisons)"
    assert second.facts == FAINT.facts


def test_values_without_an_interval_are_not_counted_as_comparisons() -> None:
    bare = judge(Measured(name="rmse", value=0.4), Measured(name="rmse", value=0.3), direction=Direction.LOWER)

    assert together([bare, FAINT], holm) == [bare, FAINT]


def test_a_digest_in_which_nothing_changed_names_a_regression_one_time_in_ten() -> None:
    digests, named = 120, 0
    right = iter(binomial(Random(5), 5000, 0.81, 200 * digests))
    for _ in range(digests):
        found = together([verdict(next(right), next(right)) for _ in range(100)], benjamini_hochberg)
        named += any(j.verdict is not Verdict.INCONCLUSIVE for j in found)

    assert named / digests < 0.2


def test_a_monitor_waits_for_the_second_in_a_row() -> None:
    once = in_a_row(SURE, [SURE, NOTHING])

    assert once.verdict is Verdict.INCONCLUSIVE
    assert once.short == "inconclusive (regressed once, two in a row would count)"


def test_two_in_a_row_regressed_also_when_the_second_is_no_worse_than_the_first() -> None:
    twice = in_a_row(NOTHING, [SURE, SURE])

    assert twice.verdict is Verdict.REGRESSED
    assert twice.outcome == "regressed, two in a row"
    assert twice.short == "regressed"


def test_up_and_down_is_nothing_in_a_row() -> None:
    better = verdict(4300)

    assert in_a_row(NOTHING, [better, SURE]).verdict is Verdict.INCONCLUSIVE
