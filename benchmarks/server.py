"""One of the servers that are compared, as a program: `python -m benchmarks.server empty|parse|bot PORT FOLDER`.

All three run on the same uvicorn with httptools, on one core. `empty` reads the body and answers; `parse` also
authenticates and normalizes; `bot` is the bot's intake: it answers after the commit. Nothing is sent to Slack here.
"""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from benchmarks.alerts import TOKEN
from bot.ingest.authenticate import Auth, authenticate
from bot.ingest.http import Endpoints, routes
from bot.ingest.receive import Inlet, Intake, read
from bot.ingest.rules import Rules
from bot.ports import Delivery
from bot.store import schema
from bot.store.database import Database
from integrations.alertmanager import SOURCE

INLET = Inlet("alertmanager", SOURCE, Auth("bearer", TOKEN, "authorization"))


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a benchmark has no process clock


async def healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def empty(request: Request) -> Response:
    await request.body()
    return JSONResponse({"delivery": 1, "recorded": 5, "duplicate": 0, "unmapped": 0}, status_code=202)


async def parse(request: Request) -> Response:
    headers = {k.lower(): v for k, v in request.headers.items()}
    delivery = Delivery(INLET.name, await request.body(), now(), headers, {})
    authenticate(INLET.auth, headers, delivery.body)
    facts, _ = read(INLET.source, delivery)
    return JSONResponse({"delivery": 1, "recorded": len(facts), "duplicate": 0, "unmapped": 0}, status_code=202)


def ceiling(endpoint: object) -> list[BaseRoute]:
    hook = Route("/hooks/{source}", endpoint, methods=["POST"])  # type: ignore[arg-type] # one of the two above
    return [hook, Route("/healthz", healthz)]


def intake(folder: Path) -> list[BaseRoute]:
    database = Database(f"sqlite:///{folder / 'bellwether.db'}")
    database.submit(schema.upgrade).result()

    async def ready() -> dict[str, str]:
        return {"db": "ok"}

    return routes(Endpoints(Intake({INLET.name: INLET}, database, Rules(), now, lambda: None), ready))


def main() -> None:
    kind, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    with suppress(OSError, AttributeError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    made = {"empty": lambda: ceiling(empty), "parse": lambda: ceiling(parse), "bot": lambda: intake(folder)}[kind]()
    uvicorn.run(Starlette(routes=made), port=port, http="httptools", log_config=None, access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
