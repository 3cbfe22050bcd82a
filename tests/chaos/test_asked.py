"""The bot is killed while many wait for their answers: whoever it had heard is answered after its next start."""

import asyncio
import zlib
from typing import Any

import pytest
from pydantic_core import from_json

from tests.chaos.conftest import StormRig

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY, WAITING = 300, 30
OWED = "select delivery.body from owed_answer join delivery on delivery.id = owed_answer.delivery_id"


async def test_killed_while_many_ask_it_answers_after_the_next_start(rig: StormRig) -> None:
    async with asyncio.timeout(30):
        while (await ask(rig, "nobody"))["error"]:  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.1)
    await rig.fault(slack_down={"methods": ["response_url"]})
    asked = {f"unheard-{n:03}": asyncio.create_task(ask(rig, f"unheard-{n:03}")) for n in range(MANY)}
    async with asyncio.timeout(30):
        while len(await rig.rows(OWED)) < WAITING:  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.005)
    await rig.bot.kill()
    owed = {from_json(zlib.decompress(row.body))["text"].removeprefix("status ") for row in await rig.rows(OWED)}
    await rig.fault(slack_down=False)
    await rig.bot.start()

    acknowledged = {model for model, one in asked.items() if (await one)["error"] is None}
    async with asyncio.timeout(60):
        while await rig.rows(OWED):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.1)

    answered = str((await rig.slack.get("/_sandbox/state")).raise_for_status().json()["ephemerals"])
    assert len(owed) >= WAITING
    assert [model for model in sorted(owed | acknowledged) if model not in answered] == []


async def ask(rig: StormRig, model: str) -> Any:
    given = {"user": "bob", "channel": "general", "text": f"/model status {model}"}
    return (await rig.slack.post("/_sandbox/command", json=given)).raise_for_status().json()
