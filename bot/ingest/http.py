"""The bot's HTTP endpoints for sources and operators; answers as in design section 10."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.domain.errors import BadSignature, StoreUnavailable
from bot.ingest.authenticate import authenticate
from bot.ingest.openapi import openapi
from bot.ingest.receive import Intake, receive
from bot.ports import Delivery

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
"""1 MiB: Alertmanager sends 415 bytes an alert (sources.md 4.3)."""
MOST_WAITING = 2000
"""Deliveries and transactions in the queue from which we say 503 instead of making the sender wait."""

DELIVERIES = Counter("bellwether_deliveries_total", "Deliveries by source and answer", ["source", "status"])

FACTS = Counter("bellwether_facts_total", "What deliveries stated", ["source", "outcome"])
ANSWERS = Histogram(
    "bellwether_intake_seconds",
    "From the first byte of a delivery to its answer, which comes after the commit",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
IN_HAND = Gauge("bellwether_inbox_deliveries", "Deliveries that are being taken in and were not answered yet")

Ready = Callable[[], Awaitable[dict[str, str]]]
"""Returns `{db, slack, jira}`; db is "ok" when intake can commit."""


@dataclass(frozen=True)
class Endpoints:
    """What the endpoints answer from."""

    intake: Intake
    ready: Ready
    measure: Callable[[], Awaitable[None]] | None = None
    """Brings up to date what is measured only when /metrics is asked for."""


def routes(endpoints: Endpoints) -> list[BaseRoute]:
    """Return the routes of the bot, without Slack's."""
    intake = endpoints.intake

    async def hook(request: Request) -> Response:
        name = request.path_params["source"]
        with IN_HAND.track_inprogress(), ANSWERS.time():
            response = await _take(intake, name, request)
        DELIVERIES.labels(name if name in intake.inlets else "unknown", str(response.status_code)).inc()
        return response

    async def metrics(_request: Request) -> Response:
        if endpoints.measure is not None:
            with suppress(StoreUnavailable):  # what does not need the database is told all the same
                await endpoints.measure()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def readyz(_request: Request) -> Response:
        state = await endpoints.ready()
        return JSONResponse(state, status_code=200 if state["db"] == "ok" else 503)

    async def schema(request: Request) -> Response:
        inlet = intake.inlets.get(request.path_params["source"])
        if inlet is None or inlet.source.schema is None:
            return _say(404, "no schema here; see /openapi.json")
        return JSONResponse(inlet.source.schema(), media_type="application/schema+json")

    async def document(_request: Request) -> Response:
        schemas: dict[str, dict[str, Any]] = {n: i.source.schema() for n, i in intake.inlets.items() if i.source.schema}
        return JSONResponse(openapi(list(intake.inlets), schemas))

    return [
        Route("/hooks/{source}", hook, methods=["POST"]),
        Route("/healthz", _healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/openapi.json", document),
        Route("/schema/{source}.json", schema),
    ]


async def _refused(request: Request, error: Exception) -> Response:
    """Answer for an address that there is not, or not with this method, as all errors are answered."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return JSONResponse({"error": f"no {request.method} here; see /openapi.json"}, 405, error.headers)
    return _say(404, "no such address; see /openapi.json")


REFUSALS = {404: _refused, 405: _refused}


async def _take(intake: Intake, name: str, request: Request) -> Response:
    """Answer one delivery: 202, 401, 404, 413 or 503; never 4xx for a mapping error, never 429."""
    inlet = intake.inlets.get(name)
    if inlet is None:
        return _unknown(intake, name, request)
    if intake.together.waiting() > MOST_WAITING:
        return _busy("too busy")
    body = await read_body(request)
    if body is None:
        return _say(413, f"larger than {MAX_BODY} bytes; send fewer alerts at once (Alertmanager: max_alerts)")
    headers = {k.lower(): v for k, v in request.headers.items()}
    delivery = Delivery(name, body, intake.now(), headers, dict(request.query_params))
    try:
        recorded = await receive(intake, inlet, delivery)
    except BadSignature as e:
        logger.warning("refused a delivery", extra={"source": name, "reason": str(e)})
        return _say(401, str(e))
    except StoreUnavailable as e:
        logger.warning("cannot write", extra={"source": name, "error": str(e)})
        return _busy("the database cannot be written")
    for outcome, count in vars(recorded).items():
        if outcome != "delivery" and count:
            FACTS.labels(name, outcome).inc(count)
    return JSONResponse(vars(recorded), status_code=202)


def _unknown(intake: Intake, name: str, request: Request) -> Response:
    """Answer for a source that is not configured: whoever proves to be some source of ours may know that."""
    headers = {k.lower(): v for k, v in request.headers.items()}
    for inlet in intake.inlets.values():
        if inlet.auth.kind != "hmac":
            with suppress(BadSignature):
                authenticate(inlet.auth, headers, b"", intake.now())
                return _say(404, f"no source {name!r} is configured; configured are {', '.join(sorted(intake.inlets))}")
    return _say(401, "bad or missing authentication")


async def read_body(request: Request) -> bytes | None:
    """Return the raw body, None when it is too large; reads no further. Raises HTTPException for a part of one."""
    if int(request.headers.get("content-length") or 0) > MAX_BODY:
        return None
    chunks = bytearray()
    try:
        async for chunk in request.stream():
            chunks += chunk
            if len(chunks) > MAX_BODY:
                return None
    except ClientDisconnect as e:  # which would be logged as a bug of ours
        raise HTTPException(408, "the body broke off") from e
    return bytes(chunks)


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _say(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status_code=status)


def _busy(reason: str) -> Response:
    return JSONResponse({"error": reason}, status_code=503, headers={"retry-after": "5"})
