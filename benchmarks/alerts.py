"""Alertmanager notifications by the thousand, each with alerts that nobody has seen before."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

TOKEN = "benchmark"


def notification(name: str, model: str, at: datetime, first: int, count: int) -> dict[str, Any]:
    """Return a notification with COUNT alerts, numbered from FIRST, of one group."""
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
        "alerts": [_alert(name, model, at, number) for number in range(first, first + count)],
    }


def bodies(at: datetime, *, groups: int = 20, alerts: int = 5) -> Iterator[bytes]:
    """Yield notifications as bytes, for ever; every alert is new, the groups repeat."""
    first = 0
    while True:
        name = f"Drift{first // alerts % groups}"
        yield json.dumps(notification(name, "fraud-scorer", at, first, alerts)).encode()
        first += alerts


def _alert(name: str, model: str, at: datetime, number: int) -> dict[str, Any]:
    labels = {"alertname": name, "model": model, "stage": "production", "severity": "warning"}
    return {
        "status": "firing",
        "labels": labels | {"feature": f"feature_{number:06d}", "instance": "scorer-0:9090", "job": "scorer"},
        "annotations": {
            "summary": f"feature_{number:06d}: PSI above 0.2",
            "description": "The distribution of this feature differs from its reference window.",
            "runbook_url": "https://runbooks.example.com/drift",
        },
        "startsAt": at.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example.com/graph?g0.expr=psi",
        "fingerprint": f"{number:016x}",
    }
