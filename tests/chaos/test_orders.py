"""The bot is killed between an order and its answer: whoever deploys is asked once, and the card links what began."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.programs import free_port
from bot.demo.children import Child, programs
from bot.demo.stage import HOOK_TOKEN, Stage, key_of, words_of
from tests.chaos.rig import SPEED, START, standing

CARD = "slack/proposal/1"
CONFIGURATION = """
sources:
  events: {{auth: {{type: bearer, secret_env: DEMO_HOOK_TOKEN}}}}
models:
  fraud-scorer:
    channel: "#ml-fraud"
    approvers: {{production: {{users: ["@dana"]}}}}
deployers:
  cd: {{type: github, url: "{url}", secret_env: CD_TOKEN, options: {{workflow: deploy.yml}}}}
"""


@dataclass
class Actions:
    """A GitHub that begins a run for each dispatch, and answers the first one never."""

    runs: list[dict[str, str]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def dispatch(self, request: Request) -> Response:
        inputs = (await request.json())["inputs"]
        number = len(self.runs) + 1
        title = f"{inputs['model']} v{inputs['version']} ({inputs['order']})"
        self.runs.append({"display_title": title, "html_url": f"{self.url}/actions/runs/{number}"})
        if not self.begun.is_set():
            self.begun.set()
            while not await request.is_disconnected():  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.02)
        return JSONResponse({"workflow_run_id": number, "html_url": self.runs[-1]["html_url"]})

    async def list(self, _request: Request) -> Response:
        return JSONResponse({"total_count": len(self.runs), "workflow_runs": self.runs})


@pytest.fixture
async def actions() -> AsyncIterator[Actions]:
    found, api = Actions(), "/api/v3/repos/acme/models/actions/workflows/deploy.yml"
    routes = [Route(f"{api}/dispatches", found.dispatch, methods=["POST"]), Route(f"{api}/runs", found.list)]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    found.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/acme/models"
    yield found
    server.should_exit = True
    await serving


@asynccontextmanager
async def company(folder: Path, url: str) -> AsyncIterator[tuple[Child, Stage]]:
    """Yield the bot, and the stage that it plays on."""
    port = free_port()
    (folder / "bellwether.yml").write_text(CONFIGURATION.format(url=url))
    sandbox, bot, environment = programs(folder, port, START)
    bot.environment = environment | {"CD_TOKEN": "t0ken"}
    authorized = {"authorization": f"Bearer {HOOK_TOKEN}"}
    here, there = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    try:
        await asyncio.gather(sandbox.start(), bot.start())
        async with (
            httpx.AsyncClient(base_url=here, trust_env=False, timeout=10) as people,
            httpx.AsyncClient(base_url=there, trust_env=False, timeout=10, headers=authorized) as sources,
        ):
            while (await sources.get("/readyz")).json()["slack"] != "connected":  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.05)
            yield bot, Stage(people, sources, SPEED, headless=True)
    finally:
        await bot.kill()
        await sandbox.kill()


async def seen(stage: Stage, words: str) -> Any:
    """Wait until the card says WORDS; returns it."""

    def look(state: Any) -> Any:
        return next((m for m in standing(state) if key_of(m) == CARD and words in words_of(m)), None)

    return await stage.expect(f"the card says {words}", look)


async def test_killed_between_an_order_and_its_answer_it_orders_once(actions: Actions, tmp_path: Path) -> None:
    async with company(tmp_path, actions.url) as (bot, stage):
        await stage.run_at(SPEED)
        await stage.deliver("events", {"kind": "version", "model": "fraud-scorer", "version": "43"})
        await stage.act("command", user="alice", channel="ml-fraud", text="/model promote fraud-scorer v43 production")
        card = await seen(stage, "Approval needed")
        press = {"user": "dana", "channel": "ml-fraud", "ts": card["ts"], "action_id": "proposal_approve"}
        form = (await stage.act("action", **press))["view"]["id"]
        await stage.act("submit", user="dana", view_id=form, values={"reason": "go"})

        await asyncio.wait_for(actions.begun.wait(), 20)
        await bot.kill()
        await bot.start()
        await seen(stage, f"{actions.url}/actions/runs/1")
        await stage.set_clock(await stage.now() + timedelta(minutes=10))
        await seen(stage, f"{actions.url}/actions/runs/1")

        assert len(actions.runs) == 1
