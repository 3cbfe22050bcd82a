"""One line for each model, worst first. In every column unknown, zero and fine are different words."""

from collections.abc import Sequence
from dataclasses import replace

from bot.digests.health import Story
from bot.digests.metric import Metric
from bot.digests.period import Period
from bot.digests.rows import ModelWeek, is_open
from bot.digests.telling import Telling
from bot.digests.values import Reading
from bot.digests.words import FEW, count, day_of, difference_of, value_of
from bot.domain.digest import NOT_CONNECTED, NOTHING, DigestView, Row
from bot.domain.evaluations import Judgement, Verdict, judge
from bot.domain.facts import ChangeType
from bot.domain.measurements import incomparable
from bot.domain.names import version_label
from bot.domain.statistics import benjamini_hochberg
from bot.domain.verdicts import FINDINGS, together

MOST_VERSIONS = 2


def add(view: DigestView, telling: Telling) -> DigestView:
    """Add the table."""
    verdicts = compared(telling.stories)
    rows = (
        Row(
            model=s.name,
            health=s.health,
            product_metric=_product(s),
            versus_last=_versus(s.product, verdicts.get(s.name), telling.period),
            shipped=_shipped(s.week),
            incidents=_incidents(s),
        )
        for s in telling.stories
    )
    versus = "vs last week" if telling.period.weekly else "vs day before"
    return replace(view, rows=tuple(rows), versus=versus)


def _product(story: Story) -> str:
    metric = story.product
    if metric is None:
        return NOT_CONNECTED
    if reading := metric.in_week(0):
        return f"{metric.title} {value_of(metric, reading.value)}"
    if reading := metric.known:
        return f"{metric.title} {value_of(metric, reading.value)} (of {day_of(reading.at, story.period)})"
    early = metric.provisional
    return f"{metric.title} {value_of(metric, early.value)} provisional" if early else NOT_CONNECTED


def compared(stories: Sequence[Story]) -> dict[str, Judgement]:
    """Return by model the verdict on its product metric against the period before, where there are two values.

    Among many models some change by chance: Benjamini-Hochberg over the whole table (sources.md 8.3).
    """
    found = {}
    for story in stories:
        metric, pair = story.product, _pair(story.product)
        if metric and pair:
            now, before = pair
            margin = metric.margin * now.scale
            found[story.name] = judge(now.measured, before.measured, direction=metric.direction, margin=margin)
    return dict(zip(found, together(list(found.values()), benjamini_hochberg), strict=True))


def _pair(metric: Metric | None) -> tuple[Reading, Reading] | None:
    """Return this and last week's value, when they measure the same."""
    now, before = (metric.in_week(0), metric.in_week(1)) if metric else (None, None)
    if metric is None or now is None or before is None or not metric.comparable(before):
        return None
    return None if now.unit != before.unit or incomparable(now.measured, before.measured) else (now, before)


def _versus(metric: Metric | None, judgement: Judgement | None, period: Period) -> str:
    now, before = (metric.in_week(0), metric.in_week(1)) if metric else (None, None)
    if metric is None or now is None:
        return NOTHING
    if before is None:
        return "no value before"
    if metric.redefined and not metric.comparable(before):
        return f"redefined {day_of(metric.redefined, period)}"
    if judgement is None:
        return str(Verdict.NOT_COMPARABLE).replace("_", " ")
    few = [r.measured.n for r in (now, before) if r.measured.n is not None and r.measured.n < FEW]
    if few:
        return f"too few (n {min(few)})"
    if judgement.p is None:
        return difference_of(metric, now.value, before.value)
    verdict = str(judgement.verdict)
    moved = difference_of(metric, now.value, before.value, judged=True)
    return verdict if moved == "=" or judgement.verdict not in FINDINGS else f"{moved}, {verdict}"


def _shipped(week: ModelWeek) -> str:
    """Return `v42, back to v41`, `v18 + 2 configs`, `–` for nothing shipped."""
    undone = {u.version: u.back_to for u in week.undone}
    words = []
    for change in week.changes:
        if change.change_type == ChangeType.MODEL:
            back = undone.pop(change.version) if change.version in undone else None
            words.append(version_label(change.version) + (f", back to {version_label(back)}" if back else ""))
    if len(words) > MOST_VERSIONS:
        words = [f"{len(words)} versions, now {words[-1]}"]
    words += [f"back to {version_label(back)}" for back in undone.values()]
    others = [c.change_type for c in week.changes if c.change_type != ChangeType.MODEL]
    kinds = sorted(set(others))
    words += [count(others.count(k), k.replace("_", " ")) for k in kinds[:2]]
    words += [f"{count(sum(others.count(k) for k in kinds[2:]), 'other')}"] if kinds[2:] else []
    if words:
        return " + ".join(words)
    return NOTHING if week.deploys else NOT_CONNECTED


def _incidents(story: Story) -> str:
    opened = sum(story.period.contains(i.opened_at) for i in story.week.incidents)
    still = sum(is_open(i, story.period.hour) for i in story.week.incidents)
    return f"{opened}, {still} open" if still else str(opened)
