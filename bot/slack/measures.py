"""A measured value in words: its title, value, way and labels; and whether it keeps its objective.

Never a bare live number: how far the labels reach stands beside it, and an objective is judged on matured values only
(findings.md F20).
"""

import re
from collections.abc import Sequence
from datetime import datetime

from bot.domain.evaluations import Judgement, Verdict
from bot.domain.facts import EvaluationType
from bot.domain.names import version_label
from bot.slack import numbers, text
from bot.slack.health import Health
from bot.store.queries.judging import is_product, judged, rank
from bot.store.queries.metrics import Reading
from bot.store.queries.objectives import JUDGED, Stated, direction, is_rescaled, objective, settings
from bot.store.tables import Model

ACRONYMS = frozenset(
    ["auc", "f1", "psi", "mae", "rmse", "mse", "mape", "ndcg", "mrr", "ctr", "ece", "map", "r2", "csi"]
)
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
LINKED = re.compile(r"<[^<>|]*\|([^<>]*)>")
UNCOMPARED = (Verdict.INSUFFICIENT_DATA, Verdict.BELOW_THRESHOLD, Verdict.MEETS_THRESHOLD)
"""Verdicts that say nothing of a difference."""


def title(model: Model, metric: str) -> str:
    """Return what people call the metric, escaped: `Good payments declined`, `AUC`."""
    stated = settings(model, metric).get("title")
    if stated:
        return text.line(str(stated), 60)
    words = metric.replace("_", " ").strip().split(" ")
    spoken = " ".join(word.upper() if word.lower() in ACRONYMS else word for word in words)
    return text.line(spoken[:1].upper() + spoken[1:], 60)


def unit(model: Model, reading: Stated) -> str:
    """Return the unit of a value: the configuration's word before the source's, except `%` for a share of one."""
    stated = settings(model, reading.metric).get("unit")
    return reading.unit if stated is None or is_rescaled(model, reading) else str(stated)


def phrase(model: Model, reading: Reading, judgement: Judgement | None = None) -> str:
    """Return `AUC *0.912* ▾ 0.021, regressed`: the value, how it moved, and the verdict.

    Where no verdict is possible, `▾ 0.021 worse` says which way it moved and no more.
    """
    metric, measure = reading.metric, unit(model, reading)
    name = text.link(reading.url, title(model, metric))
    _, against = objective(model, reading) or (None, None)
    value = f"{name} *{numbers.figure(reading.value, metric, measure, against=against)}*"
    if judgement is None:
        return value
    if judgement.verdict is Verdict.NOT_COMPARABLE:
        return f"{value} ({text.escape(judgement.short)})"
    way = direction(model, reading) if judgement.verdict in UNCOMPARED else None
    base = judgement.baseline
    moved = "" if base is None else numbers.change(reading.value, base, metric, measure, way)
    verdict = "" if moved == "unchanged" and judgement.verdict is Verdict.INCONCLUSIVE else judgement.short
    return text.join(f"{value} {moved}".rstrip(), text.escape(verdict), by=", ")


def told(health: Health, reading: Reading, judgement: Judgement) -> str:
    """Return `phrase` with the version that the value was measured on."""
    return text.join(phrase(health.model, reading, judgement), measured_on(health, reading), by=" ")


def measured_on(health: Health, reading: Reading) -> str:
    """Return `on v42`; empty where that alone serves, or where nobody said: then it is of whatever served."""
    version = reading.version
    if version is None or {version_label(row.version) for row in health.sharing} == {version_label(version)}:
        return ""
    return f"on {text.escape(version_label(version))}"


def grouped(words: str) -> str:
    """Return words of the domain, escaped, with our sign between thousands."""
    return text.escape(THOUSANDS.sub("\u202f", words))


def spoken(phrase: str) -> str:
    """Return a phrase for ears: words for its signs."""
    return LINKED.sub(r"\1", phrase).replace("*", "").replace("▴", "up").replace("▾", "down")


def labels(reading: Reading, now: datetime | None = None) -> str:
    """Return how far the labels reach, `labels to 20 Nov (88 % labelled), 3 days unseen`; NOW is for answers only.

    Below what can be judged it is provisional. A model's value on live data is never without a word of its labels.
    """
    share = reading.labelled_fraction
    reach = f"labels to {text.day(reading.labels_until)}" if reading.labels_until else ""
    labelled = "" if share is None else f"{numbers.figure(share, unit='share')} labelled"
    words = f"{reach} ({labelled})" if reach and labelled else reach or labelled
    if not words:
        window = f"to {text.day(reading.window_end)}" if reading.window_end else ""
        unstated = reading.evaluation_type == EvaluationType.LIVE and reading.family in (None, "model")
        words = text.join(window, "labels not stated" if unstated else "", by=", ")
    elif now is not None and (end := reading.labels_until or reading.window_end) and (now - end).days > 0:
        words += f", {text.plural((now - end).days, 'day')} unseen"
    words = words if reading.matured else text.join("provisional", words, by=": ")
    ahead = f"dated {text.day(reading.stated_at)} by a clock that is ahead" if reading.stated_at else ""
    return text.join(words, ahead)


def rows(reading: Reading) -> str:
    """Return `n 41 200`; empty when nobody said."""
    return f"n {text.grouped(reading.n)}" if reading.n is not None else ""


def objective_words(model: Model, reading: Reading) -> str:
    """Return `SLO ≤ 2.5 %`; empty without one."""
    wanted = objective(model, reading)
    if wanted is None:
        return ""
    return f"SLO {numbers.threshold(*wanted, reading.metric, unit(model, reading))}"


def most_telling(health: Health) -> tuple[list[Sequence[Reading]], list[Sequence[Reading]]]:
    """Return the readings of each metric of the product, and of each other one, the most telling metric first."""
    metrics = sorted(health.readings.values(), key=lambda rows: rank(health.model, shown(rows)))
    product = [rows for rows in metrics if is_product(health.model, shown(rows))]
    return product, metrics[len(product) :]


def shown(readings: Sequence[Reading]) -> Reading:
    """Return the one to show of the readings of a metric, newest first: the newest where users are, else the newest."""
    return next((r for r in readings if r.evaluation_type in JUDGED), readings[0])


def same_kind(health: Health, readings: Sequence[Reading]) -> tuple[Reading, Judgement]:
    """Return what to show of one metric, newest first: its newest value where users are, and the verdict on it."""
    one = shown(readings)
    earlier = [r for r in readings if r.at < one.at]
    live = next((s.version for s in health.serving), None)
    redefined = health.redefined.get(one.metric)
    return one, judged(health.model, one, earlier, baseline=live, redefined=redefined)
