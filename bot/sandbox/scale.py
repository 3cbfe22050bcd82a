"""The arithmetic of an axis: round ticks, room for labels, short numbers."""

import math
from collections.abc import Callable, Sequence

Place = Callable[[float], float]
CHARACTER = 6.4  # width of a digit at the charts' text size, in the units of their view box


def ticks(values: Sequence[float], *, from_zero: bool) -> list[float]:
    """Return 4 to 7 round numbers that enclose the values; at least two, the last above the first."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - (abs(low) * 0.1 or 1), high + (abs(high) * 0.1 or 1)
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(at * step, 10) for at in range(first, last + 1)]


def shown_labels(labels: Sequence[str], width: float) -> list[int]:
    """Return which labels fit side by side; the last one is always among them."""
    if not labels:
        return []
    longest = max(len(label) for label in labels) * CHARACTER + 14
    every = max(1, math.ceil(len(labels) * longest / width))
    return list(range(len(labels) - 1, -1, -every))[::-1]


def number(value: float | None) -> str:
    """Return `0.912`, `1,200` or `1.2M`; nothing is `no data`, which is not zero."""
    if value is None:
        return "no data"
    for size, sign in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
