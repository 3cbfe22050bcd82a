"""How a model is, in one word: the worst of what is known. One rule for `/model`, the App Home and the digests.

A drift alert and one that was silenced are told, and colour nothing: coarse first (design section 1, rule 4).
"""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.facts import AlertClass, AlertStatus

WORST_FIRST = ("down", "firing", "degraded", "watch", "no_data", "good")
LOUD = (AlertClass.HARD, AlertClass.SOFT)
"""Classes of alerts that people look at one by one."""


class Troubling(Protocol):
    """An open incident, or as much of it as its model's state follows from."""

    @property
    def severity(self) -> str:
        """`sev1` is the worst."""


class Alerting(Protocol):
    """An alert group that is not resolved, or as much of it as its model's state follows from."""

    @property
    def status(self) -> str:
        """Of the group."""

    @property
    def alert_class(self) -> str:
        """Of its alerts."""


def state_of(
    incidents: Sequence[Troubling], groups: Sequence[Alerting], *, misses: bool, serves_bad: bool, measured: bool
) -> str:
    """Return one of WORST_FIRST: of the open incidents and alert groups of a model, whether it misses an objective or
    serves a version that is marked bad, and whether any value from where its users are has its labels.
    """
    if any(i.severity == "sev1" for i in incidents):
        return "down"
    if any(g.status == AlertStatus.FIRING and g.alert_class == AlertClass.HARD for g in groups):
        return "firing"
    if incidents or misses:
        return "degraded"
    if serves_bad or any(is_loud(g) for g in groups):
        return "watch"
    return "good" if measured else "no_data"


def is_loud(group: Alerting) -> bool:
    """Return whether people should look at an alert group."""
    return group.alert_class in LOUD and group.status != AlertStatus.SUPPRESSED


def as_heard(state: str, *, deaf: bool) -> str:
    """Return STATE, but not `good` when every source that was ever heard fell silent."""
    return "no_data" if deaf and state == "good" else state
