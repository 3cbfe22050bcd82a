"""What a part of the benchmark found, as lines of one table. Ratios travel between machines, times do not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Figure:
    """One line: what was measured, the figure, what it is to be compared with, and what was promised."""

    what: str
    measured: str
    ratio: str = ""
    goal: str = ""
    met: bool | None = None
    """Whether the goal was met, where that can be said."""


def milliseconds(seconds: float, digits: int = 1) -> str:
    return f"{seconds * 1000:,.{digits}f} ms"


def spread(seconds: Sequence[float]) -> str:
    """Return median and 99th percentile."""
    return f"{milliseconds(median(seconds))}, p99 {milliseconds(quantiles(seconds, n=100)[98])}"


def print_table(part: str, figures: Iterable[Figure]) -> None:
    signs = {True: "✓ ", False: "✗ ", None: ""}
    rows = [("", "measured", "ratio", "goal")]
    rows += [(f.what, f.measured, f.ratio, signs[f.met] + f.goal) for f in figures]
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    print(f"\n{part}")
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
