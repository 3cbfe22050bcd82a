"""HTTP mode: what Slack posts to /slack/events, believed when it is signed, and read only then.

https://docs.slack.dev/authentication/verifying-requests-from-slack. Bolt reads a request before it checks it, and fails
on one that nobody signed and it cannot read.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256

from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import Clock
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.ingest.authenticate import WINDOW
from bot.ingest.http import DELIVERIES, MAX_BODY, read_body
from bot.slack.inbox import SOURCE

logger = logging.getLogger(__name__)


def http_endpoint(app: AsyncApp, secret: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers `POST /slack/events`; SECRET signs what Slack sends."""

    async def endpoint(request: Request) -> Response:
        response = await _answer(app, secret, request)
        DELIVERIES.labels(SOURCE, str(response.status_code)).inc()
        return response

    return endpoint


async def _answer(app: AsyncApp, secret: str, request: Request) -> Response:
    body = await read_body(request)
    if body is None:
        return JSONResponse({"error": f"larger than {MAX_BODY} bytes"}, status_code=413)
    if not is_signed(secret, request.headers, body, Clock().now()):
        logger.warning("refused a request that claims to be of slack")
        return JSONResponse({"error": "bad or missing signature, or an old request"}, status_code=401)
    return to_starlette_response(await app.async_dispatch(to_async_bolt_request(request, body)))


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, at: float) -> bool:
    """Return whether Slack signed BODY, lately; AT is in epoch seconds, real ones whatever clock the bot follows."""
    moment = headers.get("x-slack-request-timestamp", "")
    wanted = hmac.new(secret.encode(), f"v0:{moment}:".encode() + body, sha256).hexdigest()
    if not hmac.compare_digest(headers.get("x-slack-signature", "").encode(), f"v0={wanted}".encode()):
        return False
    return moment.isascii() and moment.isdigit() and abs(at - int(moment)) <= WINDOW.total_seconds()
