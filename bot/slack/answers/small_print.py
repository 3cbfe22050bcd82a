"""The last lines of a status: what one can go back to, how fresh everything is, whose it is, what is not connected."""

from datetime import datetime, timedelta

from sqlmodel import Session

from bot.domain import durations
from bot.slack import text
from bot.slack.health import Health
from bot.store.queries.alerts import data_alerts_known
from bot.store.queries.directory import user_ids
from bot.store.queries.judging import family, is_product
from bot.store.queries.lag import lag
from bot.store.queries.models import previous_version, stages_in_order
from bot.store.queries.sources import Hearing
from bot.store.queries.versions import last_seen, last_served, seen_of
from bot.store.tables import Model, Serving

LATE = timedelta(seconds=90)
"""Longer than a card that changes all the time may take."""


def small_print(db: Session, health: Health, heard: Hearing, now: datetime) -> list[str]:
    """Return the parts of these lines, some of them empty."""
    model = health.model
    live = health.serving[0] if health.serving else None
    known_good = model.fallback
    if known_good is None and live is not None and model.id is not None:
        known_good = previous_version(db, model.id, stage=live.stage, version=live.version, bad=health.bad)
    ids = user_ids(db, [model.owner, model.on_call])
    silent = [f"{text.line(name, 60)} silent for {durations.short(now - at)}" for name, at in heard.silent]
    missing = _missing(db, health) + [f"{text.line(name, 60)} (never heard)" for name in heard.never]
    return [
        _fall_back(db, model, live, known_good, now),
        *_freshness(db, model, live, now),
        f"owner {text.mention(model.owner, ids)}" if model.owner else "no owner",
        f"on call {text.mention(model.on_call, ids)}" if model.on_call else "",
        *silent,
        _behind(db, now),
        f"not connected: {', '.join(missing)}" if missing else "",
        f"as of {text.date(now)}",
    ]


def _fall_back(db: Session, model: Model, live: Serving | None, version: str | None, now: datetime) -> str:
    """Return to which version one can go back, and when it last served: a way that was never gone may not be one."""
    if version is None:
        return "no fall-back known"
    stage = live.stage if live else stages_in_order(model)[-1]
    served = last_served(db, model.id or 0, stage=stage, version=version)
    if served.now:
        exercised = "serves now"
    else:
        exercised = f"last served {durations.short(now - served.until)} ago" if served.until else "never served"
    return f"fall-back {text.version(version)}, {exercised}"


def _freshness(db: Session, model: Model, live: Serving | None, now: datetime) -> list[str]:
    """Return the age of the newest evaluation, of what serves and of its data, against what is expected."""
    if live is None:
        last, data_until = last_seen(db, [model.id or 0])[model.id or 0], None
    else:
        last, data_until = seen_of(db, model.id or 0, live.version)
    retrained = "never retrained" if live is None else f"age of {text.version(live.version)} unknown"
    age = f"{durations.short(now - data_until)} old" if data_until and data_until <= now else ""
    data = text.join(f"data to {text.day(data_until)}", age, by=", ") if data_until else ""
    return [
        _age("evaluated", "never evaluated", model.evaluate_every_s, last.evaluated, now),
        _age("retrained", retrained, model.retrain_every_s, last.retrained, now),
        data,
    ]


def _age(word: str, never: str, every: int | None, at: datetime | None, now: datetime) -> str:
    if not every:
        return f"{word} {durations.short(now - at)} ago" if at else ""
    age = f"{word} {durations.short(now - at)} ago" if at else never
    return f"{age} (expected every {durations.short(timedelta(seconds=every))})"


def _behind(db: Session, now: datetime) -> str:
    """Return how late the channels are, when they are: what stands here is newer."""
    behind = lag(db, "slack/", now)
    if behind.oldest < LATE:
        return ""
    return f"⏳ {text.plural(behind.copies, 'message')} in Slack up to {durations.short(behind.oldest)} behind"


def _missing(db: Session, health: Health) -> list[str]:
    """Return what nobody ever told us of this model, by name: a blank is not a zero."""
    newest = [rows[0] for rows in health.readings.values()]
    kinds = {r.evaluation_type for rows in health.readings.values() for r in rows}
    gaps = {
        "deployments": bool(health.serving),
        "live metric": "live" in kinds,
        "product metric": any(is_product(health.model, r) for r in newest),
        "data quality": any(family(health.model, r) == "data" for r in newest)
        or data_alerts_known(db, health.model.id or 0),
    }
    return [name for name, there in gaps.items() if not there]
