"""Webhooks of an administrator: signed, at least once, in no order.

https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

import asyncio
import hashlib
import hmac
import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.sandbox.clock import Clock
from bot.sandbox.jira import vocabulary as v
from bot.sandbox.world import User

if TYPE_CHECKING:
    from bot.sandbox.outgoing import Outgoing

logger = logging.getLogger(__name__)

RETRIES = 5
PAUSE = timedelta(minutes=5)
TIMEOUT_S = 30.0
AGAIN = frozenset({408, 409, 425, 429})


class Hooks:
    """Posts to one address; without one it does nothing."""

    def __init__(self, outgoing: "Outgoing | None", url: str | None, secret: str | None, clock: Clock) -> None:
        self._outgoing, self._url, self._secret, self._clock = outgoing, url, secret, clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent = 0

    def send(self, event: str, issue: dict[str, Any], by: User, items: list[Any], kind: str, **more: Any) -> None:
        if self._outgoing is None or self._url is None:
            return
        self._sent += 1
        shown = {key: issue[key] for key in ("id", "key", "self", "fields")}
        payload: dict[str, Any] = {
            "timestamp": int(self._clock.epoch() * 1000),
            "webhookEvent": event,
            "issue_event_type_name": kind,
            "user": v.account(by),
            "issue": shown,
            **more,
        }
        if items:
            payload["changelog"] = {"id": str(self._sent), "items": items}
        body = json.dumps(payload).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Atlassian-Webhook-Identifier": f"hook-{self._sent}",
            "X-Atlassian-Webhook-Flow": "Primary",
            "User-Agent": "Atlassian Webhook HTTP Client",
        }
        if self._secret:
            digest = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        task = asyncio.get_running_loop().create_task(self._post(self._outgoing, self._url, body, headers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Return when what is under way has been posted."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _post(self, outgoing: "Outgoing", url: str, body: bytes, headers: dict[str, str]) -> None:
        for attempt in range(RETRIES + 1):
            if attempt:
                await self._clock.sleep(PAUSE)
            outcome = await outgoing.post(url, body, headers, timeout_s=TIMEOUT_S)
            if not outcome.error and outcome.status < 500 and outcome.status not in AGAIN:
                return
        logger.info("webhook given up", extra={"hook": headers["X-Atlassian-Webhook-Identifier"]})
