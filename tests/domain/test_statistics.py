"""The intervals and tests: the figures of sources.md 8, the textbook's, and the laws that they obey."""

import math
from random import Random
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.statistics import (
    Interval,
    benjamini_hochberg,
    beta_cdf,
    hanley_mcneil,
    holm,
    mcnemar,
    paired,
    prediction_interval,
    square_and_add,
    t_quantile,
    two_sided_p,
    welch,
    wilson,
)

counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
discordant = st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(800, 5000))


def newcombe(k: int, n: int, base_k: int, base_n: int) -> Interval:
    """Return the interval of a difference of proportions as it is made: of two Wilson intervals."""
    return square_and_add(k / n, wilson(k, n), base_k / base_n, wilson(base_k, base_n))


def points(interval: Interval) -> list[float]:
    """Return an interval of ratios in points, as people say it."""
    return [round(100 * bound, 1) for bound in interval]


def test_v2_of_the_demo_differs_from_v1_on_six_rows_which_says_nothing() -> None:
    assert mcnemar(4, 2) == pytest.approx(0.6875)
    assert paired(4, 2, 800).low < 0 < paired(4, 2, 800).high


def test_v3_of_the_demo_is_worse_when_paired_and_unclear_when_not() -> None:
    assert mcnemar(56, 31) == pytest.approx(0.0097, abs=5e-5)
    assert points(paired(56, 31, 800)) == [-5.4, -0.9]
    assert points(newcombe(625, 800, 650, 800)) == [-7.1, 0.8]


def test_auc_of_800_rows_is_known_to_two_points() -> None:
    interval = hanley_mcneil(0.894, 410, 390)

    assert interval.high - 0.894 == pytest.approx(0.023, abs=5e-4)
    assert square_and_add(0.894, interval, 0.894, interval).high == pytest.approx(0.032, abs=5e-4)


def test_perfect_auc_is_not_certain() -> None:
    assert hanley_mcneil(1.0, 20, 20).low < 0.99


@pytest.mark.parametrize(
    ("k", "n", "low", "high"), [(1, 5, 4, 62), (2, 8, 7, 59), (9, 41, 12, 37), (0, 10, 0, 28), (10, 10, 72, 100)]
)
def test_wilson_gives_the_figures_of_the_findings(k: int, n: int, low: int, high: int) -> None:
    assert [round(100 * bound) for bound in wilson(k, n)] == [low, high]


def test_newcombe_gives_the_figures_of_the_paper() -> None:
    # Newcombe 1998, table II, (a): 56/70 against 48/80, method 10.
    assert [round(bound, 4) for bound in newcombe(56, 70, 48, 80)] == [0.0524, 0.3339]


def test_paired_rows_without_any_difference_still_have_an_interval() -> None:
    interval = paired(0, 0, 800)

    assert mcnemar(0, 0) == 1
    assert 0.003 < interval.high < 0.005


@pytest.mark.parametrize(("df", "t"), [(1, 12.7062), (2, 4.3027), (7, 2.3646), (30, 2.0423), (1e6, 1.95997)])
def test_t_quantile_is_the_one_of_the_tables(df: float, t: float) -> None:
    assert t_quantile(df) == pytest.approx(t, abs=6e-5)


def test_welch_gives_the_figures_of_a_textbook() -> None:
    # R: t.test(extra ~ group, data = sleep): t = -1.8608, df = 17.776, p = 0.07939, [-3.365, 0.205].
    interval, p = welch(0.75, 1.789010, 10, 2.33, 2.002249, 10)

    assert interval == pytest.approx((-3.3655, 0.2055), abs=1e-3)
    assert p == pytest.approx(0.07939, abs=1e-4)


def test_history_needs_eight_values() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        prediction_interval([0.9] * 7)


def test_constant_history_expects_exactly_the_same_again() -> None:
    assert prediction_interval([0.1] * 9) == (0.1, 0.1)


def test_prediction_interval_is_wrong_as_often_as_it_says() -> None:
    random = Random(1)
    runs = 2000

    misses = 0
    for _ in range(runs):
        low, high = prediction_interval([random.gauss(0, 1) for _ in range(8)])
        misses += not low <= random.gauss(0, 1) <= high

    assert misses / runs == pytest.approx(0.05, abs=0.015)


def test_benjamini_hochberg_gives_the_finding_of_the_paper() -> None:
    # Benjamini and Hochberg 1995, section 4.1: four of fifteen at q = 0.05.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]

    assert benjamini_hochberg(p, 0.05) == [True] * 4 + [False] * 11


def test_no_comparisons_have_no_findings() -> None:
    assert benjamini_hochberg([]) == []


def test_holm_gives_the_finding_of_a_textbook() -> None:
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") = 0.03 0.06 0.06 0.02.
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]


def test_one_comparison_holds_exactly_where_its_interval_misses_zero() -> None:
    assert (holm([0.0499]), holm([0.05]), holm([])) == ([True], [False], [])


