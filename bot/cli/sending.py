"""`bellwether send-test`: one made-up event over the real way in, to see that the bot takes it and what it shows."""

from typing import Any
from uuid import uuid4

from bot.cli.posting import door, post, taken
from bot.config import Settings

MODEL = "demo-model"
ALERT = {
    "kind": "alert",
    "name": "DemoLatencyHigh",
    "class": "soft",
    "category": "latency",
    "model": MODEL,
    "version": "7",
    "stage": "production",
    "severity": "warning",
    "summary": "p99 latency 412 ms, objective 250 ms (sent by bellwether send-test)",
    "value": 412,
    "threshold": 250,
    "unit": "ms",
}
"""Soft, so that a test opens no incident and no ticket; without a time, so that it fires when it arrives."""

EVENTS: dict[str, dict[str, Any]] = {
    "deployment": {
        "kind": "deployment",
        "model": MODEL,
        "version": "7",
        "previous_version": "6",
        "stage": "production",
        "status": "succeeded",
        "strategy": "replace",
        "traffic_percent": 100,
        "actor": "send-test",
        "summary": "A made-up deployment, sent by bellwether send-test",
    },
    "alert": {**ALERT, "status": "firing"},
    "resolved": {**ALERT, "status": "resolved"},
    "change": {
        "kind": "change",
        "change_type": "config",
        "model": MODEL,
        "stage": "production",
        "summary": "Decision threshold raised (sent by bellwether send-test)",
        "before": 0.5,
        "after": 0.55,
        "actor": "send-test",
    },
    "evaluation": {
        "kind": "evaluation",
        "evaluation_type": "offline",
        "model": MODEL,
        "version": "7",
        "suite": "send-test",
        "dataset": {"name": "demo-holdout", "version": "1", "rows": 5000},
        "metrics": {"auc": {"value": 0.912, "direction": "higher", "threshold": {"op": ">=", "value": 0.9}}},
        "actor": "send-test",
    },
}
SHOWN = {
    "deployment": "its card appears in {channel}",
    "alert": "its card appears in {channel}; `bellwether send-test resolved` ends it",
    "resolved": "the alert's card in {channel} says so",
    "change": "`{command} changes demo-model` lists it",
    "evaluation": "`{command} status demo-model` shows it",
}


def send(settings: Settings, kind: str) -> int:
    """Post an event of KIND to the running bot and print its answer; 1 when the bot is away or did not take it."""
    if kind not in EVENTS:
        print(f"{kind!r} is no kind of test event; it may be {', '.join(EVENTS)}")
        return 2
    into = door(settings)
    answer = post(into, _fresh(EVENTS[kind]))
    if answer is None:
        return 1
    print(f"{kind} of {MODEL} to {into.url}: {answer.status_code} {answer.text.strip()}")
    if not taken(into, answer):
        return 1
    slack = settings.decisions.slack
    section = settings.decisions.models.get(MODEL)
    channel = section.channel if section and section.channel else slack.channel
    print(f"✓ {SHOWN[kind].format(channel=channel, command=slack.command)}")
    return 0


def _fresh(event: dict[str, Any]) -> dict[str, Any]:
    """Return EVENT with ids of its own: sent twice, it is two events and not a repetition."""
    number = uuid4().hex[:12]
    ids = {"deployment": "deployment_id", "evaluation": "evaluation_id"}
    own = ids.get(str(event["kind"]))
    return {**event, "id": f"send-test-{number}"} | ({own: f"send-test-{number}"} if own else {})
