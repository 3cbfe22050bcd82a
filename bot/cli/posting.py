"""The way in for events that the command line sends: the source of type `events`, with what it asks for as a proof."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

from bot import integrations
from bot.config import Environment, Settings
from bot.domain.errors import ConfigError
from bot.ingest.authenticate import Auth


@dataclass(frozen=True)
class Door:
    """Where events are posted, and how to prove who sends them."""

    url: str
    auth: Auth
    name: str
    mend: str = "load the same .env"
    """What to do when the secret is another one."""


def door(settings: Settings) -> Door:
    """Return the way into the bot that was started with these settings; raises ConfigError when there is none."""
    for name, inlet in integrations.inlets(settings).items():
        if (settings.decisions.sources[name].type or name) == "events":
            section = settings.decisions.sources[name].auth
            if inlet.auth.kind != "none" and not inlet.auth.secret:
                raise ConfigError(f"sources.{name}: {section.secret_env if section else 'its secret'} is not set")
            return Door(f"{bot_address(settings.environment)}/hooks/{name}", inlet.auth, name)
    raise ConfigError(
        f"{settings.path}: no source of type `events`, which events go through; "
        "add `sources: {events: {auth: {type: bearer, secret_env: EVENTS_TOKEN}}}`"
    )


def bot_address(environment: Environment) -> str:
    """Return where the bot that was started with this environment answers on this machine."""
    host, port = environment.host_port
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def post(into: Door, event: Mapping[str, Any]) -> httpx.Response | None:
    """Post EVENT and return the bot's answer; None, and a line that says so, when it is away."""
    body = json.dumps(event).encode()
    headers = {"content-type": "application/json", **_proof(into.auth, body)}
    try:
        return httpx.post(into.url, content=body, headers=headers, timeout=10, trust_env=False)
    except (httpx.TransportError, httpx.InvalidURL) as e:
        print(f"✗ the bot does not answer at {into.url} ({e}); start it with `bellwether run`, or say where it is")
        return None


def taken(into: Door, answer: httpx.Response) -> bool:
    """Return whether the bot took and understood the event; if not, print why."""
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        print(f"✗ the running bot has another secret for sources.{into.name} than this shell; {into.mend}")
    elif answer.status_code == httpx.codes.NOT_FOUND:
        print("✗ the running bot has another configuration, or something else listens there")
    elif answer.status_code != httpx.codes.ACCEPTED:
        print("✗ not taken")
    elif answer.json().get("unmapped"):
        print(f"✗ taken, but not understood; `bellwether replay {answer.json()['delivery']}` says why")
    else:
        return True
    return False


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
