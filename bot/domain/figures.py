"""How a number stands in a sentence: as many decimals as it deserves, signs on an interval."""

import math

from bot.domain.statistics import Interval

LARGE = 1e12
"""From here on a number is written as a power of ten."""
WHOLE = (0.0, 1.0, 100.0)
"""What a number is never rounded to: nearly all is not all, and little is not nothing."""
NOISE = 1e-9
"""So little is no difference: it comes from calculating in binary."""


def decimals_for(value: float, interval: Interval | None = None) -> int:
    """Return how many decimals to show: three for a ratio, fewer if large, more for a narrow interval."""
    size = abs(value)
    decimals = 3 if size < 1.5 else 2 if size < 10 else 1 if size < 1000 else 0
    half = (interval.high - interval.low) / 2 if interval else 0.0
    return apart(value, decimals if half == 0 else max(decimals, min(8, math.ceil(-math.log10(half)))))


def apart(value: float, decimals: int, *others: float) -> int:
    """Return DECIMALS, or as many more as it takes to write VALUE otherwise than OTHERS and WHOLE that it is not."""
    for other in (*others, *WHOLE):
        distance = abs(value - other)
        if NOISE < distance < 1 and round(value, decimals) == round(other, decimals):
            decimals = math.ceil(-math.log10(distance) - NOISE)
    return decimals


def stated(value: float) -> int:
    """Return with how many decimals people wrote VALUE, six digits at most."""
    return len(f"{value:.6g}".partition(".")[2].partition("e")[0])


def number(value: float, decimals: int, *, plus: str = "") -> str:
    """Return `41,200` or `0.912`; PLUS stands before a positive one, and nothing is minus zero."""
    if abs(value) >= LARGE:
        return f"{value:{plus}.3g}"
    return f"{value:{plus}z,.{decimals}f}"


def bounds(interval: Interval | None, decimals: int) -> str:
    """Return ` [-0.027, +0.015]` with its space in front; empty for no interval."""
    if interval is None:
        return ""
    low, high = (number(bound, decimals, plus="+") for bound in interval)
    return f" [{low}, {high}]"
