"""Numbers as people read them: a rate in percent, an AUC as 0.912, a duration with its unit, a count in groups."""

import math
from dataclasses import dataclass

from bot.domain.metrics import Direction, plain_name
from bot.slack import text

PERCENT_UNITS = frozenset({"percent", "%", "pct"})
SHARE_UNITS = frozenset({"ratio", "share", "rate", "fraction", "proportion"})
SHARE_WORDS = frozenset(
    {"rate", "share", "ratio", "fraction", "percent", "percentage", "declined", "ctr", "conversion"}
)
SCORE_WORDS = frozenset(
    {
        "auc",
        "auroc",
        "auprc",
        "f1",
        "precision",
        "recall",
        "accuracy",
        "ndcg",
        "psi",
        "brier",
        "ece",
        "r2",
        "iou",
        "map",
    }
)
"""Numbers from 0 to 1 that nobody reads as percent."""
COUNT_UNITS = frozenset({"count", "counts", "rows", "requests", "items"})
NO_UNIT = frozenset({"", "1", "none"})


@dataclass(frozen=True)
class Style:
    """How the values of one metric are written."""

    scale: float = 1.0
    unit: str = ""
    points: str = ""
    """The unit of a difference where it is another one: `pt` beside `%`."""


def style_of(metric: str, unit: str | None, value: float) -> Style:
    """Return how a metric of this name and unit is written; VALUE decides whether `rate` is a share of one."""
    plain = (unit or "").strip()
    words = set(plain_name(metric).split("_"))
    if plain.lower() in PERCENT_UNITS:
        return Style(unit="%", points="pt")
    is_share = plain.lower() in SHARE_UNITS and not words & SCORE_WORDS
    named_share = plain.lower() in NO_UNIT and words & SHARE_WORDS and not words & SCORE_WORDS
    if is_share or (named_share and -1 <= value <= 1):
        return Style(scale=100.0, unit="%", points="pt")
    if plain.lower() in COUNT_UNITS | NO_UNIT | SHARE_UNITS:
        return Style()
    return Style(unit=plain[:12])


def figure(value: float, metric: str = "", unit: str | None = None) -> str:
    """Return the value with its unit: `2.9 %`, `0.912`, `36 ms`, `41 200`."""
    style = style_of(metric, unit, value)
    return _with_unit(_digits(value * style.scale, percent=style.unit == "%"), style.unit)


def sent(value: float, metric: str, unit: str | None) -> str:
    """Return the value of an alert: as `figure`, without zeros that its source did not send."""
    style = style_of(metric, unit, value)
    digits = _digits(value * style.scale, percent=style.unit == "%")
    return _with_unit(digits.rstrip("0").rstrip(".") if "." in digits else digits, style.unit)


def change(value: float, before: float, metric: str, unit: str | None, way: Direction | None) -> str:
    """Return `▾ 0.021 worse`; an arrow only where nobody knows which way is better; empty for no visible change."""
    style = style_of(metric, unit, value)
    if not (math.isfinite(value) and math.isfinite(before)):
        return ""
    size = abs(value - before) * style.scale
    digits = _digits(size, percent=style.unit == "%", like=value * style.scale)
    if not any(c in "123456789" for c in digits):
        return "unchanged"
    return text.join(
        "▴" if value > before else "▾",
        _with_unit(digits, style.points or style.unit),
        better_or_worse(value - before, way),
        by=" ",
    )


def better_or_worse(difference: float, way: Direction | None) -> str:
    """Return the word that says whether a difference is good; empty where nobody told us."""
    match way:
        case Direction.HIGHER:
            return "better" if difference > 0 else "worse"
        case Direction.LOWER:
            return "worse" if difference > 0 else "better"
        case _:
            return ""


def threshold(op: str, value: float, metric: str, unit: str | None) -> str:
    """Return `≤ 2.5 %`."""
    sign = {">=": "≥", "<=": "≤"}.get(op, op)
    return f"{text.escape(sign)} {figure(value, metric, unit)}"


def _digits(value: float, *, percent: bool, like: float | None = None) -> str:
    """Return VALUE with as many decimals as its size deserves, or as a number of the size of `like` has."""
    if not math.isfinite(value):
        return "not a number"
    size = abs(value if like is None else like)
    if percent:
        decimals = 1 if size >= 0.1 or size == 0 else 2
    elif float(value).is_integer() and size >= 1.5:
        decimals = 0
    else:
        decimals = 3 if size < 1.5 else 2 if size < 10 else 1 if size < 1000 else 0
    written = f"{value:z,.{decimals}f}"
    if percent and written.endswith(".0"):
        written = written[:-2]
    return written.replace(",", "\u202f")


def _with_unit(digits: str, unit: str) -> str:
    return f"{digits} {text.escape(unit)}" if unit else digits
