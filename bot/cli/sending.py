"""`bellwether send-test`: one made-up event over the real way in, to see that the bot takes it and what it shows."""

import base64
import hmac
import json
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx

from bot import integrations
from bot.config import Environment, Settings
from bot.domain.errors import ConfigError
from bot.ingest.authenticate import Auth
from bot.ingest.receive import Inlet

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
    inlet = _inlet(settings)
    body = json.dumps(_fresh(EVENTS[kind])).encode()
    url = f"{bot_address(settings.environment)}/hooks/{inlet.name}"
    headers = {"content-type": "application/json", **_proof(inlet.auth, body)}
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=10, trust_env=False)
    except httpx.TransportError as e:
        print(f"✗ the bot does not answer at {url} ({e}); start it with `bellwether run`, or set BELLWETHER_LISTEN")
        return 1
    print(f"{kind} of {MODEL} to {url}: {answer.status_code} {answer.text.strip()}")
    return _judge(settings, kind, inlet, answer)


def bot_address(environment: Environment) -> str:
    """Return where the bot that was started with this environment answers on this machine."""
    host, port = environment.host_port
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _inlet(settings: Settings) -> Inlet:
    for name, inlet in integrations.inlets(settings).items():
        if (settings.decisions.sources[name].type or name) == "events":
            section = settings.decisions.sources[name].auth
            if inlet.auth.kind != "none" and not inlet.auth.secret:
                raise ConfigError(f"sources.{name}: {section.secret_env if section else 'its secret'} is not set")
            return inlet
    raise ConfigError(
        f"{settings.path}: no source of type `events`, which test events go through; "
        "add `sources: {events: {auth: {type: bearer, secret_env: EVENTS_TOKEN}}}`"
    )


def _fresh(event: dict[str, Any]) -> dict[str, Any]:
    """Return EVENT with ids of its own: sent twice, it is two events and not a repetition."""
    number = uuid4().hex[:12]
    ids = {"deployment": "deployment_id", "evaluation": "evaluation_id"}
    own = ids.get(str(event["kind"]))
    return {**event, "id": f"send-test-{number}"} | ({own: f"send-test-{number}"} if own else {})


def _proof(auth: Auth, body: bytes) -> dict[str, str]:
    """Return the header that AUTH asks for."""
    secret = auth.secret or ""
    match auth.kind:
        case "none":
            return {}
        case "bearer":
            return {auth.header: f"Bearer {secret}"}
        case "basic":
            return {auth.header: "Basic " + base64.b64encode(f"{auth.user or 'bellwether'}:{secret}".encode()).decode()}
        case "hmac":
            return {auth.header: auth.prefix + hmac.new(secret.encode(), body, sha256).hexdigest()}


def _judge(settings: Settings, kind: str, inlet: Inlet, answer: httpx.Response) -> int:
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        print(f"✗ the running bot has another secret for sources.{inlet.name} than this shell; load the same .env")
        return 1
    if answer.status_code == httpx.codes.NOT_FOUND:
        print("✗ the running bot has another configuration, or something else listens there")
        return 1
    if answer.status_code != httpx.codes.ACCEPTED:
        print("✗ not taken")
        return 1
    if answer.json().get("unmapped"):
        print(f"✗ taken, but not understood; `bellwether replay {answer.json()['delivery']}` says why")
        return 1
    slack = settings.decisions.slack
    section = settings.decisions.models.get(MODEL)
    channel = section.channel if section and section.channel else slack.channel
    print(f"✓ {SHOWN[kind].format(channel=channel, command=slack.command)}")
    return 0
