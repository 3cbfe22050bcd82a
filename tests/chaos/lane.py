"""Rounds on one sandbox: act, be killed at a point, start again, look."""

import asyncio
import json
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.programs import free_port
from bot.demo.children import Child, programs
from bot.demo.stage import HOOK_TOKEN, key_of
from bot.ingest.rules import STORM_WINDOW
from tests.chaos.points import Act, Point
from tests.chaos.rig import SPEED, START, Rig, alert, standing
from tests.chaos.victim import Victim

PATIENCE_S = 30.0
BOT = {"authorization": "Bearer xoxb-sandbox"}
CONFIGURATION = {
    "admins": ["@alice"],
    "jira": {"project": "ML", "issue_type": "Bug", "poll_seconds": 5},
    "sources": {"alertmanager": {"auth": {"type": "bearer", "secret_env": "DEMO_HOOK_TOKEN"}}},
}


class NeverReached(Exception):
    """Nothing brought the bot to this point: it was renamed, or what leads there changed."""


@dataclass(frozen=True)
class Outcome:
    """What one round showed."""

    point: str
    recovered_s: float = 0.0
    """From the start of the bot until everything shows what the rows say."""
    lost: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    error: str = ""


@dataclass
class Lane(Rig[Victim]):
    """One sandbox, one bot, round after round."""

    recover_at: float = SPEED
    """The clock's speed during a recovery."""
    models: int = 0
    open: list[int] = field(default_factory=list)
    """The models with an open incident."""
    firing: defaultdict[int, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """What was sent of each model."""
    updates: int = 0

    async def round(self, point: Point) -> Outcome:
        """Kill the bot at POINT, start it again, and look. Raises NeverReached."""
        await self._prepare(point.act)
        await self.settled()
        (await self.slack.delete("/_sandbox/calls")).raise_for_status()
        cut = {"accept_then_hang": {"methods": [point.where], "n": 1}} if point.when == "unanswered" else {}
        await self.fault(**point.faults, **cut)
        if not cut:
            self.bot.arm(point.name)
        acting = asyncio.create_task(self._act(point.act))
        try:
            await self._killed(point)
            await self.fault(jira_down=False)
            await self.run_at(self.recover_at)
            begun = time.monotonic()
            await self.bot.start()
            await acting
            await self.settled()
            recovered_s = time.monotonic() - begun
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
        (await self.slack.delete("/_sandbox/faults")).raise_for_status()
        await self.run_at(SPEED)
        lost, twice = await self.compare()
        return Outcome(point.name, recovered_s, tuple(lost), tuple(twice))

    async def _killed(self, point: Point) -> None:
        """Wait until the bot was killed at POINT. Raises NeverReached."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                if point.when == "unanswered":
                    await self._carried_out()
                    await self.bot.kill()
                    return
                code = await self.bot.death()
        except TimeoutError:
            raise NeverReached(point.name) from None
        if code != -signal.SIGKILL or not self.bot.reached():
            raise NeverReached(f"{point.name}: the bot ended by itself, with {code}")

    async def _carried_out(self) -> None:
        """Wait until the sandbox has done what it was asked and keeps the answer to itself."""
        while True:
            calls = (await self.slack.get("/_sandbox/calls")).raise_for_status().json()
            if any(call["error"] == "accept_then_hang" for call in calls):
                return
            await asyncio.sleep(0.01)

    async def _prepare(self, act: Act) -> None:
        """Let there be what ACT needs, and let the time pass in which many rounds would be one storm."""
        await self.pass_time(STORM_WINDOW)
        match act:
            case Act.START:
                await self.bot.kill()
            case Act.REMOVE:
                await self._warn()
            case Act.PUBLISH:
                await self._look()
            case Act.MORE | Act.TELL | Act.RESOLVE | Act.DIRECT if not self.open:
                await self._open()

    async def _act(self, act: Act) -> None:
        match act:
            case Act.START:
                await self.bot.launch()
            case Act.WARN:
                await self._warn()
            case Act.OPEN | Act.PUBLISH:
                await self._open()
            case Act.MORE:
                await self._more(self.open[-1])
            case Act.REMOVE:
                (newest,) = await self.rows("select max(id) id from alert_group")
                await self._delete(f"slack/group/{newest.id}")
                await self._more(self.models)
            case Act.TELL:
                await self._tell()
            case Act.LOOK:
                await self._look()
            case Act.DIRECT:
                await self._delete("slack/dm/alice/jira")
                await self.fault(jira_down=True)
                await self._open()
            case Act.RESOLVE:
                await self._resolve(self.open.pop())

    async def _warn(self) -> None:
        self.models += 1
        await self._more(self.models)

    async def _more(self, model: int) -> None:
        await self._fire(f"Nulls{model}", model)

    async def _open(self) -> None:
        self.models += 1
        await self._fire(f"Objective{self.models}", self.models)
        self.open.append(self.models)

    async def _fire(self, name: str, model: int) -> None:
        one = alert(name, f"model-{model}", len(self.firing[model]), await self.now())
        self.firing[model].append(one)
        await self.deliver([one])

    async def _resolve(self, model: int) -> None:
        at = (await self.now()).isoformat()
        for one in self.firing.pop(model):
            await self.deliver([one | {"status": "resolved", "endsAt": at}])

    async def _delete(self, key: str) -> None:
        """Delete the message of KEY, if it stands."""
        for message in standing(await self.state()):
            if key_of(message) == key:
                named = {"channel": message["channel"], "ts": message["ts"]}
                answer = await self.slack.post("/api/chat.delete", json=named, headers=BOT)
                assert answer.json()["ok"], answer.text

    async def _tell(self) -> None:
        """Send the form of an update; again, as people do, if it says that it did not work and it did not."""
        self.updates += 1
        words = f"update {self.updates}"
        (incident,) = await self.rows("select max(id) id from incident where resolved_at is null")
        card = next(m for m in standing(await self.state()) if key_of(m) == f"slack/incident/{incident.id}")
        pressed = {"user": "bob", "channel": card["channel"], "ts": card["ts"], "action_id": "incident_update"}
        while not await self.rows(f"select id from timeline_entry where text like '%{words}%'"):
            await self.bot.up.wait()
            answer = (await self.slack.post("/_sandbox/action", json=pressed)).json()
            if answer["view"] is None:
                continue
            form = {"user": "bob", "view_id": answer["view"]["id"], "values": {"text": words}}
            await self.slack.post("/_sandbox/submit", json=form)
            await self.bot.up.wait()

    async def _look(self) -> None:
        """Open the App Home; if the bot dies of it, Slack sends the event again."""
        seen = "select seen_home_at from directory where id = 'U01ALICE'"
        before = await self.rows(seen)
        await self.slack.post("/_sandbox/home", json={"user": "alice"})
        await self.bot.up.wait()
        async with asyncio.timeout(PATIENCE_S):
            while await self.rows(seen) == before:  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.1)


def _prepared(folder: Path, database: str) -> tuple[Child, Victim, dict[str, str]]:
    (folder / "bellwether.yml").write_text(json.dumps(CONFIGURATION))
    sandbox, bot, environment = programs(folder, free_port(), START)
    environment["DATABASE_URL"] = database
    return sandbox, Victim(folder, environment, bot.ready), environment


@asynccontextmanager
async def opened(folder: Path, database: str, *, recover_at: float = SPEED) -> AsyncIterator[Lane]:
    """Run a sandbox with its data in FOLDER, and a bot on DATABASE."""
    sandbox, victim, environment = _prepared(folder, database)
    token = {"authorization": f"Bearer {HOOK_TOKEN}"}
    try:
        await sandbox.start()
        async with (
            httpx.AsyncClient(base_url=sandbox.ready, trust_env=False, timeout=20) as slack,
            httpx.AsyncClient(
                base_url=f"http://{environment['BELLWETHER_LISTEN']}", trust_env=False, timeout=10, headers=token
            ) as hooks,
        ):
            lane = Lane(sandbox, victim, environment, slack, hooks, recover_at=recover_at)
            await lane.run_at(SPEED)
            await victim.start()
            try:
                yield lane
            finally:
                lane.close()
    finally:
        await victim.close()
        await sandbox.kill()
