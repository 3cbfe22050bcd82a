"""What a metric should keep, by the configuration or its sender, and whether its newest matured value does.

One answer for `/model status`, the cards, and the alerts that a missed objective raises.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from bot.domain.measurements import ALL
from bot.domain.metrics import Direction, direction_of, parse_threshold, plain_name, satisfies
from bot.domain.units import PERCENT_UNITS, SHARE_UNITS
from bot.store.queries.metrics import Reading

JUDGED = frozenset({"live", "product"})
"""Kinds of data that an objective is about."""


class Configured(Protocol):
    """A model, or as much of it as is asked for here."""

    @property
    def metrics(self) -> Mapping[str, Any]:
        """What the configuration says of each metric."""


class Stated(Protocol):
    """A value, or as much of a reading as an objective is about."""

    @property
    def metric(self) -> str:
        """Its name."""

    @property
    def value(self) -> float | None:
        """The number; None = it was not measured."""

    @property
    def unit(self) -> str:
        """As the source sent it."""

    @property
    def threshold_op(self) -> str | None:
        """One of >= > <= <; None = the source stated no objective."""

    @property
    def threshold(self) -> float | None:
        """What the value should keep."""


class Placed(Stated, Protocol):
    """A value of which it is known whether it is one over all rows."""

    @property
    def slice(self) -> str:
        """The part of the rows, or ALL."""


def settings(model: Configured, metric: str) -> Mapping[str, Any]:
    """Return what the configuration says of this metric of the model."""
    found = model.metrics.get(metric)
    if found is None:
        plain = plain_name(metric)
        found = next((one for name, one in model.metrics.items() if plain_name(name) == plain), None)
    return found if isinstance(found, dict) else {}


def objective(model: Configured, reading: Stated) -> tuple[str, float] | None:
    """Return operator and value that this metric should keep: the configuration's, else the one sent along."""
    given = settings(model, reading.metric)
    return _configured(given, reading, "slo") if given.get("slo") else _sent_along(reading)


def gate_of(model: Configured, reading: Placed) -> tuple[str, float] | None:
    """Return what a version has to keep to be promoted: the configuration's `gate`, else the objective.

    Both are of the whole; of a slice only what was sent along.
    """
    if reading.slice != ALL:
        return _sent_along(reading)
    given = settings(model, reading.metric)
    return _configured(given, reading, "gate") if given.get("gate") else objective(model, reading)


def _configured(given: Mapping[str, Any], reading: Stated, name: str) -> tuple[str, float] | None:
    try:
        op, value = parse_threshold(str(given[name]).rstrip(" %"))
        return op, value / 100 if _is_rescaled(given, reading) else value
    except ValueError:
        return None  # the configuration is checked where it is read; a card has to appear anyway


def _sent_along(reading: Stated) -> tuple[str, float] | None:
    if reading.threshold_op and reading.threshold is not None:
        return reading.threshold_op, reading.threshold
    return None


def direction(model: Configured, reading: Reading) -> Direction | None:
    """Return which way the metric gets better: as stated, as its name says, or as its objective implies."""
    stated = settings(model, reading.metric).get("direction") or reading.direction
    known = _direction_of(reading.metric, stated)
    wanted = objective(model, reading) if known is None else None
    if wanted is None:
        return known
    return Direction.LOWER if wanted[0].startswith("<") else Direction.HIGHER


def is_judged(reading: Reading) -> bool:
    """Return whether an objective is about this value: it is of users, and its labels have arrived."""
    return reading.evaluation_type in JUDGED and reading.matured


def misses(model: Configured, judged: Stated) -> bool:
    """Return whether a value misses its objective."""
    wanted = objective(model, judged)
    try:
        return wanted is not None and judged.value is not None and not satisfies(judged.value, *wanted)
    except ValueError:
        return False  # an operator that a source made up


def is_rescaled(model: Configured, reading: Stated) -> bool:
    """Return whether the configuration thinks in percent of what the source sends as a share of one."""
    return _is_rescaled(settings(model, reading.metric), reading)


def _is_rescaled(given: Mapping[str, Any], reading: Stated) -> bool:
    stated = given.get("unit")
    return bool(stated) and str(stated).lower() in PERCENT_UNITS and reading.unit.lower() in SHARE_UNITS


@lru_cache(maxsize=1024)
def _direction_of(metric: str, stated: str | None) -> Direction | None:
    """Look the name up once: the table is walked by patterns."""
    return direction_of(metric, stated)
