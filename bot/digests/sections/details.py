"""The thread: three lines a model, the noisy rules, what is not connected. For those who want to know."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.digests.health import Story
from bot.digests.metric import Metric
from bot.digests.noise import USEFUL, rules_of
from bot.digests.rows import is_open
from bot.digests.sections.decisions import wanted
from bot.digests.sections.table import compared
from bot.digests.telling import Telling
from bot.digests.words import count, day_of, grouped, labels_of, listed, objective_of, share, value_of
from bot.domain.actions import Cause
from bot.domain.digest import Detail, DigestView
from bot.domain.durations import short
from bot.domain.names import version_label

MOST_MODELS = 30
MOST_METRICS = 3
MOST_RULES = 5
MOST_NAMES = 8


def add(view: DigestView, telling: Telling) -> DigestView:
    """Add the paragraphs of the thread."""
    found = (*_models(telling), *_decisions(view, telling), *_rules(telling), *_comparisons(telling), *_gaps(telling))
    return replace(view, details=found)


def _models(telling: Telling) -> Iterator[Detail]:
    for story in telling.stories[:MOST_MODELS]:
        lines = (_serving(story), _measured(story), _happened(story))
        yield Detail(f"{story.health.glyph} {story.name} · {story.health}", lines)
    if rest := telling.stories[MOST_MODELS:]:
        names = listed([s.name for s in rest], MOST_NAMES)
        yield Detail(f"And {count(len(rest), 'model')} more", (f"None of them is worse than these: {names}.",))


def _serving(story: Story) -> str:
    """Return what users get, and who looks after it."""
    words = [
        f"{version_label(s.version)}{'' if s.traffic_percent is None else f' {s.traffic_percent:g} %'} "
        f"in {s.stage} since {day_of(s.since, story.period)}"
        for s in story.week.live[:2]
    ]
    owner = story.week.model.owner
    return " · ".join([*(words or ["live version unknown"]), f"owner {owner}" if owner else "no owner"])


def _measured(story: Story) -> str:
    """Return the metrics that matter most, each with its n and its last label."""
    words = [_metric(m, story) for m in story.metrics if m.readings][:MOST_METRICS]
    if not words:
        return "no evaluation in four weeks"
    silent = story.silent_days
    return " · ".join([*words, *([f"nothing for {count(silent, 'day')}"] if silent else [])])


def _metric(metric: Metric, story: Story) -> str:
    reading = metric.known or metric.readings[0]
    notes = [objective_of(metric)]
    if reading.measured.n is not None:
        notes.append(f"n {grouped(reading.measured.n)}")
    notes.append(labels_of(reading, story.period) or f"of {day_of(reading.at, story.period)}")
    if early := metric.provisional:
        notes.append(f"newer: {value_of(metric, early.value)} provisional, {labels_of(early, story.period)}")
    return f"{metric.title} {value_of(metric, reading.value)} ({', '.join(filter(None, notes))})"


def _happened(story: Story) -> str:
    week, words = story.week, []
    if week.deploys or week.changes:
        undone = f", {len(week.undone)} rolled back" if week.undone else ""
        words.append(count(len(week.changes), "change") + undone)
    else:
        words.append("deployments not connected")
    for incident in week.incidents[:2]:
        if is_open(incident, story.period.hour):
            words.append(f"INC-{incident.id} open since {day_of(incident.opened_at, story.period)}")
        elif incident.resolved_at:
            cause = (incident.cause or "not stated").replace("_", " ")
            cause = "not known" if incident.cause == Cause.UNKNOWN else cause
            words.append(
                f"INC-{incident.id} fixed in {short(incident.resolved_at - incident.opened_at)}, cause {cause}"
            )
    groups = [g for g in week.groups if story.period.contains(g.opened_at)]
    if groups or week.alerts:
        verdicts = [g.verdict for g in groups if g.verdict is not None]
        useful = f", {len(verdicts)} judged, {sum(v in USEFUL for v in verdicts)} useful" if verdicts else ""
        words.append(count(len(groups), "alert") + useful)
    else:
        words.append("alerts not connected")
    return " · ".join(words)


def _decisions(view: DigestView, telling: Telling) -> Iterator[Detail]:
    if view.more_decisions:
        rest = wanted(telling)[len(view.decisions) :]
        yield Detail("More decisions wanted", tuple(f"{w.question} {w.reason}".rstrip() for w in rest[:10]))


def _rules(telling: Telling) -> Iterator[Detail]:
    rules = [r for r in rules_of(telling) if r.fires > 1][:MOST_RULES]
    if rules:
        lines = (
            f"{r.name}: fired {grouped(r.fires)} times, "
            + (f"ignored {share(r.ignored, r.judged)} judged" if r.judged else "nobody judged it")
            for r in rules
        )
        yield Detail("Noisiest rules", tuple(lines))


def _comparisons(telling: Telling) -> Iterator[Detail]:
    """Say how many verdicts were given together: of many, some would be wrong by chance."""
    made = sum(judgement.p is not None for judgement in compared(telling.stories).values())
    if made > 1:
        line = f"{made} together; of those that stand, at most 1 in 10 is expected to be chance (Benjamini-Hochberg)."
        yield Detail("Comparisons", (line,))


def _gaps(telling: Telling) -> Iterator[Detail]:
    """Name what is not connected, so that nobody takes silence for health."""
    stories = telling.stories
    kinds = {
        "Product metric": [s for s in stories if s.product is None],
        "Evaluations": [s for s in stories if not s.week.readings],
        "Deployments": [s for s in stories if not s.week.deploys],
        "Alerts": [s for s in stories if not s.week.alerts],
    }
    lines = [_gap(kind, missing, len(stories)) for kind, missing in kinds.items() if missing]
    if never := telling.week.hearing.never:
        lines.append(f"Never heard: {listed(never, MOST_NAMES)}.")
    if absent := telling.week.absent:
        lines.append(f"Asked for in the configuration, never heard of: {listed(absent, MOST_NAMES)}.")
    if lines:
        yield Detail("Not connected", tuple(lines))


def _gap(kind: str, missing: Sequence[Story], total: int) -> str:
    return f"{kind}: {_of(len(missing), total)} ({listed([s.name for s in missing], MOST_NAMES)})."


def _of(part: int, whole: int) -> str:
    """Return `3 of 6 models`, `all 6 models`."""
    return f"all {count(whole, 'model')}" if part == whole > 1 else f"{part} of {count(whole, 'model')}"
