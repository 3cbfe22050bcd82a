"""How often a verdict is wrong when nothing changed, and how often it finds what did: the product's own `judge`."""

import math
from random import Random
from statistics import NormalDist

from benchmarks.figures import Figure
from bot.domain.evaluations import Judgement, Verdict, judge
from bot.domain.measurements import Measured
from bot.domain.metrics import Direction
from bot.domain.statistics import benjamini_hochberg
from bot.domain.verdicts import in_a_row, together

ACCURACY = 0.81
EVALUATIONS, MOST_EVALUATIONS = 10_000, 40_000
SIZES = (200, 800, 5_000)
DIGESTS, METRICS = 400, 100
MONTHS, DAYS = 2_000, 30


async def measure(evaluations: int = EVALUATIONS) -> list[Figure]:
    dice = Random(20)
    return [*(_unchanged(dice, n, evaluations) for n in SIZES), *_dropped(dice), _digests(dice), _monitors(dice)]


def _unchanged(dice: Random, n: int, evaluations: int) -> Figure:
    """Two evaluations of the same truth, again and again."""
    pairs = zip(_right(dice, n, ACCURACY, evaluations), _right(dice, n, ACCURACY, evaluations), strict=True)
    wrong = naive = 0
    for candidate, baseline in pairs:
        wrong += _judged(candidate, baseline, n).verdict is Verdict.REGRESSED
        naive += candidate < baseline
    what = f"no change, n {n:,}: called regressed"
    return Figure(what, _percent(wrong, evaluations), f"{naive / max(wrong, 1):.0f}x less than lower", "2.5 % +- 0.5")


def _dropped(dice: Random) -> list[Figure]:
    """Two points worse on the same rows: 5 % that only the baseline gets right, 3 % that only the candidate does."""
    n, runs = 2_000, 4_000
    paired = alone = 0
    for baseline in _right(dice, n, ACCURACY, runs):
        (lost,), (won,) = _right(dice, n, 0.05, 1), _right(dice, n, 0.03, 1)
        paired += _judged(baseline + won - lost, baseline, n, (lost, won)).verdict is Verdict.REGRESSED
        alone += _judged(baseline + won - lost, baseline, n).verdict is Verdict.REGRESSED
    return [
        Figure(f"2 points worse, n {n:,}: found unpaired", _percent(alone, runs), "1x"),
        Figure(f"2 points worse, n {n:,}: found paired", _percent(paired, runs), f"{paired / max(alone, 1):.1f}x"),
    ]


def _digests(dice: Random) -> Figure:
    """A digest of 100 metrics of which none changed."""
    n, false = 5_000, 0
    for _ in range(DIGESTS):
        pairs = zip(_right(dice, n, ACCURACY, METRICS), _right(dice, n, ACCURACY, METRICS), strict=True)
        found = together([_judged(*pair, n) for pair in pairs], benjamini_hochberg)
        false += any(one.verdict is not Verdict.INCONCLUSIVE for one in found)
    return Figure(f"digest of {METRICS} unchanged metrics: any finding", _percent(false, DIGESTS), goal="10 %")


def _monitors(dice: Random) -> Figure:
    """Thirty daily looks at a metric that does not change, as the status shows them."""
    n, false = 5_000, 0
    for _ in range(MONTHS):
        days = _right(dice, n, ACCURACY, DAYS + 2)
        for day in range(2, DAYS + 2):
            newest, before, base = days[day], days[day - 1], days[day - 2]
            both = [_judged(newest, base, n), _judged(before, base, n)]
            if in_a_row(_judged(newest, before, n), both).verdict is Verdict.REGRESSED:
                false += 1
                break
    return Figure(f"{DAYS} daily looks, nothing changed: any regression", _percent(false, MONTHS))


def _judged(right: int, baseline: int, n: int, discordant: tuple[int, int] | None = None) -> Judgement:
    one = Measured(name="accuracy", value=right / n, n=n, discordant=discordant)
    return judge(one, Measured(name="accuracy", value=baseline / n, n=n), direction=Direction.HIGHER)


def _right(dice: Random, n: int, p: float, runs: int) -> list[int]:
    """Draw how many of N rows are right, RUNS times, from the binomial within 8 deviations of its mean."""
    spread = 8 * math.sqrt(n * p * (1 - p)) + 8
    counts = range(max(0, int(n * p - spread)), min(n, int(n * p + spread)) + 1)
    weights = [math.exp(_log_chance(n, k, p)) for k in counts]
    return dice.choices(counts, weights, k=runs)


def _log_chance(n: int, k: int, p: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + k * math.log(p) + (n - k) * math.log(1 - p)


def _percent(part: int, whole: int) -> str:
    share = part / whole
    error = NormalDist().inv_cdf(0.975) * math.sqrt(share * (1 - share) / whole)
    return f"{share:.2%} +- {error:.2%} of {whole:,}"
