"""One signed POST an order, by https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.

The receiver does each `webhook-id` once. So where nobody knows whether an order arrived, it is sent again.
"""

import asyncio
import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from bot.domain.errors import ConfigError, NoBudget, OutboundError, PermanentError, TemporaryError, UncertainError
from bot.ports import DeployerOptions, Now, Order, RemoteId

TOTAL, CONNECT = timedelta(seconds=10), timedelta(seconds=3)
SOON, LATER = timedelta(seconds=5), timedelta(seconds=15)
WHEN_MENDED = timedelta(seconds=60)
"""How long to wait where somebody has to do something first."""
PREFIX = "whsec_"
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
MAKE_ONE = "make one with `echo whsec_$(openssl rand -base64 32)`, for both sides"


class OutgoingWebhook:
    """A Deployer (bot/ports.py)."""

    look_again: Sequence[timedelta] = ()

    def __init__(self, options: DeployerOptions, now: Now) -> None:
        """Opens no connection yet; raises ConfigError for an address or a secret that is none."""
        if options.options:
            unknown = ", ".join(sorted(options.options))
            raise ConfigError(f"deployers.{options.name}.options: an outgoing webhook has none, not {unknown}")
        self._name, self._url, self._now = options.name, options.url, now
        self._key = _key(options)
        self._http = httpx.AsyncClient(
            headers={"User-Agent": "bellwether", "Content-Type": "application/json"},
            timeout=httpx.Timeout(TOTAL.total_seconds(), connect=CONNECT.total_seconds()),
            trust_env=not _is_loopback(options),  # a proxy can't reach our loopback
        )

    async def find(self, order: Order) -> RemoteId | None:
        """Return None: a webhook can't be asked, and the receiver takes the same `webhook-id` as done."""
        return None

    async def deploy(self, order: Order) -> RemoteId:
        """Post the order; return the `url` of the answer, else its Location, else the `webhook-id`."""
        if self._key is None:
            raise TemporaryError(f"{self._name}: {await self.check()}", WHEN_MENDED)
        said = asdict(order) | {"decided_at": order.decided_at.isoformat()}
        said.pop("key")
        event = {"type": f"bellwether.{order.kind}", "timestamp": said["decided_at"], "data": said}
        body = json.dumps(event, ensure_ascii=False).encode()
        try:
            async with asyncio.timeout(TOTAL.total_seconds()):
                response = await self._http.post(self._url, content=body, headers=self._signed(order.key, body))
        except NOT_SENT as exc:
            raise TemporaryError(f"{self._name} at {self._url} can't be reached ({_say(exc)})", LATER) from exc
        except (httpx.HTTPError, TimeoutError) as exc:
            raise UncertainError(f"{self._name} did not answer ({_say(exc)})", SOON) from exc
        if response.is_success:
            return RemoteId(_url_in(response) or order.key)
        raise self._refusal(response)

    async def check(self) -> str | None:
        """Say whether there is a secret; nothing is sent, because whatever is sent may be taken for an order."""
        return None if self._key is not None else f"its secret is not set, so nothing can be signed; {MAKE_ONE}"

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    def _signed(self, key: str, body: bytes) -> dict[str, str]:
        at = str(int(self._now().timestamp()))
        signature = hmac.new(self._key or b"", b".".join((key.encode(), at.encode(), body)), sha256).digest()
        return {
            "webhook-id": key,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
            "idempotency-key": key,
        }

    def _refusal(self, response: httpx.Response) -> OutboundError:
        status, words = response.status_code, " ".join(response.text.split())[:200] or response.reason_phrase
        after = _retry_after(response)
        if status in (401, 403):
            hint = "do both sides have the same secret, and the same time?"
            return TemporaryError(
                f"{self._name} does not accept our signature ({status}: {words}); {hint}", WHEN_MENDED
            )
        if status in (425, 429):
            return NoBudget(f"{self._name} asks to wait ({status})", after or LATER)
        if status == 503 and after is not None:
            return TemporaryError(f"{self._name} is not available (503): {words}", after)
        if status == 408 or status >= 500:
            return UncertainError(f"{self._name} failed ({status}): {words}", LATER)
        if status < 400:
            to = response.headers.get("location", "elsewhere")
            return PermanentError(f"{self._name} redirects to {to}: is deployers.{self._name}.url right?")
        return PermanentError(f"{self._name} refused it ({status}): {words}")


def _key(options: DeployerOptions) -> bytes | None:
    """Return the bytes to sign with, of `whsec_<Base64>`; None without a secret."""
    if not options.secret:
        return None
    try:
        key = base64.b64decode(options.secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as exc:
        raise ConfigError(f"deployers.{options.name}: its secret is not `whsec_` and Base64; {MAKE_ONE}") from exc
    if len(key) < 16:
        raise ConfigError(f"deployers.{options.name}: its secret is too short to be one; {MAKE_ONE}")
    return key


def _is_loopback(options: DeployerOptions) -> bool:
    parts = urlsplit(options.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"deployers.{options.name}.url: {options.url!r} is not an address such as https://cd.example.com"
        )
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def _url_in(response: httpx.Response) -> str | None:
    """Return where people can follow what was begun."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    stated = answer.get("url") if isinstance(answer, dict) else None
    found = stated or response.headers.get("location")
    return str(found) if str(found).startswith(("https://", "http://")) else None


def _retry_after(response: httpx.Response) -> timedelta | None:
    try:
        return max(timedelta(seconds=float(response.headers["retry-after"])), timedelta(seconds=1))
    except (KeyError, ValueError, OverflowError):
        return None


def _say(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
