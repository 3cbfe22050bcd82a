"""Why a metric is where it is: its values, and what happened between them, in order of time.

What changed near a move is a hypothesis, until a person confirmed a cause (findings.md F6).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, takewhile
from operator import attrgetter
from typing import NamedTuple

from sqlmodel import Session

from bot.domain import durations, keys
from bot.domain.digest import Chart, Point
from bot.domain.facts import ChangeType
from bot.domain.names import clip
from bot.domain.units import style_of
from bot.slack import changelog, charts, incidents, measures, numbers, text
from bot.slack.answers.unknown import unknown_model
from bot.slack.blocks import Block, Message, actions, button, context, message, section, sections
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.health import Health, health_of
from bot.store.queries.alerts import data_alerts_since
from bot.store.queries.changes import MOST, Relevant, changes_by_id, changes_since
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import incidents_since, remote_ids
from bot.store.queries.metrics import Reading, values_since
from bot.store.queries.models import model_by_name
from bot.store.queries.objectives import direction, objective
from bot.store.queries.proposals import decisions_since
from bot.store.queries.sources import hearing
from bot.store.tables import Change, Model

SHOWN = 24
IN_ONE_BLOCK = 6
POINTS = 20
MOVES = 3
"""So many of the largest moves between two values are told, each with what changed in between."""
BETWEEN = 3
READ = 200
"""Changes that are read: notes are many, and the deployments before them count."""
FIRST, THEN, LAST = range(3)
"""What stays when not everything can be shown: incidents, moves and definitions; rollouts and decisions; the rest."""
RANKS = {ChangeType.METRIC_DEFINITION: FIRST, ChangeType.MODEL: THEN}


class Told(NamedTuple):
    """One thing that happened."""

    rank: int
    at: datetime
    words: str


@dataclass(frozen=True)
class Trend:
    """The values of one metric that may be compared: none from before its newest definition, none provisional."""

    name: str
    values: Sequence[Reading]
    """Oldest first."""
    redefined: datetime | None
    waiting: Sequence[Reading]
    """Newest values whose labels have not arrived."""


def why(db: Session, model_name: str, metric: str | None, now: datetime, since: datetime, look: Look) -> Message:
    """Return the story of one metric of a model SINCE then; None = its most telling one."""
    model = model_by_name(db, model_name)
    if model is None or model.id is None:
        return unknown_model(db, model_name, look, verb="why")
    health = health_of(db, [model])[0]
    named = _named(health, metric)
    if metric and named is None:
        return _unmeasured(health, metric, look)
    trend = _trend(db, health, named, since) if named else None
    found = changes_since(db, model.id, since, until=now, limit=READ)
    newest_first = attrgetter("at", "words")
    told = sorted(_told(db, model, trend, found, since, look), key=newest_first, reverse=True)
    shown = sorted(sorted(told, key=attrgetter("rank"))[:SHOWN], key=newest_first, reverse=True)
    last, whole = changelog.connected(db, [model.id], hearing(db, look.sources, now), by=now)
    window = f"in the last {durations.short(now - since)}"
    lines = [one.words for one in shown] or [changelog.nothing(window, whole=whole)]
    left = len(told) - len(shown)
    least = "at least " if len(found) == READ else ""
    head = _head(model, trend)
    return finished(
        message(
            text.join(f"Why {text.line(model.name)} {window}", measures.spoken(head), by=": "),
            section(f"*Why {text.line(model.name)}?* {window}", head),
            _chart(model, trend) if trend else None,
            *sections(lines, IN_ONE_BLOCK),
            context(f"and {least}{left} more; ask for less with `--since`") if left else None,
            *([context(*_notes(trend, now))] if trend and any(_notes(trend, now)) else []),
            context(last),
            _buttons(health, named),
        ),
        look,
    )


def _named(health: Health, metric: str | None) -> Sequence[Reading] | None:
    """Return the readings of the metric that was named, by any part of its name, or of the most telling one."""
    product, other = measures.most_telling(health)
    if metric is None:
        return next(iter([*product, *other]), None)
    asked = metric.lower()
    exact = [rows for rows in (*product, *other) if rows[0].metric.lower() == asked]
    titled = [
        rows
        for rows in (*product, *other)
        if asked in rows[0].metric.lower() or asked in text.plain(measures.title(health.model, rows[0].metric)).lower()
    ]
    return next(iter([*exact, *titled]), None)


def _trend(db: Session, health: Health, named: Sequence[Reading], since: datetime) -> Trend:
    shown = measures.shown(named)
    metric = shown.metric
    found = values_since(db, health.model.id or 0, metric, shown.evaluation_type, since)
    redefined = health.redefined.get(metric)
    if redefined is not None and redefined < since:
        redefined = None
    same = [r for r in found if r.unit == shown.unit and (redefined is None or r.at >= redefined)]
    kept = [r for r in same if r.matured]
    waiting = [*takewhile(lambda r: not r.matured, same)]
    return Trend(metric, kept[::-1], redefined, waiting)


def _head(model: Model, trend: Trend | None) -> str:
    """Return from where to where the metric went: `AUC 0.934 → *0.912*, ▾ 0.021 worse`."""
    if trend is None:
        return "no metric is connected"
    title = measures.title(model, trend.name)
    if not trend.values:
        return f"{title}: no matured value" + ("" if trend.redefined is None else " since it was redefined")
    first, last = trend.values[0], trend.values[-1]
    figures = [numbers.figure(r.value, r.metric, measures.unit(model, r)) for r in (first, last)]
    if first is last:
        return f"{title} *{figures[1]}*, one value"
    way = direction(model, last)
    moved = numbers.change(last.value, first.value, last.metric, measures.unit(model, last), way)
    return text.join(f"{title} {figures[0]} → *{figures[1]}*", moved, by=", ")


def _told(
    db: Session, model: Model, trend: Trend | None, found: Sequence[Relevant], since: datetime, look: Look
) -> Iterator[Told]:
    """Yield everything that happened."""
    own = [r.change for r in found]
    for change, line in zip(own, changelog.lines(db, found), strict=True):
        yield Told(RANKS.get(ChangeType(change.change_type), LAST), change.occurred_at, f"📌 {line}")
    decided = decisions_since(db, model.id or 0, since, limit=MOST)
    for decision, line in zip(decided, changelog.decisions(decided), strict=True):
        yield Told(THEN, decision.at, line)
    if trend is not None:
        yield from _moves(model, trend, own)
        if trend.redefined is not None:
            title = measures.title(model, trend.name)
            words = f"✂️ {text.date(trend.redefined)} · {title} was redefined: no trend across it"
            yield Told(FIRST, trend.redefined, words)
    for group in data_alerts_since(db, model.id or 0, since):
        state = "over" if group.status == "resolved" else text.word(group.status)
        count = text.plural(group.total, "alert")
        words = text.join(f"📊 {text.date(group.opened_at)}", text.line(group.symptom), count, state)
        yield Told(LAST, group.opened_at, words)
    known = incidents_since(db, model.id or 0, since)
    ids = user_ids(db, [i.cause_by for i in known])
    places = remote_ids(db, [keys.incident(i.id) for i in known if i.id])
    suspects = changes_by_id(db, [i.suspect_change_id for i in known if i.suspect_change_id])
    for incident in known:
        suspect = suspects.get(incident.suspect_change_id or 0)
        url = text.permalink(places.get(keys.incident(incident.id or 0)), look.workspace)
        named = f"{text.link(url, incidents.name(incident))} {text.line(incident.title, 100)}"
        because = incidents.explained(incident, suspect, ids)
        words = text.join(f"🔥 {text.date(incident.onset_at)}", named, because)
        yield Told(FIRST, incident.onset_at, words)


def _moves(model: Model, trend: Trend, changes: Sequence[Change]) -> Iterator[Told]:
    """Yield the largest moves between two values, and what changed between these."""
    pairs = sorted(pairwise(trend.values), key=lambda pair: -abs(pair[1].value - pair[0].value))[:MOVES]
    for before, after in pairs:
        unit = measures.unit(model, after)
        moved = numbers.change(after.value, before.value, after.metric, unit, direction(model, after))
        if moved in ("", "unchanged"):
            continue
        near = [c for c in changes if before.at < (c.started_at or c.occurred_at) <= after.at]
        value = f"{measures.title(model, after.metric)} *{numbers.figure(after.value, after.metric, unit)}* {moved}"
        between = ", ".join(_short(change) for change in near[:BETWEEN])
        rest = f" and {len(near) - BETWEEN} more" if len(near) > BETWEEN else ""
        guess = f"*hypothesis:* {between}{rest} in between" if near else "no change is known in between"
        other = _other_version(before, after) if after.evaluation_type == "offline" or not near else ""
        yield Told(FIRST, after.at, text.join(f"📈 {text.date(after.at)}", value, other or guess))


def _other_version(before: Reading, after: Reading) -> str:
    """Return of which versions the two values are when not of one: offline nothing else has to have changed."""
    if not before.version or not after.version or before.version == after.version:
        return ""
    return f"of {text.version(after.version)}, the one before of {text.version(before.version)}"


def _short(change: Change) -> str:
    if change.version and change.change_type == "model":
        return f"{text.version(change.version)} deployed"
    return f"{text.word(change.change_type)} {text.line(change.summary, 60)}".strip()


def _notes(trend: Trend, now: datetime) -> list[str]:
    """Return what the line does not say: what is left out, and how far the labels reach."""
    reach = measures.labels(trend.values[-1], now) if trend.values else ""
    late = text.plural(len(trend.waiting), "newer value")
    waiting = f"{late} left out: {measures.labels(trend.waiting[0], now)}" if trend.waiting else ""
    return [reach, waiting]


def _chart(model: Model, trend: Trend) -> Block | None:
    """Return the line, when there is one to draw; evenly thinned, its ends always there."""
    if len(trend.values) < 2:
        return None
    last = len(trend.values) - 1
    count = min(POINTS, len(trend.values))
    kept = [trend.values[round(n * last / (count - 1))] for n in range(count)]
    style = style_of(trend.name, measures.unit(model, kept[-1]), kept[-1].value)
    days = [text.day(r.at) for r in kept]
    labels = days if len(set(days)) == len(days) else [f"{text.day(r.at)} {r.at:%H:%M}" for r in kept]
    labels = [label if labels.count(label) == 1 else f"{label} ({n})" for n, label in enumerate(labels, 1)]
    stated = [objective(model, r) for r in kept]
    limits = [found[1] for found in stated if found is not None]
    points = tuple(Point(n, _rounded(r.value * style.scale)) for n, r in zip(labels, kept, strict=True))
    slo = tuple(Point(n, _rounded(x * style.scale)) for n, x in zip(labels, limits, strict=False))
    title = text.plain(measures.title(model, trend.name))
    return charts.line(
        Chart(
            title=clip(f"{title} of {model.name}", 50),
            unit=style.unit,
            name=clip(title, 20) if title.upper() != "SLO" else "value",
            points=points,
            objective=slo if len(limits) == len(kept) else (),
        )
    )


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _unmeasured(health: Health, metric: str, look: Look) -> Message:
    name = quoted(health.model.name)
    known = [rows[0].metric for rows in (rows for found in measures.most_telling(health) for rows in found)]
    listed = ", ".join(text.code(one) for one in known[:8]) or "none"
    words = f"{text.bold(health.model.name)} was never measured by {text.code(metric)}. Known are {listed}."
    choices = (button(one, f"run_{n}", f"why {name} {quoted(one)}") for n, one in enumerate(known[:4], 1))
    plain = f"{text.line(health.model.name)} was never measured by {text.line(metric)}."
    return finished(message(plain, section(words), actions(*choices)), look)


def _buttons(health: Health, named: Sequence[Reading] | None) -> Block | None:
    name = quoted(health.model.name)
    version = health.live
    others = [rows[0].metric for found in measures.most_telling(health) for rows in found if rows is not named]
    return actions(
        button("Status", "run_1", f"status {name}"),
        *(button(f"Why {one}?", f"run_{n}", f"why {name} {quoted(one)}") for n, one in enumerate(others[:2], 2)),
        button("Versions", "run_4", f"versions {name}", label_for=f"Versions, {version} serves") if version else None,
    )
