"""One signed POST an order, by https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.

The receiver does each `webhook-id` once. So where nobody knows whether an order arrived, it is sent again.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from hashlib import sha256

import httpx

from bot.domain.errors import ConfigError, OutboundError, PermanentError, TemporaryError
from bot.ports import DeployerOptions, Now, Order, RemoteId
from integrations.calling import WHEN_MENDED
from integrations.deploying import System, content, read_url, words

EXAMPLE = "https://cd.example.com"
PREFIX = "whsec_"
MAKE_ONE = "make one with `echo whsec_$(openssl rand -base64 32)`, for both sides"


class OutgoingWebhook:
    """A Deployer (bot/ports.py)."""

    look_again: Sequence[timedelta] = ()

    def __init__(self, options: DeployerOptions, now: Now) -> None:
        """Opens no connection yet; raises ConfigError for an address or a secret that is none."""
        if options.options:
            unknown = ", ".join(sorted(options.options))
            raise ConfigError(f"deployers.{options.name}.options: an outgoing webhook has none, not {unknown}")
        read_url(options, EXAMPLE)
        self._where, self._now = f"deployers.{options.name}", now
        self._key = _key(options)
        self._receiver = System(options.name, options.url, headers={"Content-Type": "application/json"})

    async def find(self, order: Order) -> RemoteId | None:
        """Return None: a webhook can't be asked, and the receiver takes the same `webhook-id` as done."""
        return None

    async def deploy(self, order: Order) -> RemoteId:
        """Post the order; return the `url` of the answer, else its Location, else the `webhook-id`."""
        if self._key is None:
            raise TemporaryError(f"{self._receiver.name}: {await self.check()}", WHEN_MENDED)
        said = asdict(order) | {"decided_at": order.decided_at.isoformat()}
        said.pop("key")
        event = {"type": f"bellwether.{order.kind}", "timestamp": said["decided_at"], "data": said}
        body = json.dumps(event, ensure_ascii=False).encode()
        headers = self._signed(order.key, body)
        answer = await self._receiver.send("POST", repeatable=False, content=body, headers=headers)
        if answer.is_success:
            return RemoteId(_url_in(answer) or order.key)
        raise self._refusal(answer)

    async def check(self) -> str | None:
        """Say whether there is a secret; nothing is sent, because whatever is sent may be taken for an order."""
        return None if self._key is not None else f"its secret is not set, so nothing can be signed; {MAKE_ONE}"

    async def close(self) -> None:
        """Let go of the connections."""
        await self._receiver.close()

    def _signed(self, key: str, body: bytes) -> dict[str, str]:
        at = str(int(self._now().timestamp()))
        signature = hmac.new(self._key or b"", b".".join((key.encode(), at.encode(), body)), sha256).digest()
        return {
            "webhook-id": key,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
            "idempotency-key": key,
        }

    def _refusal(self, answer: httpx.Response) -> OutboundError:
        status, said, name = answer.status_code, words(answer), self._receiver.name
        if status in (401, 403):
            hint = "do both sides have the same secret, and the same time?"
            return TemporaryError(f"{name} does not accept our signature ({status}: {said}); {hint}", WHEN_MENDED)
        if status < 400:
            to = answer.headers.get("location", "elsewhere")
            return PermanentError(f"{name} redirects to {to}: is {self._where}.url right?")
        return PermanentError(f"{name} refused it ({status}): {said}")


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


def _url_in(response: httpx.Response) -> str | None:
    """Return where people can follow what was begun."""
    stated = (content(response) or {}).get("url")
    found = stated or response.headers.get("location")
    return str(found) if str(found).startswith(("https://", "http://")) else None
