"""The bot's Slack side against a sandbox in this process, over real HTTP and real sockets."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import httpx
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import Session, select

from bot.ingest.rules import Rules
from bot.ports import Body
from bot.reconcile.budget import Budget
from bot.reconcile.lease import Leases
from bot.reconcile.loop import Loop, reconcile_once
from bot.sandbox.box import Sandbox
from bot.sandbox.server import running
from bot.sandbox.settings import Settings
from bot.slack import app as slack_app
from bot.slack import directory
from bot.slack.cards import render as render_card
from bot.slack.cards.look import Look
from bot.slack.sockets import DEAF_S, Sockets
from bot.slack.surface import SlackSurface
from bot.slack.workspace import Workspace
from bot.store.database import Database
from bot.store.projection import touch, try_again
from bot.store.queries.directory import channel_ids
from bot.store.tables import Capability, Model, Projection

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
FRAUD = "C02MLFRAUD"
ANSWER_S = 3.0
"""How long the bot waits for an answer here; the real one is patient for 15 s."""
SOCKET_ACK_S = 2.0
SECOND = timedelta(seconds=1)


def message(text: str, channel: str = FRAUD, **more: Any) -> dict[str, Any]:
    return {"channel": channel, "text": text, **more}


@dataclass
class Bot:
    """A surface with its loop; what it should show is in `bodies`, or else in the rows."""

    sandbox: Sandbox
    http: httpx.AsyncClient
    database: Database
    client: AsyncWebClient
    bodies: dict[str, Callable[[frozenset[str]], Mapping[str, Any]]] = field(default_factory=dict)
    loop: Loop = field(init=False)
    inbound: slack_app.App = field(init=False)
    """What is connected, once it is."""

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process: budgets, leases and what is in flight are forgotten."""
        surface = SlackSurface(self.client, Budget(), self.now, resolve=self._resolve, refuse=self._refuse)
        self.loop = Loop(self.database, surface, "slack/", self._render, self.now, self._sleep)

    def now(self) -> datetime:
        return self.sandbox.world.clock.now()

    async def show(self, key: str, body: Mapping[str, Any] | Callable[[frozenset[str]], Mapping[str, Any]]) -> None:
        """Say what KEY should show from now on, and bring it there as far as it goes at once."""
        self.bodies[key] = body if callable(body) else lambda _refused: body
        await self.database.write(touch, self.now(), key, urgent=True)
        await self.work()

    async def work(self) -> None:
        """Do all that is due, and wait for what somebody else is drawing meanwhile."""
        while await reconcile_once(self.loop) or self.loop.in_flight:  # noqa: ASYNC110 - several things, not one event
            await asyncio.sleep(0.002)

    async def later(self, seconds: float) -> None:
        """Let time pass, second by second, and work."""
        for _ in range(int(seconds)):
            self.sandbox.world.clock.advance(SECOND)
            await self.work()

    async def fault(self, **faults: Any) -> None:
        (await self.http.put("/_sandbox/faults", json=faults)).raise_for_status()

    async def act(self, deed: str, **given: Any) -> dict[str, Any]:
        return dict((await self.http.post(f"/_sandbox/{deed}", json=given)).raise_for_status().json())

    async def form(self, user: str) -> str:
        """Return the id of the form that stands open before USER, as soon as there is one."""
        async with asyncio.timeout(15):
            while (view := self.sandbox.world.open_view(user)) is None:  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.01)
        return str(view["id"])

    def row(self, key: str) -> Projection:
        return self.database.submit(lambda db: db.get_one(Projection, key)).result(10)

    def messages(self, key: str = "", channel: str = FRAUD) -> list[dict[str, Any]]:
        """Return what stands in CHANNEL under KEY, our own messages only."""
        found = [m for m in self.sandbox.world.messages[channel] if not m.get("deleted") and m.get("bot_id")]
        return [m for m in found if key_of(m).startswith(key)]

    def calls(self, method: str = "") -> list[dict[str, Any]]:
        return [call for call in self.sandbox.world.calls if str(call["method"]).startswith(method)]

    def _render(self, db: Session, key: str) -> Body | None:
        refused = frozenset(db.exec(select(Capability.name)).all())
        if key in self.bodies:
            return Body(self.bodies[key](refused))
        return render_card(db, key, Look(sources=("events",), refused=refused))

    async def _resolve(self, name: str) -> str | None:
        found = await self.client.conversations_list()
        ids = {channel["name"]: str(channel["id"]) for channel in found["channels"]}
        return ids.get(name) or (await self.database.read(channel_ids, [name])).get(name)

    async def _refuse(self, kind: str, reason: str) -> None:
        def remember(db: Session) -> None:
            db.merge(Capability(name=kind, refused_at=self.now(), reason=reason))

        await self.database.write(remember)

    async def slack_is_back(self) -> None:
        await self.database.write(try_again, self.now(), "slack/")

    async def _sleep(self, span: timedelta) -> None:
        await asyncio.sleep(min(0.05, span.total_seconds()))


def key_of(stored: Mapping[str, Any]) -> str:
    return str(((stored.get("metadata") or {}).get("event_payload") or {}).get("key", ""))


@asynccontextmanager
async def living(database: Database) -> AsyncIterator[Bot]:
    """Run a sandbox and the outbound half of the bot."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        os.environ.pop(name, None)  # the SDK does not heed NO_PROXY
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    async with (
        running(Settings(port=0, started=MONDAY, speed=0, ack_s=SOCKET_ACK_S)) as sandbox,
        httpx.AsyncClient(base_url=sandbox.address, trust_env=False, timeout=20) as http,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        client = AsyncWebClient(
            token="xoxb-sandbox", base_url=f"{sandbox.address}/api/", session=session, retry_handlers=[]
        )
        yield Bot(sandbox, http, database, client)


@asynccontextmanager
async def connected(bot: Bot, *, deaf_s: float = DEAF_S) -> AsyncIterator[Workspace]:
    """Connect the inbound half over Socket Mode, and keep what it touches up to date."""
    workspace = Workspace(bot.database, Rules(), lambda _db: Look(sources=("events",)), bot.now, bot.loop.wake, "here")
    bot.inbound = app = slack_app.build(bot.client, workspace, words=("/model", "/incident", "/oncall"))
    sockets = Sockets(app, "xapp-sandbox", Leases(bot.database, "here"), deaf_s=deaf_s)
    await directory.sync(bot.client, bot.database)
    await bot.database.write(_two_models)
    watching = asyncio.create_task(sockets.run(bot._sleep, bot.slack_is_back))
    drawing = asyncio.create_task(_draw(bot))
    try:
        async with asyncio.timeout(20):
            while len(bot.sandbox.sockets.connections) < 2:  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.01)
        yield workspace
    finally:
        await sockets.close()
        for task in (watching, drawing):
            task.cancel()
        await asyncio.gather(watching, drawing, return_exceptions=True)


async def _draw(bot: Bot) -> None:
    while True:
        await bot.work()
        await asyncio.sleep(0.01)


def _two_models(db: Session) -> None:
    for name, channel in (("fraud-scorer", "#ml-fraud"), ("churn", None)):
        db.add(Model(name=name, created_at=MONDAY, owner="@alice", channel=channel, metrics={}))
