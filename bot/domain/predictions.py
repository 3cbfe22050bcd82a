"""From predictions beside their labels to the counts that a verdict needs; two versions on the same rows are paired.

Two numbers, the rows that only the one and only the other version gets right, are worth four to five times as many
rows (sources.md 8.3).
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from statistics import fmean, stdev

from bot.domain.errors import UserError
from bot.domain.facts import MetricFact


@dataclass(frozen=True)
class Row:
    """One labelled example; texts as they stand in the file."""

    line: int
    label: str
    prediction: str
    baseline: str | None = None
    """What the other version predicted."""


def metric_of(name: str, rows: Sequence[Row], *, positive: str = "1") -> MetricFact:
    """Return the metric NAME, one of METRICS, with its counts; raises UserError where the rows do not give it.

    `positive` is the label of the positive class, for precision, recall and auc.
    """
    if name not in METRICS:
        raise UserError(f"{name!r} cannot be counted here; there is {', '.join(METRICS)}")
    if not rows:
        raise UserError("there is no labelled row")
    return METRICS[name](rows, positive)


def same(one: str, other: str) -> bool:
    """Return whether two cells mean the same class: `1`, `1.0` and `True` do."""
    return one == other or _class(one) == _class(other)


@lru_cache(maxsize=4096)
def _class(cell: str) -> str | float:
    if cell.lower() in ("true", "false"):
        return float(cell.lower() == "true")
    try:
        return float(cell)
    except ValueError:
        return cell


def _accuracy(rows: Sequence[Row], positive: str) -> MetricFact:
    labels = {_class(row.label): row.label for row in rows}
    if not any(_class(row.prediction) in labels for row in rows):
        example = f"{rows[0].prediction!r} for the label {rows[0].label!r} in line {rows[0].line}"
        raise UserError(f"no prediction is any of the {len(labels)} labels, such as {example}; are these the columns?")
    return _share("accuracy", rows, lambda row, said: same(said, row.label))


def _error_rate(rows: Sequence[Row], positive: str) -> MetricFact:
    """Return it with pairs that count, as everywhere, the rows that are right."""
    right = _accuracy(rows, positive)
    wrong = len(rows) - (right.successes or 0)
    return replace(right, name="error_rate", value=wrong / len(rows), successes=wrong)


def _recall(rows: Sequence[Row], positive: str) -> MetricFact:
    found = [row for row in rows if same(row.label, positive)]
    if not found:
        raise UserError(f"no label is {positive!r}, so there is no recall; --positive names the positive class")
    return _share("recall", found, lambda row, said: same(said, positive))


def _precision(rows: Sequence[Row], positive: str) -> MetricFact:
    """Return it without pairs: the two versions call different rows positive."""
    called = [row for row in rows if same(row.prediction, positive)]
    if not called:
        raise UserError(f"no prediction is {positive!r}, so there is no precision; --positive names the positive class")
    right = sum(same(row.label, positive) for row in called)
    return MetricFact(name="precision", value=right / len(called), n=len(called), successes=right)


def _auc(rows: Sequence[Row], positive: str) -> MetricFact:
    """Return the area under the ROC curve of scores: Mann and Whitney's U, ties counted half."""
    scored = sorted((_number(row, row.prediction), same(row.label, positive)) for row in rows)
    count = Counter(is_positive for _, is_positive in scored)
    if not (count[True] and count[False]):
        raise UserError(f"an AUC needs both classes; {count[True]} of {len(rows)} labels are {positive!r} (--positive)")
    below = wins = 0.0
    for _, tied in groupby(scored, key=lambda pair: pair[0]):
        here = Counter(is_positive for _, is_positive in tied)
        wins += here[True] * (below + here[False] / 2)
        below += here[False]
    value = wins / (count[True] * count[False])
    return MetricFact(name="auc", value=value, n=len(rows), positives=count[True], negatives=count[False])


def _mae(rows: Sequence[Row], positive: str) -> MetricFact:
    errors = [abs(_number(row, row.prediction) - _number(row, row.label)) for row in rows]
    sd = stdev(errors) if len(errors) > 1 else None
    return MetricFact(name="mae", value=fmean(errors), n=len(errors), sd=sd)


METRICS: Mapping[str, Callable[[Sequence[Row], str], MetricFact]] = {
    "accuracy": _accuracy,
    "error_rate": _error_rate,
    "precision": _precision,
    "recall": _recall,
    "auc": _auc,
    "mae": _mae,
}


def _share(name: str, rows: Sequence[Row], is_right: Callable[[Row, str], bool]) -> MetricFact:
    right = [is_right(row, row.prediction) for row in rows]
    metric = MetricFact(name=name, value=sum(right) / len(rows), n=len(rows), successes=sum(right))
    if any(row.baseline is None for row in rows):
        return metric
    pairs = Counter(zip((is_right(row, row.baseline or "") for row in rows), right, strict=True))
    return replace(metric, baseline_only=pairs[True, False], candidate_only=pairs[False, True])


def _number(row: Row, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"line {row.line}: {cell!r} is not a number")
    return number
