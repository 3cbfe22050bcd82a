"""What happened before the story: eight weeks of six models, delivered as a backfill, which posts nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

WEEK = timedelta(days=7)

PRODUCT = {
    "fraud-scorer": (
        "good_payments_declined",
        "ratio",
        (0.0206, 0.0212, 0.0208, 0.0214, 0.0209, 0.0211, 0.0210, 0.0213),
    ),
    "churn": ("customers_saved", "count", (288, 290, 295, 301, 297, 305, 299, 311)),
    "search-rank": ("click_rate", "ratio", (0.308, 0.309, 0.307, 0.310, 0.309, 0.311, 0.310, 0.310)),
    "eta": ("late_rate", "ratio", (0.046, 0.045, 0.046, 0.044, 0.045, 0.044, 0.044, 0.041)),
    "ads-ctr": ("ctr", "ratio", (0.0191, 0.0189, 0.0190, 0.0192, 0.0190, 0.0189, 0.0191, 0.0190)),
}
LIVE = {
    "fraud-scorer": ("40", "41"),
    "churn": ("17", "18"),
    "search-rank": ("30", "31"),
    "eta": ("8", "9"),
    "ads-ctr": ("6", "7"),
}
PAYMENTS = 412_000
"""About how many payments a week the product metric is measured on."""


def before(start: datetime) -> list[dict[str, Any]]:
    """Return canonical events from eight weeks before START up to it."""
    return [*_versions(start), *_changes(start), *_evaluations(start)]


def _versions(start: datetime) -> Iterator[dict[str, Any]]:
    for model, (old, new) in LIVE.items():
        for version, weeks, previous in ((old, 9, None), (new, 3, old)):
            at = start - weeks * WEEK
            event = {"model": model, "version": version, "actor": "alice"}
            yield {
                "kind": "version",
                "occurred_at": _iso(at - timedelta(days=1)),
                "data_until": _iso(at - WEEK),
                **event,
            }
            rollout: dict[str, Any] = {"kind": "deployment", "stage": "production", "status": "succeeded", **event}
            yield rollout | {"occurred_at": _iso(at), "traffic_percent": 100, "previous_version": previous}
    for version, auc in (("41", 0.933), ("42", 0.936)):
        offline = {"kind": "evaluation", "model": "fraud-scorer", "version": version, "evaluation_type": "offline"}
        metrics = [{"name": "auc", "value": auc, "n": 41_200}]
        suite = {"suite": "std", "suite_version": "3", "dataset": {"name": "payments", "version": "ds-41"}}
        yield offline | suite | {"metrics": metrics, "occurred_at": _iso(start - timedelta(days=2))}
    registered = {"kind": "version", "model": "fraud-scorer", "version": "42", "actor": "alice"}
    yield registered | {"occurred_at": _iso(start - timedelta(days=2)), "data_until": _iso(start - timedelta(days=5))}


def _changes(start: datetime) -> Iterator[dict[str, Any]]:
    rule = {"kind": "change", "change_type": "rule", "model": "fraud-scorer", "actor": "bob"}
    yield rule | {"summary": "rule 7: block cards of the leaked batch", "occurred_at": _iso(start - timedelta(days=2))}
    config = {"kind": "change", "change_type": "config", "model": "ads-ctr", "actor": "alice"}
    yield config | {
        "summary": "bid floor 0.04",
        "before": "0.05",
        "after": "0.04",
        "occurred_at": _iso(start - timedelta(days=3)),
    }


def _evaluations(start: datetime) -> Iterator[dict[str, Any]]:
    for model, (metric, unit, values) in PRODUCT.items():
        for weeks_ago, value in zip(range(len(values) - 1, -1, -1), values, strict=True):
            end = start - weeks_ago * WEEK - timedelta(days=1, hours=8)
            numbers = {"name": metric, "value": value, "unit": unit, "family": "product"}
            yield {
                "kind": "evaluation",
                "model": model,
                "version": LIVE[model][1],
                "stage": "production",
                "evaluation_type": "product",
                "window_start": _iso(end - WEEK),
                "window_end": _iso(end),
                "occurred_at": _iso(end),
                "metrics": [numbers | ({"n": PAYMENTS} if unit == "ratio" else {})],
            }


def _iso(at: datetime) -> str:
    return at.isoformat()
