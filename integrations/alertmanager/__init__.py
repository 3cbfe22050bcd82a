"""Prometheus Alertmanager's webhook, body version 4.

A body is a hint about single alerts. Its own `status` is computed on the alerts that `max_alerts` left in it,
says `resolved` while others still fire, and is never read here; an alert's absence means nothing either.
An episode is (fingerprint, startsAt). https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import from_json

from bot.domain import names
from bot.domain.errors import MalformedPayload, UnsupportedEvent
from bot.domain.facts import AlertFact, AlertStatus, Fact, Unmapped
from bot.ports import Delivery, Source

logger = logging.getLogger(__name__)

STATUSES = {"firing": AlertStatus.FIRING, "resolved": AlertStatus.RESOLVED}
"""An unknown word means UNKNOWN: it neither opens nor closes anything."""

BODY_VERSION = "4"
LENIENT = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MAX_SUMMARY = 500
MAX_LABELS = 64
MAX_GROUP_KEY = 255
MAX_ALERTS = 10_000
"""More do not fit into the mebibyte that we accept; a longer list is something else."""
MAX_REASONS = 20
"""So many unreadable alerts of one body are named; the rest are counted."""


@with_config(LENIENT)
@dataclass(slots=True, kw_only=True)
class _Alert:
    """A dataclass with slots, because a storm has a thousand: a model each costs a third more (measured)."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str] | None = None
    starts_at: Annotated[datetime, Field(alias="startsAt", ge=EARLIEST, le=LATEST)]
    ends_at: Annotated[datetime | None, Field(alias="endsAt")] = None
    generator_url: Annotated[str, Field(alias="generatorURL")] = ""
    fingerprint: str = ""


class _Envelope(BaseModel):
    model_config = LENIENT

    version: str = BODY_VERSION
    group_key: str = Field(default="", alias="groupKey")
    truncated: int = Field(default=0, alias="truncatedAlerts", ge=0, le=1_000_000)


class _Notification(_Envelope):
    alerts: list[_Alert] = Field(fail_fast=True)


def normalize(delivery: Delivery) -> Sequence[Fact | Unmapped]:
    """Return one AlertFact for each alert of a notification, in its order.

    An alert that can't be read is an Unmapped that names its path. Raises MalformedPayload when the body is
    not JSON or has no `alerts`, UnsupportedEvent when they are empty.
    https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
    """
    try:
        body = _Notification.model_validate_json(delivery.body)
    except ValidationError:
        return _piecewise(delivery.body)  # one bad alert must not cost the others
    if not body.alerts:
        raise UnsupportedEvent("A notification without alerts: there is nothing to record.")
    _check_version(body)
    return [_fact(alert, body) for alert in body.alerts]


def _piecewise(body: bytes) -> list[Fact | Unmapped]:
    """Read each alert of a body by itself, which is slower, and say of each unreadable one what is wrong."""
    try:
        document = from_json(body)
    except ValueError as error:
        raise MalformedPayload(
            f"The body is not JSON ({error}). It was cut off on its way, or it is not from Alertmanager:"
            " check the receiver's `url` and any proxy between; the group's next notification repeats it."
        ) from error
    alerts = document.get("alerts") if isinstance(document, dict) else None
    if not isinstance(alerts, list):
        raise MalformedPayload(
            "The body has no list `alerts`, so it is not Alertmanager's webhook body, version 4. Use a plain"
            " `webhook_configs` receiver without `payload`; for other senders use a source of type `events`."
        )
    if not alerts:
        raise UnsupportedEvent("A notification without alerts: there is nothing to record.")
    if len(alerts) > MAX_ALERTS:
        raise MalformedPayload(f"{len(alerts)} alerts in a body; {MAX_ALERTS} is the most. Set `max_alerts`.")

    unmapped: list[Unmapped] = []
    try:
        envelope = _Envelope.model_validate(document)
    except ValidationError as error:
        unmapped.append(Unmapped(_reason("", error)))
        envelope = _readable_envelope(document)
    _check_version(envelope)
    facts: list[Fact | Unmapped] = []
    adapter = TypeAdapter(_Alert)
    for number, alert in enumerate(alerts):
        try:
            facts.append(_fact(adapter.validate_python(alert), envelope))
        except ValidationError as error:
            unmapped.append(Unmapped(_reason(f"alerts[{number}]", error, _name_in(alert))))
    return [*facts, *_counted(unmapped)]


def _readable_envelope(document: dict[str, Any]) -> _Envelope:
    """Return what can be read around the alerts; an unreadable count of those cut off is 1, not 0."""
    group_key, truncated = document.get("groupKey"), document.get("truncatedAlerts", 0)
    readable = isinstance(truncated, int) and 0 <= truncated <= 1_000_000
    return _Envelope(
        groupKey=group_key if isinstance(group_key, str) else "", truncatedAlerts=truncated if readable else 1
    )


def _check_version(envelope: _Envelope) -> None:
    if envelope.version != BODY_VERSION:
        logger.warning("alertmanager body read as version 4", extra={"version": envelope.version[:20]})


