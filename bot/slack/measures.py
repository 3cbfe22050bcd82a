"""A measured value in words: its title, value, way and labels; and whether it keeps its objective.

Never a bare live number: how far the labels reach stands beside it, and an objective is judged on matured values only
(findings.md F20).
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from bot.domain.evaluations import Verdict, judge
from bot.domain.metrics import Direction, direction_of
from bot.slack import numbers, text
from bot.store.queries.metrics import Reading
from bot.store.queries.objectives import JUDGED, is_rescaled, objective, settings
from bot.store.tables import Model

ACRONYMS = frozenset(
    ["auc", "f1", "psi", "mae", "rmse", "mse", "mape", "ndcg", "mrr", "ctr", "ece", "map", "r2", "csi"]
)
LINKED = re.compile(r"<[^<>|]*\|([^<>]*)>")
ORDER = {"primary": 0, "guardrail": 1, "diagnostic": 3}
UNSTATED = 2


def title(model: Model, metric: str) -> str:
    """Return what people call the metric, escaped: `Good payments declined`, `AUC`."""
    stated = settings(model, metric).get("title")
    if stated:
        return text.line(str(stated), 60)
    words = metric.replace("_", " ").strip().split(" ")
    spoken = " ".join(word.upper() if word.lower() in ACRONYMS else word for word in words)
    return text.line(spoken[:1].upper() + spoken[1:], 60)


def unit(model: Model, reading: Reading) -> str:
    """Return the unit of a value: the configuration's word before the source's, except `%` for a share of one."""
    stated = settings(model, reading.metric).get("unit")
    return reading.unit if stated is None or is_rescaled(model, reading) else str(stated)


def is_product(model: Model, reading: Reading) -> bool:
    """Return whether the value is about the product and not about the model: it is said first."""
    family = settings(model, reading.metric).get("family") or reading.family
    return family == "product" or reading.evaluation_type == "product"


def rank(model: Model, reading: Reading) -> tuple[bool, int, str]:
    """Return the place of a metric among others: product first, then by role, then by name."""
    role = settings(model, reading.metric).get("role") or reading.role
    return not is_product(model, reading), ORDER.get(role or "", UNSTATED), reading.metric


def phrase(model: Model, reading: Reading, before: Reading | None = None) -> str:
    """Return `AUC *0.912* ▾ 0.021 worse`, with a doubt where the difference may be chance."""
    metric, measure = reading.metric, unit(model, reading)
    name = text.link(reading.url, title(model, metric))
    value = f"{name} *{numbers.figure(reading.value, metric, measure)}*"
    if before is None:
        return value
    way = direction(model, reading)
    margin = float(settings(model, metric).get("margin") or 0.0)
    verdict = judge(reading.measured, before.measured, direction=way, margin=margin).verdict
    if verdict is Verdict.NOT_COMPARABLE:
        return f"{value} (measured on other data than before)"
    moved = numbers.change(reading.value, before.value, metric, measure, way)
    if verdict is Verdict.INCONCLUSIVE and moved != "unchanged":
        moved = f"{moved.removesuffix(' better').removesuffix(' worse')} (may be chance)"
    return text.join(value, moved, by=" ")


def spoken(phrase: str) -> str:
    """Return a phrase for ears: words for its signs."""
    return LINKED.sub(r"\1", phrase).replace("*", "").replace("▴", "up").replace("▾", "down")


def direction(model: Model, reading: Reading) -> Direction | None:
    """Return which way the metric gets better: as stated, as its name says, or as its objective implies."""
    stated = settings(model, reading.metric).get("direction") or reading.direction
    known = _direction_of(reading.metric, stated)
    wanted = objective(model, reading) if known is None else None
    if wanted is None:
        return known
    return Direction.LOWER if wanted[0].startswith("<") else Direction.HIGHER


def labels(reading: Reading) -> str:
    """Return how far the labels reach, `labels to 20 Nov (88 %)`; below what can be judged it is provisional.

    Where nobody spoke of labels, the end of the window.
    """
    share = reading.labelled_fraction
    reach = f"labels to {text.day(reading.labels_until)}" if reading.labels_until else ""
    labelled = "" if share is None else f"{numbers.figure(share, unit='share')}"
    words = f"{reach} ({labelled})" if reach and labelled else reach or (labelled and f"{labelled} labelled")
    if not words and reading.window_end:
        words = f"to {text.day(reading.window_end)}"
    return words if reading.matured else text.join("provisional", words, by=": ")


def rows(reading: Reading) -> str:
    """Return `n 41 200`; empty when nobody said."""
    return f"n {text.grouped(reading.n)}" if reading.n is not None else ""


def objective_words(model: Model, reading: Reading) -> str:
    """Return `SLO ≤ 2.5 %`; empty without one."""
    wanted = objective(model, reading)
    if wanted is None:
        return ""
    return f"SLO {numbers.threshold(*wanted, reading.metric, unit(model, reading))}"


def same_kind(readings: Sequence[Reading]) -> tuple[Reading, Reading | None]:
    """Return what to show of one metric, newest first: its newest value where users are, and the one before it."""
    shown = next((r for r in readings if r.evaluation_type in JUDGED), readings[0])
    kind = shown.evaluation_type
    later = (r for r in readings if r.evaluation_type == kind and r.at < shown.at)
    return shown, next(later, None)


@lru_cache(maxsize=1024)
def _direction_of(metric: str, stated: str | None) -> Direction | None:
    """Look the name up once: the table is walked by patterns."""
    return direction_of(metric, stated)
