"""HTTP mode: the same payloads, signed and POSTed. https://docs.slack.dev/authentication/verifying-requests-from-slack"""

import hashlib
import hmac
import json
import urllib.parse

import httpx

from bot.sandbox.clock import real_epoch
from bot.sandbox.delivery import Answer, Envelope


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of X-Slack-Signature."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


class Push:
    """A transport that POSTs to the app's Request URL. The timestamp is real time: apps compare it with theirs."""

    def __init__(self, url: str, secret: str | None) -> None:
        self._url, self._secret = url, secret or ""
        self._client = httpx.AsyncClient(trust_env=False)

    @property
    def reachable(self) -> bool:
        return True

    async def close(self) -> None:
        await self._client.aclose()

    async def send(self, envelope: Envelope, deadline_s: float, *, patient: bool) -> Answer:
        """POST once; `patient` makes no difference here."""
        body, kind = _encode(envelope)
        stamp = str(int(real_epoch()))
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": stamp,
            "User-Agent": "Slackbot 1.0 (sandbox)",
        }
        if self._secret:
            headers["X-Slack-Signature"] = sign(self._secret, stamp, body)
        if envelope.attempt:
            reason = "http_timeout" if envelope.reason == "timeout" else envelope.reason
            headers |= {"X-Slack-Retry-Num": str(envelope.attempt), "X-Slack-Retry-Reason": reason}
        try:
            response = await self._client.post(self._url, content=body, headers=headers, timeout=deadline_s)
        except httpx.TimeoutException:
            return Answer("operation_timeout")
        except httpx.HTTPError:
            return Answer("dispatch_failed")
        if not response.is_success:
            return Answer("http_error")
        return Answer(payload=_decode(response))


def _encode(envelope: Envelope) -> tuple[bytes, str]:
    if envelope.kind == "events_api":
        return json.dumps(envelope.payload).encode(), "application/json"
    fields = envelope.payload if envelope.kind == "slash_commands" else {"payload": json.dumps(envelope.payload)}
    return urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _decode(response: httpx.Response) -> object:
    if not response.content:
        return None
    if response.headers.get("content-type", "").startswith("application/json"):
        return response.json()
    return {"text": response.text}
