"""Objectives that matured data misses, and gaps between offline and live, as alerts of our own.

They go through the same rules as anybody's alerts, so a missed objective has a card, opens an incident, and closes it
when it is kept again. Data whose labels have not arrived says nothing yet (findings.md F7, F20, F21).
"""

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES
from bot.domain.durations import short
from bot.domain.facts import AlertClass, AlertFact, AlertStatus, EvaluationFact, EvaluationType, Severity
from bot.domain.names import version_label
from bot.domain.units import style_of
from bot.ingest.rules import HISTORY
from bot.ingest.timeline import touch_ticket
from bot.store.projection import touch
from bot.store.queries.metrics import Reading, standing
from bot.store.queries.models import live
from bot.store.queries.objectives import is_judged, is_rescaled, misses, objective, settings
from bot.store.queries.promises import kept_now, rollouts_to_users
from bot.store.tables import Alert, AlertGroup, Change, Incident, Model

SOURCE = "bellwether"
"""As which source these alerts stand in the rows; a configured source of this name would be confused with it."""


GAP = "Offline-live gap"
SIGNS = {">=": "≥", "<=": "≤"}
JUDGING = ("objective", "gap")
"""What judges a model, with its number: how the fingerprints of these alerts begin."""


def alerts_of(db: Session, fact: EvaluationFact, model: Model, now: datetime) -> list[AlertFact]:
    """Return what the objectives of MODEL say after FACT was recorded; nothing for a backfill."""
    if fact.occurred_at < now - HISTORY or model.id is None:
        return []
    found = [*_objectives(db, fact, model), *_gaps(db, fact, model)]
    told = _open().where(col(Alert.fingerprint).in_({f.fingerprint for f in found}))
    firing = {alert.fingerprint for alert in db.exec(told)}
    return [f for f in found if f.status is AlertStatus.FIRING or f.fingerprint in firing]


def ended(db: Session, model: Model, now: datetime) -> list[AlertFact]:
    """Return the end of the gaps of versions that serve no more."""
    query = _open().where(Alert.model_id == model.id, col(Alert.fingerprint).startswith("gap/"))
    serving = {row.version for row in live(db, model)}
    return [over(alert, model.name, now) for alert in db.exec(query) if alert.version not in serving]


def passed_on(db: Session, model_id: int, into: Model, now: datetime) -> list[AlertFact]:
    """Let the alerts of a model that became INTO's go on as judged of INTO; return the end of what INTO has open, too.

    Nothing else would end them: what is measured from now on is judged of INTO.
    """
    known = db.exec(select(Alert).where(Alert.source == SOURCE, Alert.model_id == into.id)).all()
    firing = {alert.fingerprint for alert in known if alert.status != "resolved"}
    episodes = {(alert.fingerprint, alert.starts_at) for alert in known}
    twice = []
    for alert in known:
        kind, _, what = alert.fingerprint.partition(f"/{model_id}/")
        if kind not in JUDGING or alert.status == "resolved":
            continue
        after = f"{kind}/{into.id}/{what}"
        if after in firing or (after, alert.starts_at) in episodes:
            twice.append(over(alert, into.name, now))
        else:
            alert.fingerprint = after
            db.add(alert)
    db.flush()
    return twice


def over(alert: Alert, model: str | None, now: datetime) -> AlertFact:
    """Return that an alert of our own is over."""
    return AlertFact(
        fingerprint=alert.fingerprint,
        name=alert.name,
        status=AlertStatus.RESOLVED,
        starts_at=alert.starts_at,
        ends_at=now,
        model=model,
        version=alert.version,
        summary=alert.summary,
        value=alert.value,
    )


