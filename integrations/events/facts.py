"""From an event in our vocabulary to a fact: names folded, times filled in, texts cut to what a card can show."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any, assert_never

from bot.domain import names
from bot.domain.facts import (
    AlertFact,
    AlertStatus,
    ChangeFact,
    ChangeType,
    DeploymentFact,
    EvaluationFact,
    EvaluationType,
    Fact,
    MetricFact,
    VersionFact,
)
from integrations.events.models import (
    UNNAMED,
    AlertEvent,
    AnyEvent,
    ChangeEvent,
    DeploymentEvent,
    EvaluationEvent,
    Metric,
    Threshold,
    VersionEvent,
)

TYPE_BY_STAGE = {"offline": EvaluationType.OFFLINE, "shadow": EvaluationType.SHADOW}
"""Any other stage, and none, means LIVE."""
RATIO_UNITS = ("percent", "%", "pct")
MAX_TEXT = 500
MAX_REF = 255
MAX_LABELS = 64


def fact_of(event: AnyEvent, document: Mapping[str, Any], received_at: datetime) -> Fact:
    """Return the fact that EVENT states; DOCUMENT is the event as it was sent, RECEIVED_AT its time of last resort."""
    match event:
        case VersionEvent():
            return _version(event, document, received_at)
        case DeploymentEvent():
            return _deployment(event, document, received_at)
        case ChangeEvent():
            return _change(event, document, received_at)
        case EvaluationEvent():
            return _evaluation(event, document, received_at)
        case AlertEvent():
            return _alert(event, received_at)
        case _:
            assert_never(event)


def _version(event: VersionEvent, document: Mapping[str, Any], received_at: datetime) -> VersionFact:
    return VersionFact(
        model=_model(event),
        labels=_telling(event),
        version=names.clean_version(event.version) or event.version,
        occurred_at=event.occurred_at or received_at,
        dedup_key=_dedup_key(event, document, event.occurred_at or event.id),
        change=event.change,
        alias=names.clean_name(event.alias),
        data_until=event.data_until,
        code_ref=_ref(event.code_ref),
        config_ref=_ref(event.config_ref),
        dataset_ref=_ref(event.dataset_ref),
        env_ref=_ref(event.env_ref),
        artifact=_ref(event.artifact),
        run_id=_ref(event.run_id),
        description=names.clip(event.description or event.title, MAX_TEXT),
        actor=names.clean_name(event.actor),
        url=names.clean_url(event.url),
    )


def _deployment(event: DeploymentEvent, document: Mapping[str, Any], received_at: datetime) -> DeploymentFact:
    stated_at = event.occurred_at or event.finished_at
    return DeploymentFact(
        model=_model(event),
        labels=_telling(event),
        version=names.clean_version(event.version),
        occurred_at=stated_at or received_at,
        status=event.status,
        stage=names.clean_stage(event.stage) or event.stage,
        target=names.clean_name(event.target),
        deployment_id=_ref(event.deployment_id),
        dedup_key=_dedup_key(event, document, stated_at or event.id),
        previous_version=names.clean_version(event.previous_version),
        traffic_percent=event.traffic_percent,
        strategy=event.strategy,
        trigger=event.trigger,
        step=event.step,
        steps=event.steps,
        summary=names.clip(event.summary or event.title, MAX_TEXT),
        ref=_ref(event.ref),
        actor=names.clean_name(event.actor),
        url=names.clean_url(event.url),
        started_at=event.started_at,
        finished_at=event.finished_at,
        committed_at=event.committed_at,
    )


def _change(event: ChangeEvent, document: Mapping[str, Any], received_at: datetime) -> ChangeFact:
    kind = ChangeType(event.change_type)
    return ChangeFact(
        change_type=kind,
        labels=_telling(event),
        summary=names.clip(event.summary or event.title or f"{kind.replace('_', ' ')} changed", MAX_TEXT),
        occurred_at=event.occurred_at or received_at,
        model=names.clean_name(event.model),
        dedup_key=_dedup_key(event, document, event.occurred_at or event.id),
        version=names.clean_version(event.version),
        stage=names.clean_stage(event.stage),
        before=_text(event.before),
        after=_text(event.after),
        ref=_ref(event.ref),
        trigger=event.trigger,
        actor=names.clean_name(event.actor),
        url=names.clean_url(event.url),
    )


def _evaluation(event: EvaluationEvent, document: Mapping[str, Any], received_at: datetime) -> EvaluationFact:
    stated_at = event.occurred_at or event.finished_at
    stage = names.clean_stage(event.stage)
    dataset = event.dataset
    return EvaluationFact(
        model=_model(event),
        labels=_telling(event),
        metrics=tuple(_metric(metric, event) for metric in event.metrics),
        occurred_at=stated_at or received_at,
        version=names.clean_version(event.version),
        baseline_version=names.clean_version(event.baseline_version),
        stage=stage,
        evaluation_type=event.evaluation_type or TYPE_BY_STAGE.get((stage or "").lower(), EvaluationType.LIVE),
        evaluation_id=_ref(event.evaluation_id),
        dedup_key=_dedup_key(event, document, stated_at or event.id or event.evaluation_id),
        suite=names.clean_name(event.suite),
        suite_version=names.clean_name(event.suite_version),
        dataset=names.clean_name(dataset.name if dataset else None),
        dataset_version=names.clean_name(event.dataset_version or (dataset.version if dataset else None)),
        window_start=event.window_start or (dataset.window_start if dataset else None),
        window_end=event.window_end or (dataset.window_end if dataset else None),
        labelled_fraction=event.labelled_fraction,
        labels_until=event.labels_until,
        actor=names.clean_name(event.actor),
        url=names.clean_url(event.url),
    )


def _model(event: VersionEvent | DeploymentEvent | EvaluationEvent) -> str:
    return "" if event.model == UNNAMED else names.clean_name(event.model) or event.model


def _telling(event: VersionEvent | DeploymentEvent | EvaluationEvent | ChangeEvent) -> dict[str, str]:
    """Return the labels, which may tell the model, of an event that names none."""
    return dict(islice(event.labels.items(), MAX_LABELS)) if event.model in (None, UNNAMED) else {}


def _metric(metric: Metric, event: EvaluationEvent) -> MetricFact:
    """Return a metric with what the event says for all of them; n counts rows of the event's own slice only."""
    slice_name = metric.slice or event.slice or "all"
    n = metric.n
    if n is None and slice_name == (event.slice or "all"):
        n = event.n if event.n is not None else event.dataset.rows if event.dataset else None
    limit = metric.threshold
    low, high = metric.ci or (metric.ci_low, metric.ci_high)
    threshold = limit.value if isinstance(limit, Threshold) else limit
    percent = metric.unit.strip().lower() in RATIO_UNITS
    return MetricFact(
        name=metric.name[: names.MAX_NAME],
        value=_ratio(metric.value, percent=percent),
        unit="ratio" if percent else names.clip(metric.unit, 16) or "1",
        slice=slice_name[: names.MAX_NAME],
        direction=metric.direction,
        family=metric.family,
        role=metric.role,
        n=n,
        ci_low=None if low is None else _ratio(low, percent=percent),
        ci_high=None if high is None else _ratio(high, percent=percent),
        successes=metric.successes,
        positives=metric.positives,
        negatives=metric.negatives,
        sd=None if metric.sd is None else _ratio(metric.sd, percent=percent),
        baseline_only=metric.paired.baseline_only if metric.paired else None,
        candidate_only=metric.paired.candidate_only if metric.paired else None,
        threshold_op=limit.op if isinstance(limit, Threshold) else metric.threshold_op,
        threshold=None if threshold is None else _ratio(threshold, percent=percent),
        method=metric.method,
    )


