"""Slash commands in process, from the payload of Slack to the answer that is its acknowledgement. Goal G11.

The floor is Bolt with a listener that only acknowledges. Ours stores the payload first, reads and draws the answer,
and commits twice. Then a thousand of them at once, of people who all ask the same moment.
"""

import asyncio
import logging
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks import status
from benchmarks.figures import Figure, milliseconds, spread
from bot.ingest.rules import Rules
from bot.sandbox.server import running
from bot.sandbox.settings import Settings
from bot.slack import app as slack_app
from bot.slack.cards.look import Look
from bot.slack.workspace import Workspace
from bot.store import schema
from bot.store.database import Database

WORD, MODELS = "/model", 10
TIMES, MANY = 300, 1_000
ACK_S, MANY_S = 0.0012, 1.0
numbers = count()


async def measure() -> list[Figure]:
    logging.getLogger("bot.slack").setLevel(logging.ERROR)  # of each command that waits too long to be stored
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bellwether.db'}")
        try:
            await database.write(schema.upgrade)
            await status.fill(database, MODELS)
            async with running(Settings(port=0)) as sandbox:
                client = AsyncWebClient("xoxb-sandbox", base_url=f"{sandbox.address}/api/")
                return await _compared(database, client)
        finally:
            await asyncio.to_thread(database.close)


async def _compared(database: Database, client: AsyncWebClient) -> list[Figure]:
    look = Look(sources=("events",))
    workspace = Workspace(database, Rules(), lambda _db: look, lambda: status.NOW, lambda: None, "one")
    bare, ours = _bare(client), slack_app.build(client, workspace, words=(WORD,), signing_secret=None)
    floor = await _one_by_one(bare, "help")
    figures = [Figure("Bolt with an empty listener", spread(floor), "1x", "G11: p50 1.2 ms", median(floor) <= ACK_S)]
    for text in ("help", "status model-0001"):
        taken = await _one_by_one(ours, text)
        figures.append(Figure(f"{WORD} {text}", spread(taken), f"{median(taken) / median(floor):.0f}x"))
    begun = time.perf_counter()
    taken = list(await asyncio.gather(*(_ask(ours, "status model-0001") for _ in range(MANY))))
    spent = time.perf_counter() - begun
    p99 = quantiles(taken, n=100)[98]
    rate = f"{MANY / spent:,.0f} a second"
    return [*figures, Figure(f"{MANY:,} at once", f"p99 {milliseconds(p99)}", rate, "p99 1 s", p99 <= MANY_S)]


def _bare(client: AsyncWebClient) -> AsyncApp:
    app = AsyncApp(client=client, process_before_response=True, request_verification_enabled=False)

    @app.command(WORD)
    async def command(ack: AsyncAck) -> None:
        await ack("yes")

    return app


async def _one_by_one(app: AsyncApp, text: str) -> list[float]:
    for _ in range(5):
        await _ask(app, text)
    return [await _ask(app, text) for _ in range(TIMES)]


async def _ask(app: AsyncApp, text: str) -> float:
    """Dispatch one command, as Socket Mode does; returns the seconds until its answer."""
    body: dict[str, Any] = {
        "command": WORD,
        "text": text,
        "team_id": "T1",
        "user_id": "U1",
        "channel_id": "C1",
        "trigger_id": f"1.{next(numbers)}",
    }
    begun = time.perf_counter()
    response = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
    assert response.status == 200, response.body
    return time.perf_counter() - begun
