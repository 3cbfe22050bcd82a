"""Alertmanager notifications by the thousand, signed, as the bytes of HTTP requests."""

import hmac
import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

SECRET = "benchmark"
SIGNATURE = "x-signature"
NUMBER = 999_999
"""Stands in templates where the number of an alert goes."""


def notification(name: str, model: str, at: datetime, first: int, count: int) -> dict[str, Any]:
    """Return a notification with COUNT alerts, numbered from FIRST, of one group."""
    return _notification(name, model, [_alert(name, model, at, number) for number in range(first, first + count)])


def requests(at: datetime, *, groups: int = 20, alerts: int = 5) -> Iterator[bytes]:
    """Yield requests with notifications for ever; every alert is new, the groups repeat."""
    templates = [_template(notification(f"Drift{n}", "fraud-scorer", at, NUMBER, 1)) for n in range(groups)]
    first = 0
    while True:
        for head, alert, tail in templates:
            numbered = (alert.replace(b"%d" % NUMBER, b"%06d" % number) for number in range(first, first + alerts))
            yield request(head + b",".join(numbered) + tail)
            first += alerts


def of_many_models(name: str, at: datetime, count: int) -> bytes:
    """Return a request with one alert for each of COUNT models that nobody has heard of."""
    return request(_bytes(_notification(name, "", [_alert(name, f"{name}-{n}", at, n) for n in range(count)])))


def request(body: bytes) -> bytes:
    """Return a signed request with BODY."""
    signed = hmac.new(SECRET.encode(), body, sha256).hexdigest()
    head = f"POST /hooks/alertmanager HTTP/1.1\r\nhost: bot\r\ncontent-type: application/json\r\n{SIGNATURE}: sha256="
    return b"%b%b\r\ncontent-length: %d\r\n\r\n%b" % (head.encode(), signed.encode(), len(body), body)


def _template(one: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the alerts, an alert, and what stands after them."""
    alert, whole = _bytes(one["alerts"][0]), _bytes(one)
    head, _, tail = whole.partition(alert)
    return head, alert, tail


def _bytes(document: dict[str, Any]) -> bytes:
    """Return JSON without spaces, as Go writes it."""
    return json.dumps(document, separators=(",", ":")).encode()


def _notification(name: str, model: str, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    group = {"alertname": name, "model": model}
    return {
        "version": "4",
        "receiver": "bellwether",
        "status": "firing",
        "groupKey": f'{{}}:{{alertname="{name}", model="{model}"}}',
        "groupLabels": group,
        "commonLabels": group,
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example.com",
        "truncatedAlerts": 0,
        "alerts": alerts,
    }


def _alert(name: str, model: str, at: datetime, number: int) -> dict[str, Any]:
    labels = {"alertname": name, "model": model, "stage": "production", "severity": "warning"}
    return {
        "status": "firing",
        "labels": labels | {"feature": f"feature_{number:06d}", "instance": "scorer-0:9090", "job": "scorer"},
        "annotations": {
            "summary": f"feature_{number:06d}: PSI above 0.2",
            "description": "The distribution of this feature differs from its reference window by more than is usual.",
            "runbook_url": "https://runbooks.example.com/drift",
        },
        "startsAt": at.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example.com/graph?g0.expr=psi%28reference%2C+live%29+%3E+0.2&g0.tab=1",
        "fingerprint": f"{number:016d}",
    }
