"""Intervals and tests for the numbers of an evaluation, from the standard library alone.

Each interval is two-sided at 95 %, in the unit of its metric. What they are good for, and how often the
popular shortcuts are wrong, was measured: sources.md 8.3.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, fmean
from typing import NamedTuple

ALPHA = 0.05
Z = NormalDist().inv_cdf(1 - ALPHA / 2)

MIN_HISTORY = 8
"""Below this many earlier values a prediction interval is too wide to be of use."""
FEW_DISCORDANT = 25
"""The usual limit under which McNemar's normal approximation is not trusted."""


class Interval(NamedTuple):
    """From low to high, both included."""

    low: float
    high: float


def wilson(successes: float, n: int) -> Interval:
    """Return the interval of a proportion (Wilson 1927). Raises ValueError unless 0 <= successes <= n > 0."""
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    p = successes / n
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return Interval(max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)))


def square_and_add(value: float, own: Interval, baseline: float, base: Interval) -> Interval:
    """Return the interval of VALUE - BASELINE from the interval of each, measured on different rows.

    Zou and Donner 2008 ("MOVER"). From two Wilson intervals it is Newcombe's (1998, method 10).
    """
    difference = value - baseline
    return Interval(
        difference - math.hypot(value - own.low, base.high - baseline),
        difference + math.hypot(own.high - value, baseline - base.low),
    )


def mcnemar(baseline_only: int, candidate_only: int) -> float:
    """Return the exact two-sided p value of two versions that disagree on this many of the same rows.

    The counts are the rows that only the one, only the other gets right (McNemar 1947, binomial form).
    """
    few, many = sorted((baseline_only, candidate_only))
    return 1.0 if few == many else min(1.0, 2 * beta_cdf(0.5, many, few + 1))


def paired(baseline_only: int, candidate_only: int, n: int) -> Interval:
    """Return the interval of the difference of two proportions measured on the same N rows.

    Wald's paired interval from 25 discordant rows on; below that Bonett and Price's (2012), which keeps a
    width when nothing differs. The exact test has the last word: where it can't exclude 0, neither does this.
    """
    extra = 0 if baseline_only + candidate_only >= FEW_DISCORDANT else 2
    size = n + extra
    middle = candidate_only - baseline_only
    half = Z * math.sqrt(baseline_only + candidate_only + extra - middle * middle / size)
    low, high = (middle - half) / size, (middle + half) / size
    if mcnemar(baseline_only, candidate_only) >= ALPHA:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(low, high)


def hanley_mcneil(auc: float, positives: int, negatives: int) -> Interval:
    """Return the interval of an area under a ROC curve from its class counts (Hanley and McNeil 1982).

    Their variance is 0 for a perfect ranking, so it is taken half a row short of that. Raises ValueError for
    a class without rows.
    """
    if min(positives, negatives) <= 0 or not 0 <= auc <= 1:
        raise ValueError(f"AUC {auc} of {positives} and {negatives} rows")
    edge = 0.5 / min(positives, negatives)
    a = min(max(auc, edge), 1 - edge)
    positive_pairs = (positives - 1) * (a / (2 - a) - a * a)
    negative_pairs = (negatives - 1) * (2 * a * a / (1 + a) - a * a)
    half = Z * math.sqrt((a * (1 - a) + positive_pairs + negative_pairs) / (positives * negatives))
    return Interval(auc - half, auc + half)


def mean_interval(value: float, sd: float, n: int) -> Interval:
    """Return the t interval of a mean of N >= 2 values with sample standard deviation SD."""
    half = t_quantile(n - 1) * sd / math.sqrt(n)
    return Interval(value - half, value + half)


def welch(value: float, sd: float, n: int, baseline: float, base_sd: float, base_n: int) -> tuple[Interval, float]:
    """Return interval and p value of the difference of two means (Welch 1947); each n is at least 2."""
    own, base = sd * sd / n, base_sd * base_sd / base_n
    difference, error = value - baseline, math.sqrt(own + base)
    if error == 0:
        return Interval(difference, difference), float(difference == 0)
    share = own / (own + base)
    df = 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (base_n - 1))
    half = t_quantile(df) * error
    return Interval(difference - half, difference + half), t_two_sided(difference / error, df)


def prediction_interval(history: Sequence[float]) -> Interval:
    """Return where the next value should fall, from earlier ones; its order does not matter.

    Holds its 2.5 % a side at every length, as "median +- 3 MAD" does not. Raises ValueError below 8 values.
    """
    if len(history) < MIN_HISTORY:
        raise ValueError(f"{len(history)} earlier values; at least {MIN_HISTORY} are needed")
    n, middle = len(history), fmean(history)
    deviation = math.sqrt(math.fsum((value - middle) ** 2 for value in history) / (n - 1))
    half = t_quantile(n - 1) * deviation * math.sqrt(1 + 1 / n)
    return Interval(middle - half, middle + half)


def two_sided_p(estimate: float, interval: Interval, df: float | None = None) -> float:
    """Return the p value that belongs to an interval: below 0.05 exactly when it does not reach 0.

    `df` are the degrees of the Student t that the interval was made with; None = a normal one.
    """
    half = estimate - interval.low if estimate > 0 else interval.high - estimate
    if half == 0:
        return float(estimate == 0)
    if df is None:
        return 2 * NormalDist().cdf(-Z * abs(estimate) / half)
    return t_two_sided(t_quantile(df) * estimate / half, df)


def benjamini_hochberg(p_values: Sequence[float], q: float = 0.10) -> list[bool]:
    """Return which findings hold when all are looked at together, at most a share Q of them false (1995)."""
    ranked = sorted(p_values)
    limit = max((p for rank, p in enumerate(ranked, 1) if p <= q * rank / len(ranked)), default=-1.0)
    return [p <= limit for p in p_values]


def holm(p_values: Sequence[float]) -> list[bool]:
    """Return which findings hold when one decision rests on all: 5 % for a single false one among them (Holm 1979)."""
    ranked = sorted(p_values)
    failed = next((p for rank, p in enumerate(ranked) if p >= ALPHA / (len(ranked) - rank)), math.inf)
    return [p < failed for p in p_values]


def t_two_sided(t: float, df: float) -> float:
    """Return the chance of a Student t of DF degrees at least as far from 0 as T."""
    return beta_cdf(df / (df + t * t), df / 2, 0.5)


@lru_cache(maxsize=1024)
def t_quantile(df: float) -> float:
    """Return the t that a Student t of DF degrees exceeds, on either side, in 5 % of cases."""
    low, high = 0.0, 1.0
    for _ in range(60):
        x = (low + high) / 2
        low, high = (x, high) if beta_cdf(x, df / 2, 0.5) < ALPHA else (low, x)
    return math.sqrt(df * (1 - high) / high)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b): DLMF 8.17.22 by Lentz's method."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c = 1.0
    d = 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return fraction * math.exp(log_front) / a
