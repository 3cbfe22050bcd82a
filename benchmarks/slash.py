"""Slash commands in process, from the payload of Slack to the answer that is its acknowledgement. Goal G11.

The floor is Bolt with a listener that only acknowledges. Ours reads and draws the answer. Then a thousand of them at
once, of people who all ask the same moment: when each is acknowledged, by its answer or once it is stored, and when its
answer is there, in the acknowledgement or at its `response_url`.
"""

import asyncio
import logging
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks import asking, status
from benchmarks.asking import WORD
from benchmarks.figures import Figure, spread
from bot.slack.app import App
from bot.store import schema
from bot.store.database import Database

TEXT, MODELS = "status model-0001", 10
TIMES, MANY = 300, 1_000
ACK_S, MANY_S = 0.0012, 1.0


async def measure() -> list[Figure]:
    logging.getLogger("bot.slack").setLevel(logging.ERROR)  # of each command that waits too long to be stored
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bellwether.db'}")
        try:
            await database.write(schema.upgrade)
            await status.fill(database, MODELS)
            async with asking.slack() as client:
                return await _compared(database, client)
        finally:
            await asyncio.to_thread(database.close)


async def _compared(database: Database, client: AsyncWebClient) -> list[Figure]:
    bare, ours = _bare(client), asking.bot(client, database, status.NOW)
    floor = await _one_by_one(bare, "help")
    figures = [Figure("Bolt with an empty listener", spread(floor), "1x")]
    for text in ("help", TEXT):
        taken = await _one_by_one(ours, text)
        times, soon = f"{median(taken) / median(floor):.0f}x", median(taken) <= ACK_S
        figures.append(Figure(f"{WORD} {text}", spread(taken), times, "G11: p50 1.2 ms", soon))
    return [*figures, *await _at_once(ours)]


async def _at_once(app: App) -> list[Figure]:
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
        response = await asking.dispatch(app, TEXT, url)
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
    await asking.answered(app, text)
    return time.perf_counter() - begun
