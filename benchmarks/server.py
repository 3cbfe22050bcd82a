"""One of the servers that are compared, as a program: `python -m benchmarks.server KIND PORT DATABASE_URL`.

All run on the same uvicorn with httptools, on one core. `empty` reads the body and answers; `parse` also verifies and
normalizes; `raw` then stores by asyncpg alone; `bot` is the bot's intake: it answers after the commit. Nothing is sent
to Slack here. `insert` only says how fast a bare loop inserts alerts into the same table.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from benchmarks.alerts import SECRET, SIGNATURE
from benchmarks.raw import Raw
from bot import memory
from bot.domain.facts import Fact, Unmapped
from bot.ingest.alerts import COLUMNS
from bot.ingest.authenticate import Auth, authenticate
from bot.ingest.http import Endpoints, routes
from bot.ingest.receive import Inlet, Intake, read
from bot.ingest.rules import Rules
from bot.ports import Delivery
from bot.store import schema
from bot.store.database import Database
from bot.store.tables import AlertGroup
from integrations.alertmanager import SOURCE

INLET = Inlet("alertmanager", SOURCE, Auth("hmac", SECRET, SIGNATURE))
ALERTS, IN_ONE_COMMIT, INSERT_S = 5, 32, 2.0

Endpoint = Callable[[Request], Awaitable[Response]]


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a benchmark has no process clock


GROUP = AlertGroup(
    symptom="Drift", channel="#general", alert_class="drift", severity="warning", status="firing",
    opened_at=now(), recorded_at=now(),
)  # fmt: skip


async def healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def cpu(_request: Request) -> Response:
    return PlainTextResponse(str(time.process_time()))


async def empty(request: Request) -> Response:
    await request.body()
    return JSONResponse({"delivery": 1, "recorded": 5, "duplicate": 0, "unmapped": 0}, status_code=202)


async def parsed(request: Request) -> tuple[Delivery, list[Fact | Unmapped]]:
    headers = {k.lower(): v for k, v in request.headers.items()}
    delivery = Delivery(INLET.name, await request.body(), now(), headers, {})
    authenticate(INLET.auth, headers, delivery.body, delivery.received_at)
    return delivery, read(INLET.source, delivery)[0]


async def parse(request: Request) -> Response:
    return taken((await parsed(request))[1])


def storing(database: Database, url: str) -> Endpoint:
    """Return what stores by asyncpg alone, in the tables of DATABASE."""
    database.submit(lambda db: db.add(GROUP)).result()
    raw = Raw(url)

    async def store(request: Request) -> Response:
        delivery, facts = await parsed(request)
        await raw.take(delivery, facts)
        return taken(facts)

    return store


def taken(facts: Sequence[Fact | Unmapped]) -> Response:
    return JSONResponse({"delivery": 1, "recorded": len(facts), "duplicate": 0, "unmapped": 0}, status_code=202)


def ceiling(endpoint: Endpoint) -> list[BaseRoute]:
    return [Route("/hooks/{source}", endpoint, methods=["POST"])]


def intake(database: Database) -> list[BaseRoute]:
    async def ready() -> dict[str, str]:
        return {"db": "ok"}

    return routes(Endpoints(Intake({INLET.name: INLET}, database, Rules(), now, lambda: None), ready))


def inserting(database: Database) -> list[BaseRoute]:
    database.submit(lambda db: db.add(GROUP)).result()
    number = 0
    into = f"INSERT INTO alert ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"

    async def insert(_request: Request) -> Response:
        nonlocal number
        at = now().strftime("%Y-%m-%d %H:%M:%S.%f")
        first, until = number, time.perf_counter() + INSERT_S
        with closing(sqlite3.connect(database.name)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            while time.perf_counter() < until:
                numbers = range(number, number + ALERTS * IN_ONE_COMMIT)
                connection.executemany(into, [_values(n, at) for n in numbers])
                connection.commit()
                number += len(numbers)
        return PlainTextResponse(str((number - first) / ALERTS / INSERT_S))

    return [Route("/insert", insert)]


def _values(number: int, at: str) -> tuple[object, ...]:
    """Return an alert's row, as wide as those of the notifications."""
    given = {
        "source": "alertmanager",
        "fingerprint": f"{number:016d}",
        "starts_at": at,
        "updated_at": at,
        "group_id": 1,
        "name": "Drift",
        "status": "firing",
        "stage": "production",
        "feature": f"feature_{number:06d}",
        "summary": f"feature_{number:06d}: PSI above 0.2",
        "unit": "",
        "runbook_url": "https://runbooks.example.com/drift",
        "source_url": "https://prometheus.example.com/graph?g0.expr=psi%28reference%2C+live%29+%3E+0.2&g0.tab=1",
        "labels": '{"alertname":"Drift0","model":"fraud-scorer","stage":"production","severity":"warning"}',
    }
    return tuple(given.get(name) for name in COLUMNS)


def main() -> None:
    kind, port, url = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with suppress(AttributeError):  # macOS
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    database = Database(url)
    database.submit(schema.upgrade).result()
    made = {
        "empty": lambda: ceiling(empty),
        "parse": lambda: ceiling(parse),
        "raw": lambda: ceiling(storing(database, url)),
        "bot": lambda: intake(database),
        "insert": lambda: inserting(database),
    }[kind]()
    memory.settle()
    app = Starlette(routes=[*made, Route("/healthz", healthz), Route("/cpu", cpu)])
    uvicorn.run(
        app, port=port, http="httptools", log_config=None, access_log=False, lifespan="off", timeout_keep_alive=60
    )


if __name__ == "__main__":
    main()
