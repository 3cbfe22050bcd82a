"""Dead-man switches: what should have come by now and did not. Missing data is the commonest way to fail silently.

A late evaluation or retraining is an alert of our own, a soft one: a card that ends when it comes. A source that fell
silent is told to the admins. A version that users have and nobody measured there is told in its rollout's thread, one
that was decided and does not serve on the card of the decision.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.attribution import NOT_LIVE
from bot.domain.durations import short
from bot.domain.facts import AlertClass, AlertFact, AlertStatus, ChangeType, DeploymentStatus, Severity
from bot.ingest.objectives import SOURCE
from bot.ingest.outcomes import note_overdue
from bot.ingest.record import record_own
from bot.ingest.rules import Rules
from bot.store.projection import touch, touch_existing
from bot.store.queries.metrics import first_matured
from bot.store.queries.models import live
from bot.store.queries.sources import SILENT, heartbeats
from bot.store.queries.versions import last_evaluated, last_retrained
from bot.store.tables import Alert, Change, Model, Projection

EVERY = timedelta(minutes=5)
"""How often it is worth looking."""
PATIENCE = 1.25
"""Late is what took this much longer than expected: a weekly job is never to the minute."""
UNMEASURED = timedelta(days=14)
"""So long after its rollout, and the time that labels take, a version should have been measured live."""
STILL_NEWS = timedelta(days=60)
LATE = "late/"


def look(db: Session, now: datetime, rules: Rules, sources: Collection[str]) -> bool:
    """Tell of what is overdue, and of what came after all; True if there was anything. SOURCES are configured."""
    overdue = [*_late(db, now)]
    record_own(db, overdue, now, rules=rules)
    silent = _listen(db, now, rules, sources)
    unmeasured = list(_unmeasured(db, now))
    touch(db, now, *unmeasured)
    return any((note_overdue(db, now), overdue, silent, unmeasured))


def _late(db: Session, now: datetime) -> Iterator[AlertFact]:
    """Yield what became late, and what is late no more."""
    known = select(Alert).where(Alert.source == SOURCE, Alert.status != "resolved")
    firing = {a.fingerprint: a for a in db.exec(known.where(col(Alert.fingerprint).startswith(LATE)))}
    awaited = col(Model.evaluate_every_s).is_not(None) | col(Model.retrain_every_s).is_not(None)
    late = {}
    for model in db.exec(select(Model).where(awaited, col(Model.retired_at).is_(None))):
        for what, every_s, last in (
            ("evaluation", model.evaluate_every_s, last_evaluated),
            ("retraining", model.retrain_every_s, last_retrained),
        ):
            every = timedelta(seconds=every_s or 0)
            since = last(db, model.id) if every else None
            due = (since or model.created_at) + every
            if every and now > due + every * (PATIENCE - 1):
                late[f"{LATE}{what}/{model.name}"] = _alert(model.name, what, every, since, due)
    yield from (fact for fingerprint, fact in late.items() if fingerprint not in firing)
    concerned = select(Model).where(col(Model.id).in_({alert.model_id for alert in firing.values()}))
    names = {model.id: model.name for model in db.exec(concerned)}
    for fingerprint, alert in firing.items():
        if fingerprint not in late:
            yield AlertFact(
                fingerprint=fingerprint,
                name=alert.name,
                status=AlertStatus.RESOLVED,
                starts_at=alert.starts_at,
                ends_at=now,
                model=names.get(alert.model_id),
                summary=alert.summary,
            )


def _alert(model: str, what: str, every: timedelta, since: datetime | None, due: datetime) -> AlertFact:
    last = f"the last one was of {since:%d %b %H:%M} UTC" if since else "there was none yet"
    return AlertFact(
        fingerprint=f"{LATE}{what}/{model}",
        name=f"{what.capitalize()} late",
        status=AlertStatus.FIRING,
        starts_at=due,
        model=model,
        severity=Severity.WARNING,
        alert_class=AlertClass.SOFT,
        summary=f"No {what} for more than {short(every)}, which is how often one is expected; {last}",
    )


def _listen(db: Session, now: datetime, rules: Rules, sources: Collection[str]) -> bool:
    """Note which sources fell silent and which speak again; return whether any did."""
    moved = False
    for beat in heartbeats(db):
        silent = beat.source in sources and beat.last_at < now - SILENT
        if silent != (beat.silent_since is not None):
            beat.silent_since = now if silent else None
            db.add(beat)
            moved = True
    if moved:
        touch(db, now, *(keys.operator_note(admin, "silent") for admin in rules.admins))
        touch_existing(db, now, keys.ALL_HOMES)
    return moved


def _unmeasured(db: Session, now: datetime) -> Iterator[str]:
    """Yield the replies that say that a version, live for long, was never measured there.

    Only of models that are evaluated at all: where nothing is connected, the status says so.
    """
    done = (Change.change_type == ChangeType.MODEL, Change.status == DeploymentStatus.SUCCEEDED)
    query = select(Change, Model).join(Model, col(Model.id) == col(Change.model_id))
    query = query.where(*done, col(Change.quiet).is_(False), col(Change.stage).not_in(NOT_LIVE))
    query = query.where(Change.occurred_at > now - STILL_NEWS, Change.occurred_at < now - UNMEASURED)
    for change, model in db.exec(query.where(col(Model.retired_at).is_(None))):
        key = keys.deployment_live(change.id or 0)
        label_lag = timedelta(seconds=model.label_lag_s or 0)
        serves = any(s.version == change.version and s.stage == change.stage for s in live(db, model.id or 0))
        if change.occurred_at > now - UNMEASURED - label_lag or not serves or db.get(Projection, key) is not None:
            continue
        if last_evaluated(db, model.id) and not first_matured(db, model.id or 0, change.version or "", "live"):
            yield key
