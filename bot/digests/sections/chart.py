"""One line: the metric that matters most of the model that needs attention most.

A week without a matured value has no point, and says so; weeks before a new definition are left out, and say so.
"""

from collections.abc import Iterator
from dataclasses import replace

from bot.digests.metric import Metric
from bot.digests.period import short
from bot.digests.telling import Telling
from bot.digests.values import Reading
from bot.digests.words import day_of, drawn_value, listed, unit_of
from bot.domain.digest import Chart, DigestView, Point
from bot.domain.names import clip

WEEKS = 8
FEWEST = 2
"""One point is no line."""
MOST_NAME = 20
MOST_TITLE = 50
"""Of Slack's chart block; a view obeys them so that nothing that draws it has to cut a sentence."""


def add(view: DigestView, telling: Telling) -> DigestView:
    """Add the chart, if there is something to draw, and what it leaves out."""
    worst = next(iter(telling.attention), None)
    metric = worst.leading if worst else None
    if worst is None or metric is None:
        return view
    arrived = [r for r in telling.history if not r.provisional]
    kept = sorted((r for r in arrived if metric.comparable(r) and r.unit == arrived[0].unit), key=lambda r: -r.week)
    notes = tuple(_left_out(metric, telling, arrived, kept))
    chart = _chart(worst.name, metric, telling, kept) if len(kept) >= FEWEST else None
    return replace(view, chart=chart, notes=(*view.notes, *notes))


def _chart(model: str, metric: Metric, telling: Telling, kept: list[Reading]) -> Chart:
    labels = [short(telling.period.begins(r.week)) for r in kept]
    points = tuple(Point(n, drawn_value(metric, r.value)) for n, r in zip(labels, kept, strict=True))
    limits = [_limit(metric, r) for r in kept]
    objective = tuple(Point(n, drawn_value(metric, x)) for n, x in zip(labels, limits, strict=True) if x is not None)
    unit = unit_of(metric)
    rest = f"{', ' + unit if unit else ''} by {'week' if telling.period.weekly else 'day'}"
    title = metric.title[:1].upper() + metric.title[1:]
    return Chart(
        title=clip(title, MOST_TITLE - len(rest)) + rest,
        unit=unit,
        name=clip(model, MOST_NAME) if model.upper() != "SLO" else "value",
        points=points,
        objective=objective if len(objective) == len(points) else (),
    )


def _limit(metric: Metric, reading: Reading) -> float | None:
    """Return the objective as it was stated with the value, else as it is configured today."""
    found = reading.objective or metric.objective
    return found[1] if found else None


def _left_out(metric: Metric, telling: Telling, arrived: list[Reading], kept: list[Reading]) -> Iterator[str]:
    period = telling.period
    if metric.redefined and len(kept) < len(arrived):
        day = day_of(metric.redefined, period)
        yield (
            f"{metric.title} was redefined on {day}: values before are not comparable, so there is no trend across it."
        )
    weeks = {r.week for r in kept}
    if len(weeks) >= FEWEST:
        gaps = [short(period.begins(w)) for w in range(max(weeks), 0, -1) if w not in weeks]
        if gaps:
            yield f"No value for {'the week' if period.weekly else 'the day'} of {listed(gaps)}."
