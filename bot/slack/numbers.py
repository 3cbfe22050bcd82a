"""Numbers as people read them: a rate in percent, an AUC as 0.912, a duration with its unit, a count in groups."""

import math
from collections.abc import Sequence

from bot.domain.figures import apart, number, stated
from bot.domain.metrics import Direction
from bot.domain.units import style_of
from bot.slack import text


def figure(value: float, metric: str = "", unit: str | None = None, *, against: float | None = None) -> str:
    """Return the value with its unit: `2.9 %`, `0.912`, `36 ms`, `41 200`; never as what it is held AGAINST."""
    style = style_of(metric, unit, value)
    others = () if against is None else (against * style.scale,)
    return _with_unit(_digits(value * style.scale, percent=style.unit == "%", others=others), style.unit)


def sent(value: float, metric: str, unit: str | None, *, against: float | None = None) -> str:
    """Return the value of an alert: as `figure`, without zeros that its source did not send."""
    style = style_of(metric, unit, value)
    others = () if against is None else (against * style.scale,)
    digits = _digits(value * style.scale, percent=style.unit == "%", others=others)
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
    """Return `≤ 2.5 %`, with all digits that somebody wrote."""
    sign, style = {">=": "≥", "<=": "≤"}.get(op, op), style_of(metric, unit, value)
    digits = _digits(value * style.scale, percent=style.unit == "%", least=stated(value * style.scale))
    return f"{text.escape(sign)} {_with_unit(digits, style.unit)}"


def _digits(
    value: float, *, percent: bool, like: float | None = None, others: Sequence[float] = (), least: int = 0
) -> str:
    """Return VALUE with as many decimals as its size deserves, or as a number of the size of `like` has.

    More where it would else look like one of OTHERS, or has LEAST so many.
    """
    if not math.isfinite(value):
        return "not a number"
    size = abs(value if like is None else like)
    if percent:
        decimals = 1 if size >= 0.1 or size == 0 else 2
    elif float(value).is_integer() and size >= 1.5:
        decimals = 0
    else:
        decimals = 3 if size < 1.5 else 2 if size < 10 else 1 if size < 1000 else 0
    decimals = max(least, apart(value if like is None else like, decimals, *others))
    written = number(value, decimals)
    if percent and written.endswith(".0"):
        written = written[:-2]
    return written.replace(",", "\u202f")


def _with_unit(digits: str, unit: str) -> str:
    return f"{digits} {text.escape(unit)}" if unit else digits
