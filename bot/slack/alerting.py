"""An alert group in words: how many, how bad, about what, since which change, and what people said the last times."""

from collections import Counter
from datetime import timedelta

from sqlmodel import Session

from bot.domain import durations
from bot.domain.attribution import DEPLOYMENTS, WORTH_SAYING, Onset, Relation, onset_of
from bot.domain.names import clean_url
from bot.domain.serving import GRACE, How, version_at
from bot.ingest.suspects import suspect_of
from bot.slack import numbers, text
from bot.store.queries.alerts import Features
from bot.store.queries.models import served_between
from bot.store.tables import Alert, AlertGroup, Change, Model

SHOWN_FEATURES = 2
SAID = {"acted": "acted", "real_later": "real, later", "noise": "noise", "known": "known"}


def title(symptom: str, alert: Alert | None) -> str:
    """Return the alert's name, linked to where it came from."""
    return text.link(alert.source_url if alert else None, text.line(symptom))


def value(alert: Alert | None) -> str:
    """Return the newest value against its threshold: `*0.31* > 0.20`; empty when the source sent none."""
    if alert is None or alert.value is None:
        return ""
    measured = numbers.sent(alert.value, alert.name, alert.unit, against=alert.threshold)
    if alert.threshold is None:
        return f"*{measured}*"
    side = "&gt;" if alert.value >= alert.threshold else "&lt;"
    return f"*{measured}* {side} {numbers.sent(alert.threshold, alert.name, alert.unit)}"


def features(found: Features, shown: int = SHOWN_FEATURES) -> str:
    """Return the features or columns that most alerts are about: `merchant_country`, `device_id` + 3."""
    named = ", ".join(text.code(name, 60) for name, _ in found.top[:shown])
    rest = found.distinct - min(shown, len(found.top))
    return f"{named} + {text.grouped(rest)}" if rest > 0 else named


def ranked_features(found: Features) -> str:
    """Return the top features with how many alerts each has, where that differs, and how many more there are."""
    one_each = all(count == 1 for _, count in found.top)
    named = ", ".join(
        text.code(name, 60) + ("" if one_each else f" {text.grouped(count)}") for name, count in found.top
    )
    rest = found.distinct - len(found.top)
    return f"{named} + {text.plural(rest, 'more feature')}" if rest > 0 else named


def counts(group: AlertGroup) -> str:
    """Return `14 alerts, 3 firing`."""
    total = text.plural(group.total, "alert")
    return total if group.firing == group.total else f"{total}, {text.grouped(group.firing)} firing"


def links(alert: Alert | None) -> str:
    """Return the ways from here: runbook, dashboard."""
    if alert is None:
        return ""
    ways = (("runbook", alert.runbook_url), ("dashboard", alert.dashboard_url))
    return text.join(*(text.link(url, word) for word, url in ways if clean_url(url)))


def summary(alert: Alert | None, symptom: str) -> str:
    """Return what the source says of it, unless that is only its name."""
    said = text.line(alert.summary, 200) if alert else ""
    return "" if said.lower() == symptom.lower() else said


def history(times: int, verdicts: Counter[str]) -> str:
    """Return `last 3 times: 2 noise, 1 acted`; empty when it never fired before or nobody said a word."""
    if not times or not verdicts:
        return ""
    words = [f"{count} {SAID.get(verdict, text.word(verdict))}" for verdict, count in sorted(verdicts.items())]
    if silent := times - verdicts.total():
        words.append(f"{silent} without a word")
    return f"last {'time' if times == 1 else f'{times} times'}: {', '.join(words)}"


def served(db: Session, group: AlertGroup) -> str:
    """Return which version served when it began: `v42 served`, `v2 90 %, v3 10 % served`; empty when nobody knows.

    A version that the alerts' labels name is believed, with a word of doubt when another one served.
    """
    model = db.get(Model, group.model_id) if group.model_id is not None else None
    if model is None or model.id is None:
        return ""
    onset = _onset(group)
    rows = served_between(db, model.id, onset.at - GRACE, onset.fired_at)
    held = version_at(rows, onset.at, onset.fired_at, stage=group.stage, stages=model.stages, stated=group.version)
    match held.how:
        case How.NONE:
            return ""
        case How.EXPLICIT:
            return text.escape(held.words)
        case How.INFERRED | How.SPLIT:
            return text.escape(f"{held.words} served")


def nearest_change(db: Session, group: AlertGroup) -> str:
    """Return `began *11 min after* v42`: order in time, never a cause; empty when nothing is known to be near."""
    model = db.get(Model, group.model_id) if group.model_id is not None else None
    near = suspect_of(db, model, _onset(group), stage=group.stage)
    change = db.get(Change, near.change_id) if near else None
    if near is None or change is None:
        return ""
    owner = f"{text.line(near.candidate.model)} " if near.relation is Relation.DEPENDENCY else ""
    if change.change_type in DEPLOYMENTS:
        what = text.version(change.version)
    else:
        what = text.join(f"the {text.word(change.change_type)} change", text.line(change.summary, 60), by=": ")
    often = near.coincidence is not None and near.coincidence >= WORTH_SAYING
    chance = f" ({near.coincidence:.0%} by chance)" if often else ""
    return f"began *{durations.short(near.before)} after* {owner}{text.link(change.url, what)}{chance}"


def _onset(group: AlertGroup) -> Onset:
    lookback = timedelta(seconds=group.lookback_s) if group.lookback_s is not None else None
    return onset_of(group.opened_at, lookback, category=group.category)
