"""How the values of a metric are written: which numbers are shares that people read in percent, and which are not."""

from dataclasses import dataclass

from bot.domain.metrics import plain_name

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