def name_version(db: Session, fact: EvaluationFact, model: Model, now: datetime) -> None:
    """Name the rollout of the version as the suspect of an incident that holds its gap, however long ago it was."""
    if fact.version is None or model.id is None:
        return
    rollouts = rollouts_to_users(db, model.id, fact.version)
    if not rollouts:
        return
    about = select(AlertGroup.incident_id).where(AlertGroup.model_id == model.id, AlertGroup.status != "resolved")
    about = about.where(col(AlertGroup.symptom).startswith(GAP))
    opened = select(Incident).where(col(Incident.id).in_(about), col(Incident.status).in_(OPEN_STATUSES))
    for incident in db.exec(opened.where(col(Incident.suspect_change_id).is_(None), Incident.model_id == model.id)):
        assert incident.id is not None
        rollout = db.get_one(Change, rollouts[0])
        ago = short(incident.opened_at - (rollout.started_at or rollout.occurred_at))
        incident.suspect_change_id = rollout.id
        incident.suspect = f"{version_label(fact.version)}, which it is about, deployed {ago} before"
        db.add(incident)
        touch(db, now, keys.incident(incident.id))
        touch_ticket(db, now, incident.id)


def _open() -> SelectOfScalar[Alert]:
    return select(Alert).where(Alert.source == SOURCE, Alert.status != "resolved")


def _objectives(db: Session, fact: EvaluationFact, model: Model) -> Iterator[AlertFact]:
    """Yield whether the newest matured value keeps its objective; one that has none any more misses nothing."""
    measured = {m.name for m in fact.metrics if m.slice == "all"}
    for matured in standing(db, [model.id or 0]).get(model.id or 0, ()):
        metric = matured.metric
        if metric not in measured or not is_judged(matured):
            continue
        wanted, missed = objective(model, matured), misses(model, matured)
        title = str(settings(model, metric).get("title") or metric)
        words = f"{title} has no objective any more"
        if wanted is not None:
            words = f"{title} {'misses' if missed else 'keeps'} its objective {_limit(model, matured, *wanted)}"
        key, name = f"objective/{model.id}/{metric}", f"Objective missed: {title}"
        yield _alert(key, name, matured, model, firing=missed, words=words, threshold=wanted[1] if wanted else None)


def _limit(model: Model, reading: Reading, op: str, value: float) -> str:
    """Return an objective as the cards write it: `≤ 2.5 %`."""
    stated = settings(model, reading.metric).get("unit")
    unit = reading.unit if stated is None or is_rescaled(model, reading) else str(stated)
    style = style_of(reading.metric, unit, value)
    return f"{SIGNS.get(op, op)} {value * style.scale:.6g} {style.unit}".strip()


def _gaps(db: Session, fact: EvaluationFact, model: Model) -> Iterator[AlertFact]:
    """Yield whether the newest matured live value of a version is worse than offline beyond the tolerance.

    Of a version that serves no more, whose labels came when it was gone, nothing is.
    """
    if fact.evaluation_type is not EvaluationType.LIVE or fact.version is None:
        return
    measured = {m.name for m in fact.metrics if m.slice == "all"}
    serving = {row.version for row in live(db, model)}
    gone = bool(serving) and fact.version not in serving
    for promise in kept_now(db, model, fact.version):
        metric = promise.live.metric
        if metric in measured:
            key, name = f"gap/{model.id}/{fact.version}/{metric}", f"{GAP}: {metric}"
            words = f"{version_label(fact.version)} {metric}: {promise.gap.words}"
            firing, threshold = promise.gap.exceeded and not gone, promise.tolerance
            yield _alert(key, name, promise.live, model, firing=firing, words=words, threshold=threshold)


def _alert(
    fingerprint: str, name: str, reading: Reading, model: Model, *, firing: bool, words: str, threshold: float | None
) -> AlertFact:
    return AlertFact(
        fingerprint=fingerprint,
        name=name,
        status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
        starts_at=reading.at,
        starts_known=False,
        ends_at=None if firing else reading.at,
        model=model.name,
        version=reading.version,
        stage=reading.stage,
        severity=Severity.CRITICAL,
        alert_class=AlertClass.HARD,
        category="performance",
        summary=words,
        value=reading.value,
        threshold=threshold,
        unit=reading.unit,
        source_url=reading.url,
    )
