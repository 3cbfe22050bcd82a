"""How each model did, by the rule of `bot.domain.health`: the one place that decides which of them needs attention.

An incident that was closed is told, and colours nothing. What differs from `/model` is of the period: a roll-back in
it, and that nothing came for longer than a week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import NamedTuple

from bot.digests.metric import Metric, last_measured, leading_metric, metrics_of, product_metric
from bot.digests.period import Period
from bot.digests.rows import ModelWeek, Week, is_firing, is_open
from bot.domain.digest import SEVERITY, Health
from bot.domain.health import as_heard, is_loud, state_of

FRESH = timedelta(days=8)
"""A model whose newest value is older sends no data; a weekly evaluation may be a day late."""


class Firing(NamedTuple):
    """An alert group at the digest's hour: one that ended since was firing then."""

    status: str
    alert_class: str


@dataclass(frozen=True)
class Story:
    """One model in one period, with what was made of it."""

    week: ModelWeek
    period: Period
    deaf: bool = False
    """Every source was silent at the digest's hour."""

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.week.model.name

    @cached_property
    def metrics(self) -> list[Metric]:
        """Its metrics, the one that matters most first."""
        return metrics_of(self.week)

    @property
    def product(self) -> Metric | None:
        """The number that the business goes by."""
        return product_metric(self.metrics)

    @property
    def leading(self) -> Metric | None:
        """The metric to draw."""
        return leading_metric(self.metrics)

    @property
    def breached(self) -> list[Metric]:
        """The metrics that miss their objective."""
        return [m for m in self.metrics if m.breached]

    @property
    def groups(self) -> list[Firing]:
        """The alert groups that were not over at the digest's hour."""
        opened = (g for g in self.week.groups if is_firing(g, self.period.hour))
        return [Firing("firing" if g.status == "resolved" else g.status, g.alert_class) for g in opened]

    @property
    def firing(self) -> int:
        """How many alert groups that people are interrupted for are firing at the digest's hour."""
        return sum(map(is_loud, self.groups))

    @property
    def silent_days(self) -> int | None:
        """Days since the newest value, None = never in four weeks, 0 = measured lately."""
        last = last_measured(self.week)
        if last is None:
            return None
        return (self.period.hour - last).days if self.period.hour - last > FRESH else 0

    @property
    def measured(self) -> bool:
        """Whether a value came lately, and any has its labels."""
        return self.silent_days == 0 and any(not r.provisional for r in self.week.readings)

    @cached_property
    def health(self) -> Health:
        """The worst that is true of it: what `/model` said at the digest's hour, or that it was rolled back since."""
        opened = [i for i in self.week.incidents if is_open(i, self.period.hour)]
        bad = bool(self.week.bad or self.week.undone)
        missed = bool(self.breached)
        state = state_of(opened, self.groups, misses=missed, serves_bad=bad, measured=self.measured)
        return Health(as_heard(state, deaf=self.deaf).replace("_", " "))


def stories(week: Week) -> list[Story]:
    """Return the models, worst first; among equals a missed product objective, then more incidents, then by name."""
    return sorted((Story(m, week.period, week.hearing.deaf) for m in week.models), key=_rank)


def attention(told: Sequence[Story]) -> list[Story]:
    """Return those that need attention, worst first."""
    return [s for s in told if s.health.needs_attention]


def _rank(story: Story) -> tuple[int, bool, int, str]:
    missed = any(m.product for m in story.breached)
    return SEVERITY.index(story.health), not missed, -len(story.week.incidents), story.name
