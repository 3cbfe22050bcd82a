"""What the numbers do not say by themselves: labels that have not arrived, evaluations on old data, silent sources."""

from collections.abc import Iterator
from dataclasses import replace

from bot.digests.metric import Metric
from bot.digests.telling import Telling
from bot.digests.words import count, day_of, labels_of, listed, value_of
from bot.domain.digest import DigestView
from bot.domain.names import version_label

MOST = 3
"""Models whose missing labels are named; the others' stand in the thread."""


def add(view: DigestView, telling: Telling) -> DigestView:
    """Add the reservations."""
    return replace(view, notes=(*view.notes, *_labels(telling), *_stale(telling), *_sources(telling)))


def judged(metric: Metric) -> bool:
    """Return whether anybody goes by this metric: the others' gaps are no news."""
    return metric.product or metric.role == "primary" or metric.objective is not None


def _labels(telling: Telling) -> Iterator[str]:
    late = []
    for story in telling.stories:
        for metric in story.metrics:
            early = metric.provisional
            if early is None or not judged(metric):
                continue
            said = labels_of(early, telling.period)
            late.append(f"{story.name} {metric.title} {value_of(metric, early.value)} provisional, {said}.")
            break
    yield from late[:MOST]
    if len(late) > MOST:
        yield f"Labels are late for {len(late) - MOST} more."


def _stale(telling: Telling) -> Iterator[str]:
    old = sorted((one for one in telling.week.shipped if one.days_behind), key=lambda one: -one.days_behind)
    for one in old[:MOST]:
        days = count(one.days_behind, "day")
        yield f"{one.model} {version_label(one.version)}: evaluation data ends {days} before training data."


def _sources(telling: Telling) -> Iterator[str]:
    quiet = telling.week.hearing.silent
    if quiet:
        names = listed([f"{name} (since {day_of(last, telling.period)})" for name, last in quiet])
        yield f"Silent: {names}; what happened there is unknown."
