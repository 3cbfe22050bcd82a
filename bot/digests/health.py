"""How each model did: the one place that decides which of them needs attention.

An incident that was closed and a drift alert are told, and colour nothing: coarse first (design section 1, rule 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from bot.digests.metric import Metric, last_measured, leading_metric, metrics_of, product_metric
from bot.digests.period import Period
from bot.digests.rows import ModelWeek, Week, is_firing, is_open
from bot.domain.digest import SEVERITY, Health
from bot.domain.facts import AlertClass

FRESH = timedelta(days=8)
"""A model whose newest value is older sends no data; a weekly evaluation may be a day late."""


@dataclass(frozen=True)
class Story:
    """One model in one period, with what was made of it."""

    week: ModelWeek
    period: Period

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
    def firing(self) -> int:
        """How many alert groups that people are interrupted for are firing at the digest's hour."""
        loud = (AlertClass.HARD, AlertClass.SOFT)
        groups = (g for g in self.week.groups if g.alert_class in loud and g.status != "suppressed")
        return sum(is_firing(g, self.period.hour) for g in groups)

    @property
    def silent_days(self) -> int | None:
        """Days since the newest value, None = never in four weeks, 0 = measured lately."""
        last = last_measured(self.week)
        if last is None:
            return None
        return (self.period.hour - last).days if self.period.hour - last > FRESH else 0

    @cached_property
    def health(self) -> Health:
        """The worst that is true of it."""
        opened = [i for i in self.week.incidents if is_open(i, self.period.hour)]
        if any(i.severity == "sev1" for i in opened):
            return Health.DOWN
        if opened or self.breached:
            return Health.DEGRADED
        if self.week.undone or self.firing:
            return Health.WATCH
        return Health.GOOD if self.silent_days == 0 else Health.NO_DATA


def stories(week: Week) -> list[Story]:
    """Return the models, worst first; among equals a missed product objective, then more incidents, then by name."""
    return sorted((Story(m, week.period) for m in week.models), key=_rank)


def attention(told: Sequence[Story]) -> list[Story]:
    """Return those that need attention, worst first."""
    return [s for s in told if s.health.needs_attention]


def _rank(story: Story) -> tuple[int, bool, int, str]:
    missed = any(m.product for m in story.breached)
    return SEVERITY.index(story.health), not missed, -len(story.week.incidents), story.name