def _fact(alert: _Alert, envelope: _Envelope) -> AlertFact:
    labels, notes = alert.labels, alert.annotations or {}
    name = names.clean_name(labels.get("alertname")) or "unnamed"
    severity = names.severity_of(labels)
    category = names.category_of(name, labels)
    status = STATUSES.get(alert.status.lower(), AlertStatus.UNKNOWN)
    if status is AlertStatus.UNKNOWN:
        logger.warning("alertmanager status unknown", extra={"alert": name, "status": alert.status[:20]})
    return AlertFact(
        fingerprint=alert.fingerprint.strip()[:128] or fingerprint_of(labels),
        name=name,
        status=status,
        starts_at=_utc(alert.starts_at),
        ends_at=_end(alert.ends_at) if status is AlertStatus.RESOLVED else None,
        lookback=_lookback(notes),
        model=names.model_of(labels),
        version=names.version_of(labels),
        stage=names.stage_of(labels),
        severity=severity,
        alert_class=names.alert_class(labels, category, severity),
        category=category,
        feature=names.clean_name(labels["feature"]) if "feature" in labels else None,
        slice=names.clean_name(labels["slice"]) if "slice" in labels else None,
        summary=names.clip(notes.get("summary") or notes.get("description"), MAX_SUMMARY),
        value=_number(notes.get("value")),
        threshold=_number(notes.get("threshold")),
        unit=names.clip(notes["unit"], 16) if "unit" in notes else "",
        runbook_url=names.clean_url(notes.get("runbook_url")),
        dashboard_url=names.clean_url(notes.get("dashboard_url")),
        source_url=names.clean_url(alert.generator_url),
        labels=labels if len(labels) <= MAX_LABELS else dict(islice(labels.items(), MAX_LABELS)),
        upstream_group=_short(envelope.group_key),
        unlisted=envelope.truncated,
    )


@lru_cache(maxsize=256)
def _short(group_key: str) -> str:
    """Return a group's key, or where it is long its digest: the groups of one route differ at the end only."""
    return group_key if len(group_key) <= MAX_GROUP_KEY else sha256(group_key.encode()).hexdigest()


def _utc(value: datetime) -> datetime:
    """Return VALUE in UTC, cut to milliseconds.

    For the same alert their API gives milliseconds and their webhook more: uncut, one episode had two names.
    """
    if value.utcoffset():
        value = value.astimezone(UTC)
    return value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=UTC)


def _end(value: datetime | None) -> datetime | None:
    """Return VALUE in UTC; None for `0001-01-01T00:00:00Z`, Go's zero time, and other years out of reach."""
    return _utc(value) if value and EARLIEST.year <= value.year <= LATEST.year else None


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """Return the fingerprint that Alertmanager itself gives to this label set: 64-bit FNV-1a, 16 hex digits.

    https://github.com/prometheus/common/blob/main/model/signature.go (labelSetToFingerprint)
    """
    digest = 14695981039346656037
    for name, value in sorted(labels.items()):
        for byte in b"%b\xff%b\xff" % (name.encode(), value.encode()):
            digest = (digest ^ byte) * 1099511628211 & 0xFFFF_FFFF_FFFF_FFFF
    return f"{digest:016x}"


def _lookback(notes: Mapping[str, str]) -> timedelta | None:
    """Return the rule's `for` plus its query window, as far as the annotations state them."""
    held, window = names.duration_of(notes.get("for")), names.duration_of(notes.get("window"))
    if held is None or window is None:
        return window if held is None else held
    return held + window


def _number(text: str | None) -> float | None:
    """Return a plain finite number; None for `4.8%`, `NaN` and prose, whose unit is anybody's guess."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _name_in(alert: object) -> str:
    labels = alert.get("labels") if isinstance(alert, dict) else None
    name = labels.get("alertname") if isinstance(labels, dict) else None
    return name[:128] if isinstance(name, str) else ""


def _reason(path: str, error: ValidationError, name: str = "") -> str:
    """Return in words what is wrong where: `alerts[3] (Latency): startsAt: got 'soon', input should be …`."""
    first, *others = error.errors(include_url=False)
    where = ".".join(str(part) for part in first["loc"])
    got = "" if first["type"] == "missing" else f"got {repr(first['input'])[:60]}, "
    wanted = "Input should be an object" if first["type"].startswith("dataclass") else first["msg"]
    message = wanted[:1].lower() + wanted[1:]
    more = f" (and {len(others)} more)" if others else ""
    head = " ".join(part for part in (path, f"({name})" if name else "") if part)
    return ": ".join(part for part in (head, where, f"{got}{message}{more}") if part)


def _counted(unmapped: list[Unmapped]) -> list[Unmapped]:
    """Return the first reasons, and one that counts the rest: 500,000 zeros are not 500,000 rows."""
    rest = len(unmapped) - MAX_REASONS
    if rest <= 0:
        return unmapped
    return [*unmapped[:MAX_REASONS], Unmapped(f"alerts: {rest} more could not be read, as those above.")]


SOURCE = Source(normalize=normalize)
