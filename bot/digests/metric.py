"""One metric of one model over the weeks: what it is called, what it should be, and what may be said of its trend.

The configuration of the model overrides what came with a value. Across a change of the metric's definition there is no
trend: the older values measure something else (findings.md F15, S8).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.digests.rows import ModelWeek
from bot.digests.values import Reading
from bot.domain.metrics import Direction, direction_of, parse_threshold, plain_name, satisfies
from bot.domain.units import PERCENT_UNITS, SHARE_UNITS
from bot.store.queries.judging import redefined_at


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as a digest speaks of it."""

    name: str
    title: str
    unit: str
    direction: Direction | None
    product: bool
    role: str | None
    readings: tuple[Reading, ...]
    """Newest first; of the last four weeks."""
    objective: tuple[str, float] | None
    margin: float
    """The smallest difference that matters, in the metric's scale."""
    redefined: datetime | None
    """When it last got another definition, in the weeks shown."""

    def in_week(self, week: int) -> Reading | None:
        """Return the newest value of a week that enough labels back."""
        return next((r for r in self.readings if r.week == week and not r.provisional), None)

    @property
    def known(self) -> Reading | None:
        """The newest value that counts, however old."""
        return next((r for r in self.readings if not r.provisional), None)

    @property
    def provisional(self) -> Reading | None:
        """A newer value for which labels are still missing."""
        newest = self.readings[0] if self.readings else None
        return newest if newest and newest.provisional else None

    @property
    def within_one(self) -> bool:
        """Whether every value is between -1 and 1, as a share is."""
        return all(-1 <= r.value <= 1 for r in self.readings)

    @property
    def breached(self) -> bool:
        """Whether the newest value that counts misses the objective; too few labels breach nothing."""
        reading = self.known
        return reading is not None and self.objective is not None and not satisfies(reading.value, *self.objective)

    def comparable(self, reading: Reading) -> bool:
        """Return whether an earlier value measures the same as today's."""
        return self.redefined is None or reading.at >= self.redefined


def metrics_of(week: ModelWeek) -> list[Metric]:
    """Return the model's metrics: product before model metrics, primary ones first, then as configured."""
    configured: Mapping[str, Any] = week.model.metrics or {}
    seen = sorted({r.metric for r in week.readings})
    plain = {plain_name(name): settings for name, settings in configured.items()}
    sent = {plain_name(name) for name in seen}
    names = [
        *(n for n in configured if n in seen or plain_name(n) not in sent),
        *(n for n in seen if n not in configured),
    ]
    redefined = redefined_at(reversed(week.redefined), week.known | {*names}, week.model)
    found = [_metric(week, name, plain.get(plain_name(name)) or {}, redefined.get(name)) for name in names]
    return sorted(found, key=lambda m: (not m.product, m.role != "primary", m.objective is None, names.index(m.name)))


def product_metric(metrics: Sequence[Metric]) -> Metric | None:
    """Return the number that the business goes by; None = not connected."""
    return next((m for m in metrics if m.product and m.readings), None)


def leading_metric(metrics: Sequence[Metric]) -> Metric | None:
    """Return the product metric, else the model's primary metric, else one with an objective."""
    known = [m for m in metrics if m.readings]
    return next((m for m in known if m.product or m.role == "primary" or m.objective), None)


def last_measured(week: ModelWeek) -> datetime | None:
    """Return when the newest value of any metric was measured, enough labels or not."""
    return max((r.at for r in week.readings), default=None)


def _metric(week: ModelWeek, name: str, configured: Mapping[str, Any], redefined: datetime | None) -> Metric:
    own = tuple(r for r in week.readings if r.metric == name)
    newest = own[0] if own else None
    family, role = configured.get("family"), configured.get("role")
    unit, sent = configured.get("unit") or "", newest.unit if newest else ""
    in_shares = unit.lower() in PERCENT_UNITS and sent.lower() in SHARE_UNITS
    configured_objective = _objective(configured.get("slo"), scale=0.01 if in_shares else 1)
    objective = configured_objective or next((r.objective for r in own if r.objective), None)
    return Metric(
        name=name,
        title=configured.get("title") or name.replace("_", " "),
        unit=sent if in_shares else unit or sent,
        direction=_direction(name, configured.get("direction") or (newest.direction if newest else None), objective),
        product=family == "product" or (family is None and any(r.product for r in own)),
        role=role or (newest.role if newest else None),
        readings=own,
        objective=objective,
        margin=float(configured.get("margin") or 0.0),
        redefined=redefined,
    )


def _direction(name: str, stated: str | None, objective: tuple[str, float] | None) -> Direction | None:
    """Return which way it gets better: as stated, as its name says, or as its objective implies."""
    known = direction_of(name, stated)
    if known is not None or objective is None:
        return known
    return Direction.LOWER if objective[0].startswith("<") else Direction.HIGHER


def _objective(slo: str | None, *, scale: float) -> tuple[str, float] | None:
    """Return an objective as configured, in the unit of the values; one that can't be read is none."""
    try:
        op, value = parse_threshold(str(slo or "").rstrip(" %"))
    except ValueError:
        return None
    return op, value * scale
