"""What a metric should keep, by the configuration or its sender, and whether its newest matured value does.

One answer for `/model status`, the cards, and the alerts that a missed objective raises.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from bot.domain.metrics import Direction, direction_of, parse_threshold, plain_name, satisfies
from bot.domain.units import PERCENT_UNITS, SHARE_UNITS
from bot.store.queries.metrics import Reading
from bot.store.tables import Model

JUDGED = frozenset({"live", "product"})
"""Kinds of data that an objective is about."""


def settings(model: Model, metric: str) -> Mapping[str, Any]:
    """Return what the configuration says of this metric of the model."""
    found = model.metrics.get(metric)
    if found is None:
        plain = plain_name(metric)
        found = next((one for name, one in model.metrics.items() if plain_name(name) == plain), None)
    return found if isinstance(found, Mapping) else {}


def objective(model: Model, reading: Reading) -> tuple[str, float] | None:
    """Return operator and value that this metric should keep: the configuration's, else the one sent along."""
    stated = settings(model, reading.metric).get("slo")
    if stated:
        try:
            op, value = parse_threshold(str(stated).rstrip(" %"))
            return op, value / 100 if is_rescaled(model, reading) else value
        except ValueError:
            return None  # the configuration is checked where it is read; a card has to appear anyway
    if reading.threshold_op and reading.threshold is not None:
        return reading.threshold_op, reading.threshold
    return None


def direction(model: Model, reading: Reading) -> Direction | None:
    """Return which way the metric gets better: as stated, as its name says, or as its objective implies."""
    stated = settings(model, reading.metric).get("direction") or reading.direction
    known = _direction_of(reading.metric, stated)
    wanted = objective(model, reading) if known is None else None
    if wanted is None:
        return known
    return Direction.LOWER if wanted[0].startswith("<") else Direction.HIGHER


def breach(model: Model, readings: Sequence[Reading]) -> Reading | None:
    """Return the newest matured value if it misses its objective; `readings` are of one metric, newest first."""
    matured = next((r for r in readings if r.evaluation_type in JUDGED and r.matured), None)
    wanted = objective(model, matured) if matured else None
    if matured is None or wanted is None:
        return None
    try:
        return None if satisfies(matured.value, *wanted) else matured
    except ValueError:
        return None  # an operator that a source made up


def is_rescaled(model: Model, reading: Reading) -> bool:
    """Return whether the configuration thinks in percent of what the source sends as a share of one."""
    stated = str(settings(model, reading.metric).get("unit") or "").lower()
    return stated in PERCENT_UNITS and reading.unit.lower() in SHARE_UNITS


@lru_cache(maxsize=1024)
def _direction_of(metric: str, stated: str | None) -> Direction | None:
    """Look the name up once: the table is walked by patterns."""
    return direction_of(metric, stated)