def _ratio(value: float, *, percent: bool) -> float:
    return value / 100 if percent else value


def _alert(event: AlertEvent, received_at: datetime) -> AlertFact:
    labels = dict(islice(event.labels.items(), MAX_LABELS))
    said = labels | {
        key: value
        for key, value in (("slo", event.slo), ("category", event.category), ("severity", event.severity))
        if value
    }
    name = names.clean_name(event.name) or event.name
    model, stage = names.clean_name(event.model), names.clean_stage(event.stage)
    severity, category = names.severity_of(said), names.category_of(name, said)
    starts_at = event.fired_at or event.occurred_at or received_at
    identity = [name, model, stage, event.feature, event.slice, event.labels]
    return AlertFact(
        fingerprint=_key(event.fingerprint) if event.fingerprint else _digest(identity)[:16],
        name=name,
        status=event.status,
        starts_at=starts_at,
        starts_known=event.fired_at is not None,
        ends_at=_end(event, received_at),
        lookback=_lookback(event, starts_at),
        model=model,
        version=names.clean_version(event.version),
        stage=stage,
        severity=severity,
        alert_class=event.alert_class or names.alert_class(said, category, severity),
        category=category,
        feature=names.clean_name(event.feature),
        slice=names.clean_name(event.slice),
        summary=names.clip(event.summary or event.title, MAX_TEXT),
        value=event.value,
        threshold=event.threshold,
        unit=names.clip(event.unit, 16),
        runbook_url=names.clean_url(event.runbook_url),
        dashboard_url=names.clean_url(event.dashboard_url),
        source_url=names.clean_url(event.url),
        labels=labels | ({"slo": event.slo} if event.slo else {}),
        upstream_group=(event.upstream_group or "")[:MAX_REF],
        unlisted=event.unlisted,
    )


def _end(event: AlertEvent, received_at: datetime) -> datetime | None:
    if event.status is not AlertStatus.RESOLVED:
        return None
    return event.resolved_at or event.occurred_at or received_at


def _lookback(event: AlertEvent, starts_at: datetime) -> timedelta | None:
    """Return how long before the alert fired the trouble may have begun: as stated, else `for` plus `window`."""
    if event.onset_at is not None:
        return min(max(starts_at - event.onset_at, timedelta()), names.MAX_DURATION)
    stated = [part for part in (event.hold, event.window) if part is not None]
    return sum(stated, timedelta()) if stated else None


def _dedup_key(event: AnyEvent, document: Mapping[str, Any], identity: object) -> str | None:
    """Return what makes a second arrival of this event a no-op.

    The given key; else, when a time or an id tells two such events apart, a hash of the event; else None, because
    two equal statements without either may be two things that happened.
    """
    if event.dedup_key:
        return _key(event.dedup_key)
    return f"sha256:{_digest(document)}" if identity else None


def _key(text: str) -> str:
    return text if len(text) <= MAX_REF else f"sha256:{_digest(text)}"


def _digest(value: Any) -> str:
    """Return the hash of VALUE's canonical JSON, which no order of keys changes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _ref(text: str | None) -> str | None:
    return text[:MAX_REF] if text else None


def _text(value: Any) -> str | None:
    """Return a before or after as one line: text as it is, other JSON in short form."""
    if value is None:
        return None
    return names.clip(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), MAX_TEXT)
