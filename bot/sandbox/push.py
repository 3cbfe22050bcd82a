"""HTTP mode: the same payloads, signed and POSTed. https://docs.slack.dev/authentication/verifying-requests-from-slack"""

import hashlib
import hmac
import json
import urllib.parse
from typing import TYPE_CHECKING

from bot.sandbox.clock import real_epoch
from bot.sandbox.delivery import Answer, Envelope

if TYPE_CHECKING:
    from bot.sandbox.outgoing import Outcome, Outgoing


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of X-Slack-Signature."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


class Push:
    """A transport that POSTs to the app's Request URL. The timestamp is real time: apps compare it with theirs."""

    def __init__(self, outgoing: "Outgoing", url: str, secret: str | None) -> None:
        self._outgoing, self._url, self._secret = outgoing, url, secret or ""

    @property
    def reachable(self) -> bool:
        return True

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
        outcome = await self._outgoing.post(self._url, body, headers, timeout_s=deadline_s)
        if outcome.error:
            return Answer("operation_timeout" if outcome.error == "timeout" else "dispatch_failed")
        if not 200 <= outcome.status < 300:
            return Answer("http_error")
        return Answer(payload=_decode(outcome))


def _encode(envelope: Envelope) -> tuple[bytes, str]:
    if envelope.kind == "events_api":
        return json.dumps(envelope.payload).encode(), "application/json"
    fields = envelope.payload if envelope.kind == "slash_commands" else {"payload": json.dumps(envelope.payload)}
    return urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _decode(outcome: "Outcome") -> object:
    if not outcome.content:
        return None
    text = outcome.content.decode(errors="replace")
    if not outcome.kind.startswith("application/json"):
        return {"text": text}
    try:
        return json.loads(text)
    except ValueError:
        return None
