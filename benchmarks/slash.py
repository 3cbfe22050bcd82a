"""Slash commands in process, from the payload of Slack to the answer that is its acknowledgement. Goal G11.

The floor is Bolt with a listener that only acknowledges. Ours stores the payload first, reads and draws the answer,
and commits. Then a thousand of them at once, of people who all ask the same moment: when each is acknowledged, and when
its answer is there, in the acknowledgement or at its `response_url`.
"""

import asyncio
import logging
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks import status
from benchmarks.figures import Figure, spread
from bot.ingest.rules import Rules
from bot.sandbox.server import running
from bot.sandbox.settings import Settings
from bot.slack import app as slack_app
from bot.slack.cards.look import Look
from bot.slack.workspace import Workspace
from bot.store import schema
from bot.store.database import Database

WORD, TEXT, MODELS = "/model", "status model-0001", 10
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
    for text in ("help", TEXT):
        taken = await _one_by_one(ours, text)
        figures.append(Figure(f"{WORD} {text}", spread(taken), f"{median(taken) / median(floor):.0f}x"))
    return [*figures, *await _at_once(ours)]


async def _at_once(app: slack_app.App) -> list[Figure]:
    """Let many ask in one moment; each has an address for what is not in its acknowledgement."""
    acks: list[float] = []
    answers: list[float] = []
    begun = time.perf_counter()

    def passed() -> float:
        return time.perf_counter() - begun

    async def receive(_request: web.Request) -> web.Response:
        answers.append(passed())
        return web.Response(text="ok")

    async def ask(url: str) -> None:
        response = await _dispatch(app, TEXT, url)
        acks.append(passed())
        if response.body:
            answers.append(acks[-1])

    receiver = web.Application()
    receiver.router.add_post("/{name}", receive)
    async with TestServer(receiver) as people:
        begun = time.perf_counter()
        await asyncio.gather(*(ask(str(people.make_url(f"/{n}"))) for n in range(MANY)))
        while app.late.pending:
            await asyncio.wait(app.late.pending)
    assert len(answers) == MANY
    p99 = quantiles(acks, n=100)[98]
    rate = f"{MANY / max(answers):,.0f} a second"
    return [
        Figure(f"{MANY:,} at once, acknowledged", spread(acks), "", "p99 1 s", p99 <= MANY_S),
        Figure(f"{MANY:,} at once, answered", spread(answers), rate),
    ]


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
    """Ask one thing; returns the seconds until its answer."""
    begun = time.perf_counter()
    response = await _dispatch(app, text)
    assert response.body
    return time.perf_counter() - begun


async def _dispatch(app: AsyncApp, text: str, response_url: str = "") -> BoltResponse:
    """Dispatch one command, as Socket Mode does."""
    body: dict[str, Any] = {
        "command": WORD,
        "text": text,
        "team_id": "T1",
        "user_id": "U1",
        "channel_id": "C1",
        "trigger_id": f"1.{next(numbers)}",
        "response_url": response_url,
    }
    response = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
    assert response.status == 200, response.body
    return response