@pytest.mark.parametrize(("n", "base_n"), [(30, 30), (100, 40), (200, 200)])
def test_newcombe_covers_the_truth_about_as_often_as_it_says(n: int, base_n: int) -> None:
    """Exact, on a grid of two true proportions."""
    cases = [(k, b, newcombe(k, n, b, base_n)) for k in range(n + 1) for b in range(base_n + 1)]

    covered = []
    for p, q in [(0.5, 0.5), (0.81, 0.81), (0.81, 0.6), (0.95, 0.9), (0.1, 0.3)]:
        chance = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        base = [math.comb(base_n, b) * q**b * (1 - q) ** (base_n - b) for b in range(base_n + 1)]
        covered.append(sum(chance[k] * base[b] for k, b, (low, high) in cases if low <= p - q <= high))

    assert min(covered) > 0.93
    assert sum(covered) / len(covered) == pytest.approx(0.955, abs=0.01)


def test_welch_covers_no_difference_as_often_as_it_says() -> None:
    random, runs, missed = Random(3), 1500, 0
    for _ in range(runs):
        few, many = ([random.gauss(1, sd) for _ in range(n)] for sd, n in ((2.0, 9), (0.5, 30)))
        interval, _ = welch(mean(few), stdev(few), len(few), mean(many), stdev(many), len(many))
        missed += not interval.low <= 0 <= interval.high

    assert missed / runs == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("n", [20, 50, 200])
def test_wilson_covers_the_truth_about_as_often_as_it_says(n: int) -> None:
    intervals = [wilson(k, n) for k in range(n + 1)]

    grid = [i / 100 for i in range(5, 96)]
    covered = [
        sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k, (low, high) in enumerate(intervals) if low <= p <= high)
        for p in grid
    ]

    assert min(covered) > 0.91
    assert sum(covered) / len(covered) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(("worse", "better"), [(0.05, 0.05), (0.03, 0.03), (0.012, 0.012)])
def test_paired_interval_covers_no_difference_often_enough(worse: float, better: float) -> None:
    """Exact, over the number of discordant rows of 800 and how they fall."""
    n, share = 800, worse + better
    covered = 0.0
    for m in range(n + 1):
        chance = math.exp(
            math.lgamma(n + 1)
            - math.lgamma(m + 1)
            - math.lgamma(n - m + 1)
            + m * math.log(share)
            + (n - m) * math.log(1 - share)
        )
        if chance > 1e-5:
            covered += chance * sum(
                math.comb(m, b) / 2**m for b in range(m + 1) if (i := paired(b, m - b, n)).low <= 0 <= i.high
            )

    assert 0.945 < covered < 0.985


@given(counts)
def test_wilson_contains_its_estimate_and_stays_a_ratio(count: tuple[int, int]) -> None:
    k, n = count

    low, high = wilson(k, n)

    assert 0 <= low <= k / n <= high <= 1


@given(counts, counts)
def test_newcombe_contains_its_estimate_and_turns_with_its_arguments(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    low, high = newcombe(*one, *other)

    assert low <= one[0] / one[1] - other[0] / other[1] <= high
    assert newcombe(*other, *one) == pytest.approx((-high, -low))


@given(discordant)
def test_paired_interval_contains_its_estimate_and_agrees_with_the_exact_test(case: tuple[int, int, int]) -> None:
    b, c, n = case

    low, high = paired(b, c, n)

    assert low <= (c - b) / n <= high
    assert paired(c, b, n) == pytest.approx((-high, -low))
    if not low <= 0 <= high:
        assert mcnemar(b, c) < 0.05


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_symmetric_and_exact(b: int, c: int) -> None:
    exact = min(1.0, 2 * sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c))

    assert mcnemar(b, c) == mcnemar(c, b) == pytest.approx(exact, rel=1e-9)


@given(st.floats(0.5, 1), st.integers(1, 5000), st.integers(1, 5000))
def test_auc_interval_contains_its_estimate(auc: float, positives: int, negatives: int) -> None:
    low, high = hanley_mcneil(auc, positives, negatives)

    assert low < auc < high


@given(st.integers(1, 200), st.floats(0.01, 0.99), st.data())
def test_beta_distribution_is_the_tail_of_the_binomial(n: int, p: float, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))

    tail = math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))

    assert beta_cdf(p, k, n - k + 1) == pytest.approx(tail, rel=1e-8, abs=1e-12)


@given(st.floats(-10, 10), st.floats(0.01, 10), st.none() | st.floats(1, 100))
def test_p_is_below_five_percent_exactly_where_the_interval_misses_zero(
    estimate: float, half: float, df: float | None
) -> None:
    p = two_sided_p(estimate, Interval(estimate - half, estimate + half), df)

    if abs(abs(estimate) - half) > 1e-6:
        assert (p < 0.05) == (abs(estimate) > half)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_what_holds_for_a_decision_holds_alone_and_in_a_digest(p_values: list[float]) -> None:
    held = holm(p_values)

    assert all(p < 0.05 for p, holds in zip(p_values, held, strict=True) if holds)
    assert all(not kept or wide for kept, wide in zip(held, benjamini_hochberg(p_values, 0.05), strict=True))


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.01, 0.5))
def test_correction_keeps_the_smallest_p_values_and_never_one_above_q(p_values: list[float], q: float) -> None:
    held = benjamini_hochberg(p_values, q)

    kept = [p for p, holds in zip(p_values, held, strict=True) if holds]
    dropped = [p for p, holds in zip(p_values, held, strict=True) if not holds]
    assert all(p <= q for p in kept)
    assert not kept or not dropped or max(kept) < min(dropped)
