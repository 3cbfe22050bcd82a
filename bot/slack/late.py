"""Answers that take longer: what was typed or pressed is acknowledged soon, its answer follows when it is ready.

Slack shows `operation_timeout` for what is not acknowledged within three seconds. An answer that is ready soon is the
acknowledgement itself, which is one way less; any other goes to the `response_url` and looks the same.
https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

import aiohttp
from prometheus_client import Counter
from slack_bolt import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from slack_sdk.webhook.webhook_response import WebhookResponse

from bot.slack.errors import asked_to_wait

logger = logging.getLogger(__name__)

SOON_S = 0.5
"""So long an acknowledgement waits for its answer: the rest of Slack's 3 s is for the ways, and for 1,000 at once."""
GOOD = timedelta(minutes=25)
"""A `response_url` is good for half an hour, of which the answer may have taken a part."""
USES = 4
"""It takes five answers; a try that Slack may have taken counts as one."""
PAUSE_S = 2.0
"""Before the second try, and four times as long before each further one, where Slack does not say how long."""

LATE = Counter("bellwether_slack_late_answers_total", "Answers that were not ready soon", ["outcome"])


class Late:
    """What was acknowledged and is not answered yet."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self.pending: set[asyncio.Task[None]] = set()

    async def soon(
        self,
        answer: Coroutine[Any, Any, BoltResponse],
        body: Mapping[str, Any],
        keep: Callable[[], Awaitable[None]],
        given: Callable[[], None],
    ) -> BoltResponse:
        """Return the ANSWER to BODY if it is ready soon, else an empty one, after KEEP; call GIVEN when it is given."""
        answering = asyncio.create_task(answer)
        done, _ = await asyncio.wait((answering,), timeout=SOON_S)
        if not done:
            await keep()
            self.follow(answering, body, given)
            return BoltResponse(status=200)
        given()
        return answering.result()

    def follow(self, answering: Awaitable[BoltResponse], body: Mapping[str, Any], given: Callable[[], None]) -> None:
        """Send what is ANSWERING BODY when it is ready."""
        following = asyncio.create_task(self._follow(answering, body, given))
        self.pending.add(following)
        following.add_done_callback(self.pending.discard)

    async def _follow(
        self, answering: Awaitable[BoltResponse], body: Mapping[str, Any], given: Callable[[], None]
    ) -> None:
        answer = await answering
        if answer.status == 200 and answer.body:  # who pressed a button was told by the listener
            taken = await self._send(str(body["response_url"]), json.loads(answer.body))
            LATE.labels("taken" if taken else "lost").inc()
        given()

    async def _send(self, url: str, content: dict[str, Any]) -> bool:
        """Send until Slack takes it, at its pace; what it may have taken already is replaced, not said twice."""
        client, now = self._client, asyncio.get_running_loop().time
        webhook = AsyncWebhookClient(
            url, session=client.session, ssl=client.ssl, proxy=client.proxy, retry_handlers=[], logger=logger
        )
        uses, until, pause = 0, now() + GOOD.total_seconds(), 0.0
        while uses < USES and now() + pause < until:
            await asyncio.sleep(pause)
            try:
                answered = await webhook.send_dict(content)
            except (aiohttp.ClientError, TimeoutError) as e:
                answered = WebhookResponse(url=url, status_code=504, body=repr(e), headers={})
            pause = asked_to_wait(answered.headers, default_s=PAUSE_S * 4**uses)
            if answered.status_code == 200:
                return True
            if answered.status_code >= 500:
                uses, content = uses + 1, content | {"replace_original": True}
            elif answered.status_code != 429:
                break
            logger.info("slack did not take an answer", extra={"status": answered.status_code, "pause_s": pause})
        logger.warning("an answer is lost", extra={"uses": uses})
        return False
