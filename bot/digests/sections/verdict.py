"""The sentence that everybody reads, and what happened in plain words: the product metric first.

It gives the order of time ("v42 of Mon 16 Nov was rolled back after 41 min") and never a cause.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.digests.health import Story
from bot.digests.rows import is_open
from bot.digests.telling import Telling
from bot.digests.words import count, day_of, listed, objective_of, spelled, value_of, weekday_of
from bot.domain.digest import DigestView, Health
from bot.domain.durations import short
from bot.domain.names import clip, version_label

TOLD = 2
"""Models whose week is told in the message; the others' is in the thread."""
MOST_TITLE = 60


def add(view: DigestView, telling: Telling) -> DigestView:
    """Say how the models are, and tell the worst ones' week."""
    if not telling.stories:
        verdict, story = "No model is known yet.", "The first event about a model adds it here."
        return replace(view, health=Health.NO_DATA, verdict=verdict, story=story)
    worst = telling.attention or [s for s in telling.stories if s.health is Health.NO_DATA]
    health = worst[0].health if worst else Health.GOOD
    return replace(view, health=health, verdict=_verdict(telling), story=_story(telling))


def _verdict(telling: Telling) -> str:
    total, worrying = len(telling.stories), len(telling.attention)
    silent = sum(s.health is Health.NO_DATA for s in telling.stories)
    if worrying:
        return f"{worrying} of {count(total, 'model')} {'needs' if worrying == 1 else 'need'} attention."
    if silent == total:
        return f"No data from {'any of the ' if total > 1 else 'the only '}{count(total, 'model').lstrip('1 ')}."
    if silent:
        return f"No model needs attention; {silent} of {total} {'sends' if silent == 1 else 'send'} no data."
    return f"All {total} models good." if total > 1 else f"{telling.stories[0].name} is good."


def _story(telling: Telling) -> str:
    if not telling.attention:
        return ""
    told = [f"{s.name}: {'; '.join(_happened(s))}." for s in telling.attention[:TOLD]]
    if others := [s.name for s in telling.attention[TOLD:]]:
        told.append(f"Also {listed(others)}.")
    rest = [s for s in telling.stories if not s.health.needs_attention]
    return " ".join([*told, *_rest(rest)])


def _happened(story: Story) -> Iterator[str]:
    """Yield what happened to a model, what the business sees before what the engineers see."""
    product = story.product
    if product and not product.breached and (reading := product.in_week(0)):
        within = f" ({objective_of(product)})" if product.objective else ""
        yield f"{product.title} {value_of(product, reading.value)}{within}"
    for metric in story.breached[:2]:
        if reading := metric.known:
            of = "" if reading.week == 0 else f" of {day_of(reading.at, story.period)}"
            yield f"{metric.title} {value_of(metric, reading.value)}{of} misses {objective_of(metric)}"
    for undone in story.week.undone[:2]:
        took = short(undone.at - undone.released)
        released = weekday_of(undone.released, story.period)
        yield f"{version_label(undone.version)} of {released} rolled back after {took}"
    for version in story.week.bad[:2]:
        yield f"{version_label(version)} serves and is marked bad"
    for incident in [i for i in story.week.incidents if is_open(i, story.period.hour)][:2]:
        title = clip(incident.title, MOST_TITLE)
        yield f"INC-{incident.id} ({title}) is open since {weekday_of(incident.opened_at, story.period)}"
    if story.firing:
        yield f"{count(story.firing, 'alert')} still {'fires' if story.firing == 1 else 'fire'}"


def _rest(rest: Sequence[Story]) -> Iterator[str]:
    """Yield how the models are that need nothing; a model that sends no data is never among the good ones."""
    good = sum(s.health is Health.GOOD for s in rest)
    silent = len(rest) - good
    if good and silent:
        words = f"{spelled(good).capitalize()} {'is' if good == 1 else 'are'} good"
        yield f"{words}, {spelled(silent)} {'sends' if silent == 1 else 'send'} no data."
    elif good:
        yield "The other one is good." if good == 1 else f"The other {spelled(good)} are good."
    elif silent:
        yield "The other one sends no data." if silent == 1 else f"The other {spelled(silent)} send no data."
