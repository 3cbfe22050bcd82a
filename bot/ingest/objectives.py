"""Objectives that matured data misses, and gaps between offline and live, as alerts of our own.

They go through the same rules as anybody's alerts, so a missed objective has a card, opens an incident, and closes it
when it is kept again. Data whose labels have not arrived says nothing yet (findings.md F7, F20, F21).
"""

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session, select

from bot.domain.facts import AlertClass, AlertFact, AlertStatus, EvaluationFact, EvaluationType, Severity
from bot.domain.gaps import TOLERANCE, offline_live_gap
from bot.domain.metrics import direction_of
from bot.domain.names import version_label
from bot.ingest.rules import HISTORY
from bot.store.queries.metrics import Reading, first_per_metric, newest_values, values_of_version
from bot.store.queries.models import live
from bot.store.queries.objectives import JUDGED, breach, objective, settings
from bot.store.tables import Alert, Model

SOURCE = "bellwether"
"""As which source these alerts stand in the rows; a configured source of this name would be confused with it."""


def alerts_of(db: Session, fact: EvaluationFact, model: Model, now: datetime) -> list[AlertFact]:
    """Return what the objectives of MODEL say after FACT was recorded; nothing for a backfill."""
    if fact.occurred_at < now - HISTORY or model.id is None:
        return []
    found = [*_objectives(db, fact, model), *_gaps(db, fact, model)]
    firing = set(db.exec(select(Alert.fingerprint).where(Alert.source == SOURCE, Alert.status != "resolved")))
    return [f for f in found if f.status is AlertStatus.FIRING or f.fingerprint in firing]


def ended(db: Session, model: Model, now: datetime) -> list[AlertFact]:
    """Return the end of the gaps of versions that serve no more."""
    query = select(Alert).where(Alert.source == SOURCE, Alert.model_id == model.id, Alert.status != "resolved")
    serving = {row.version for row in live(db, model.id or 0)}
    gone = [a for a in db.exec(query) if a.fingerprint.startswith("gap/") and a.version not in serving]
    return [
        AlertFact(
            fingerprint=alert.fingerprint,
            name=alert.name,
            status=AlertStatus.RESOLVED,
            starts_at=alert.starts_at,
            ends_at=now,
            model=model.name,
            version=alert.version,
            summary=alert.summary,
            value=alert.value,
        )
        for alert in gone
    ]


def _objectives(db: Session, fact: EvaluationFact, model: Model) -> Iterator[AlertFact]:
    newest = newest_values(db, [model.id] if model.id is not None else [])
    for metric in {m.name for m in fact.metrics if m.slice == "all"}:
        readings = newest.get((model.id or 0, metric), [])
        matured = next((r for r in readings if r.evaluation_type in JUDGED and r.matured), None)
        wanted = objective(model, matured) if matured else None
        if matured is None or wanted is None:
            continue
        missed = breach(model, readings) is not None
        title = str(settings(model, metric).get("title") or metric)
        words = f"{title} {'misses' if missed else 'keeps'} its objective {wanted[0]} {wanted[1]:g}"
        key, name = f"objective/{model.name}/{metric}", f"Objective missed: {title}"
        yield _alert(key, name, matured, model, firing=missed, words=words, threshold=wanted[1])


def _gaps(db: Session, fact: EvaluationFact, model: Model) -> Iterator[AlertFact]:
    """Yield whether the newest matured live value of a version is worse than offline beyond the tolerance."""
    if fact.evaluation_type is not EvaluationType.LIVE or fact.version is None or model.id is None:
        return
    readings = [r for r in values_of_version(db, model.id, fact.version) if r.matured]
    offline = first_per_metric([r for r in readings if r.evaluation_type == EvaluationType.OFFLINE])
    in_use = first_per_metric([r for r in readings if r.evaluation_type == EvaluationType.LIVE])
    for metric in {m.name for m in fact.metrics if m.slice == "all"} & offline.keys() & in_use.keys():
        stated = settings(model, metric)
        direction = direction_of(metric, stated.get("direction"))
        tolerance = float(stated.get("margin") or TOLERANCE)
        gap = offline_live_gap(offline[metric].measured, in_use[metric].measured, direction, tolerance)
        if gap is not None:
            key = f"gap/{model.name}/{fact.version}/{metric}"
            words = f"{version_label(fact.version)} {metric}: {gap.words}"
            name = f"Offline-live gap: {metric}"
            yield _alert(key, name, in_use[metric], model, firing=gap.exceeded, words=words, threshold=tolerance)


def _alert(
    fingerprint: str, name: str, reading: Reading, model: Model, *, firing: bool, words: str, threshold: float
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
