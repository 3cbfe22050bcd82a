"""Dead-man switches: what should have come by now and did not. Missing data is the commonest way to fail silently.

A late evaluation or retraining is an alert of our own, a soft one: a card that ends when it comes. A source that fell
silent is told to the admins. A version that users have and nobody measured there is told in its rollout's thread, one
that was decided and does not serve on the card of the decision.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from sqlalchemy import exists
from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.durations import short
from bot.domain.facts import AlertClass, AlertFact, AlertStatus, ChangeType, DeploymentStatus, Severity
from bot.domain.stages import has_users
from bot.ingest.objectives import SOURCE, over
from bot.ingest.outcomes import note_overdue
from bot.ingest.record import record_own
from bot.ingest.rules import Rules
from bot.store.projection import touch, touch_existing
from bot.store.queries.metrics import never_measured
from bot.store.queries.models import names_of
from bot.store.queries.sources import SILENT, heartbeats
from bot.store.queries.versions import last_seen
from bot.store.tables import Alert, Change, Model, Projection, Serving

EVERY = timedelta(minutes=5)
"""How often it is worth looking."""
PATIENCE = 1.25
"""Late is what took this much longer than expected: a weekly job is never to the minute."""
UNMEASURED = timedelta(days=14)
"""So long after its rollout, and the time that labels take, a version should have been measured live."""
STILL_NEWS = timedelta(days=60)
LATE = "late/"


def look(db: Session, now: datetime, rules: Rules, sources: Collection[str]) -> None:
    """Tell of what is overdue, and of what came after all. SOURCES are configured."""
    record_own(db, [*_late(db, now)], now, rules=rules)
    _listen(db, now, rules, sources)
    touch(db, now, *_unmeasured(db, now))
    note_overdue(db, now)


def _late(db: Session, now: datetime) -> Iterator[AlertFact]:
    """Yield what became late, and what is late no more."""
    known = select(Alert).where(Alert.source == SOURCE, Alert.status != "resolved")
    firing = {a.fingerprint: a for a in db.exec(known.where(col(Alert.fingerprint).startswith(LATE)))}
    awaited = col(Model.evaluate_every_s).is_not(None) | col(Model.retrain_every_s).is_not(None)
    models = db.exec(select(Model).where(awaited, col(Model.retired_at).is_(None))).all()
    seen = last_seen(db, [model.id or 0 for model in models])
    late = {}
    for model in models:
        last = seen[model.id or 0]
        for what, every_s, since in (
            ("evaluation", model.evaluate_every_s, last.evaluated),
            ("retraining", model.retrain_every_s, last.retrained),
        ):
            every = timedelta(seconds=every_s or 0)
            due = (since or model.created_at) + every
            if every and now > due + every * (PATIENCE - 1):
                fact = _alert(model, what, every, since, due)
                late[fact.fingerprint] = fact
    yield from (fact for fingerprint, fact in late.items() if fingerprint not in firing)
    names = names_of(db, {alert.model_id for alert in firing.values()})
    for fingerprint, alert in firing.items():
        if fingerprint not in late:
            yield over(alert, names.get(alert.model_id or 0), now)


def _alert(model: Model, what: str, every: timedelta, since: datetime | None, due: datetime) -> AlertFact:
    last = f"the last one was of {since:%d %b %H:%M} UTC" if since else "there was none yet"
    return AlertFact(
        fingerprint=f"{LATE}{what}/{model.id}",
        name=f"{what.capitalize()} late",
        status=AlertStatus.FIRING,
        starts_at=due,
        model=model.name,
        severity=Severity.WARNING,
        alert_class=AlertClass.SOFT,
        summary=f"No {what} for more than {short(every)}, which is how often one is expected; {last}",
    )


def _listen(db: Session, now: datetime, rules: Rules, sources: Collection[str]) -> None:
    """Note which sources fell silent and which speak again."""
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


def _unmeasured(db: Session, now: datetime) -> list[str]:
    """Return the replies that say that a version, live for long, was never measured there.

    Only of models that are evaluated at all: where nothing is connected, the status says so.
    """
    serves = exists().where(
        col(Serving.model_id) == col(Change.model_id),
        col(Serving.version) == col(Change.version),
        col(Serving.stage) == col(Change.stage),
        col(Serving.until).is_(None),
    )
    done = (Change.change_type == ChangeType.MODEL, Change.status == DeploymentStatus.SUCCEEDED, serves)
    query = select(Change, Model).join(Model, col(Model.id) == col(Change.model_id))
    query = query.where(*done, col(Change.quiet).is_(False))
    query = query.where(Change.occurred_at > now - STILL_NEWS, Change.occurred_at < now - UNMEASURED)
    rollouts = db.exec(query.where(col(Model.retired_at).is_(None)))
    aged = [
        change.id or 0
        for change, model in rollouts
        if has_users(change.stage, model.stages)
        and change.occurred_at <= now - UNMEASURED - timedelta(seconds=model.label_lag_s or 0)
    ]
    replies = {keys.deployment_live(number): number for number in aged}
    told = set(db.exec(select(Projection.key).where(col(Projection.key).in_(replies))))
    never = never_measured(db, [number for key, number in replies.items() if key not in told])
    return [keys.deployment_live(number) for number in never]
