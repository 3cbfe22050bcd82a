"""1,000 alerts in 20 groups from a real Alertmanager; the bot is killed in the middle, and is away for a while.

Needs Alertmanager (Debian: `prometheus-alertmanager`), on the path or named by ALERTMANAGER.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from benchmarks.programs import free_port
from bot.demo.stage import HOOK_TOKEN, key_of, words_of
from tests.chaos.conftest import Rig

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = ("alertmanager", "prometheus-alertmanager")
PROGRAM = os.environ.get("ALERTMANAGER") or next(filter(None, map(shutil.which, NAMES)), None)
GROUPS, EACH, AT_FIRST, AT_ONCE = 20, 50, 10, 4
AWAY_S, PATIENCE_S = 2.0, 90.0
NO_STORM = 70
"""Seconds after which a few groups more are no storm, and get cards of their own."""
CONFIGURATION = """
route: {{receiver: bellwether, group_by: [alertname, model], group_wait: 200ms, group_interval: 1s}}
receivers:
  - name: bellwether
    webhook_configs:
      - url: {hooks}/hooks/alertmanager
        http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""


@pytest.mark.skipif(PROGRAM is None, reason="there is no Alertmanager here; set ALERTMANAGER to its program")
async def test_each_group_of_a_real_alertmanager_has_one_card_with_its_last_state(rig: Rig, tmp_path: Path) -> None:
    async with alertmanager(tmp_path, str(rig.hooks.base_url)) as source:
        for first in range(0, GROUPS, AT_ONCE):
            batch = range(first, first + AT_ONCE)
            await fire(source, batch, range(AT_FIRST))
            await until(rig, "select count(*) from projection where remote_id is not null", batch.stop)
            await rig.slack.post("/_sandbox/clock", json={"advance_s": NO_STORM})

        middle = (AT_FIRST + EACH) // 2
        await fire(source, range(GROUPS), range(AT_FIRST, middle))
        await asyncio.sleep(0.5)  # some of it has come, some is on its way
        await rig.bot.kill()
        await fire(source, range(GROUPS), range(middle, EACH))
        await asyncio.sleep(AWAY_S)
        await rig.bot.start()
        await until(rig, "select count(*) from alert where status = 'firing'", GROUPS * EACH)
        over = range(0, GROUPS, 2)
        await fire(source, over, range(EACH), ended=True)
        await until(rig, "select count(*) from alert where status = 'resolved'", len(over) * EACH)

    await rig.settled()
    await rig.check()
    cards = [m for c in (await rig.state())["channels"] for m in c["messages"] if key_of(m).startswith("slack/group/")]
    said = {name_of(words_of(card)): words_of(card) for card in cards}
    assert len(cards) == len(said) == GROUPS
    for group in range(GROUPS):
        words = said[f"Group{group}"]
        assert ("Resolved" in words) == (group in over)
        assert f"{EACH} alerts" in words or f"{EACH} of {EACH} alerts" in words


async def fire(source: httpx.AsyncClient, groups: Iterable[int], numbers: range, *, ended: bool = False) -> None:
    """Have ALERTMANAGER know of these alerts, as Prometheus tells it."""
    now = datetime.now(UTC)
    times = {"startsAt": (now - timedelta(minutes=5)).isoformat()}
    if ended:
        times["endsAt"] = (now - timedelta(seconds=1)).isoformat()
    alerts = [
        {
            "labels": {
                "alertname": f"Group{group}",
                "model": "fraud-scorer",
                "severity": "warning",
                "feature": f"f{number}",
            },
            "annotations": {"summary": f"f{number} drifts"},
            **times,
        }
        for group in groups
        for number in numbers
    ]
    (await source.post("/api/v2/alerts", json=alerts)).raise_for_status()


async def until(rig: Rig, count: str, wanted: int) -> None:
    """Wait until the query COUNT gives WANTED."""
    async with asyncio.timeout(PATIENCE_S):
        while (await rig.rows(count))[0][0] < wanted:  # noqa: ASYNC110 - another process's rows
            await asyncio.sleep(0.1)


def name_of(words: str) -> str:
    """Return the group's name in the words of its card."""
    return next(word for word in words.replace("*", " ").split() if word.startswith("Group"))


@asynccontextmanager
async def alertmanager(folder: Path, hooks: str) -> AsyncIterator[httpx.AsyncClient]:
    assert PROGRAM is not None
    configuration, port = folder / "alertmanager.yml", free_port()
    configuration.write_text(CONFIGURATION.format(hooks=hooks.rstrip("/"), token=HOOK_TOKEN))
    arguments = (
        f"--config.file={configuration}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(PROGRAM, *arguments, stdout=log, stderr=log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as source:
            while not await ready(source):
                assert process.returncode is None, (folder / "alertmanager.log").read_text()
                await asyncio.sleep(0.05)
            yield source
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def ready(source: httpx.AsyncClient) -> bool:
    try:
        return (await source.get("/-/ready")).status_code == 200
    except httpx.TransportError:
        return False
