"""How values, changes and counts stand in a digest: units on every number, `n` on every share, no plural by `(s)`."""

import math
from collections.abc import Sequence
from datetime import date, datetime

from bot.digests.metric import Metric
from bot.digests.period import Period, short
from bot.digests.values import Reading
from bot.domain.figures import apart, decimals_for, number, stated
from bot.domain.metrics import Direction
from bot.domain.units import style_of

FEW = 10
"""Under this many, a share is said as a count: `1 of 5` is anything from 4 to 62 % (findings.md 3.4)."""
SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}
THIN = "\u202f"
"""Between thousands."""
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def value_of(metric: Metric, value: float) -> str:
    """Return `2.2 %`, `0.912`, `311`, `36 ms`; never as the objective that it misses."""
    scaled, unit = _scaled(metric, value)
    others = () if metric.objective is None else (_scaled(metric, metric.objective[1])[0],)
    return f"{_figure(scaled, others=others)} {unit}".rstrip()


def objective_of(metric: Metric) -> str:
    """Return `SLO ≤ 2.5 %`, with all digits that somebody wrote; empty without one."""
    if metric.objective is None:
        return ""
    scaled, unit = _scaled(metric, metric.objective[1])
    return f"SLO {SIGNS[metric.objective[0]]} {_figure(scaled, least=stated(scaled))} {unit}".rstrip()


def difference_of(metric: Metric, now: float, before: float, *, judged: bool = False) -> str:
    """Return `▴ 0.1 pt worse`, `▾ 12`, or `=` where the same is shown; bare where a verdict follows."""
    (scaled, unit), (base, _) = _scaled(metric, now), _scaled(metric, before)
    size = _figure(abs(scaled - base), like=max(abs(scaled), abs(base)))
    if not any(c in "123456789" for c in size):
        return "="
    arrow = "▴" if now > before else "▾"
    amount = f"{size} pt" if unit == "%" else f"{size} {unit}".strip()
    return " ".join(filter(None, (arrow, amount, "" if judged else _better_or_worse(metric, now, before))))


def unit_of(metric: Metric) -> str:
    """Return the unit in which a metric is shown; empty for a plain number."""
    return _scaled(metric, 0.0)[1]


def drawn_value(metric: Metric, value: float) -> float:
    """Return VALUE in the unit in which it is shown, to the digits that a chart can show."""
    return float(f"{_scaled(metric, value)[0]:.6g}")


def labels_of(reading: Reading, period: Period) -> str:
    """Return `labels to 14 Nov (30 % labelled), 9 days unseen`: what of the truth is here; empty where nobody said."""
    share = "" if reading.labelled_fraction is None else f"{100 * reading.labelled_fraction:.0f} % labelled"
    if reading.labels_until is None:
        return share
    words = f"labels to {day_of(reading.labels_until, period)}" + (f" ({share})" if share else "")
    unseen = (period.hour - reading.labels_until).days
    return f"{words}, {count(unseen, 'day')} unseen" if unseen > 0 else words


def share(part: int, whole: int) -> str:
    """Return `3 of 4`, or from ten on `45 % of 20`."""
    return f"{part} of {whole}" if whole < FEW else f"{100 * part / whole:.0f} % of {whole}"


def count(n: int, one: str, many: str | None = None) -> str:
    """Return `1 change`, `2 changes`, `0 changes`."""
    return f"{grouped(n)} {one if n == 1 else many or one + 's'}"


def grouped(n: int) -> str:
    """Return `41 200`."""
    return f"{n:,}".replace(",", THIN)


def spelled(n: int) -> str:
    """Return a small number as a word, for the middle of a sentence."""
    return SMALL[n] if n < len(SMALL) else grouped(n)


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return `a, b and c`, or `a, b, c and 4 more`."""
    shown, rest = list(names[:most]), len(names) - most
    if rest > 0:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def day_of(at: datetime, period: Period) -> str:
    """Return the local day of AT, `14 Nov`."""
    return short(period.local(at))


def weekday_of(at: datetime, period: Period) -> str:
    """Return `Monday` for a day that is told of, `Mon 9 Nov` for another."""
    day: date = period.local(at)
    return f"{day:%A}" if period.contains(at) else f"{day:%a} {short(day)}"


def _scaled(metric: Metric, value: float) -> tuple[float, str]:
    style = style_of(metric.name, metric.unit, 0.0 if metric.within_one else math.inf)
    return value * style.scale, style.unit


def _figure(value: float, *, like: float | None = None, others: Sequence[float] = (), least: int = 0) -> str:
    """Return VALUE with the decimals that a number of the size of LIKE deserves, without zeros at the end.

    More where it would else look like one of OTHERS, or has LEAST so many.
    """
    size = value if like is None else like
    figure = number(value, max(least, apart(size, decimals_for(size), *others)))
    figure = figure.rstrip("0").rstrip(".") if "." in figure and "e" not in figure else figure
    return figure.replace(",", THIN)


def _better_or_worse(metric: Metric, now: float, before: float) -> str:
    match metric.direction:
        case Direction.HIGHER:
            return "better" if now > before else "worse"
        case Direction.LOWER:
            return "better" if now < before else "worse"
        case _:
            return ""
