"""The bot is killed in the middle of a storm and started again: nothing lost, nothing twice, everything right.

The short version is part of every test run; `make chaos` (CHAOS=long) kills it many more times.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.store.projection import touch_open
from tests.chaos.conftest import LONG, STORM_S, StormRig

pytestmark = pytest.mark.asyncio(loop_scope="module")

STOP_S = 15.0
WRITES = ("chat.", "views.", "POST issue", "PUT issue")


def moments() -> list[tuple[float, ...]]:
    """Return, for each round, the seconds of the storm at which the bot is killed."""
    rounds: list[tuple[float, ...]] = [(0.4, 1.9)]
    if LONG:
        dice = random.Random(20261120)
        rounds += [tuple(sorted(dice.uniform(0, STORM_S + 3) for _ in range(dice.randint(1, 3)))) for _ in range(30)]
    return rounds


@pytest.mark.parametrize("seconds", moments(), ids=lambda seconds: "-".join(f"{second:.1f}s" for second in seconds))
async def test_killed_in_mid_storm_it_loses_nothing_and_does_nothing_twice(
    rig: StormRig, seconds: Sequence[float]
) -> None:
    storm = asyncio.create_task(rig.storm())
    passed = 0.0
    for second in seconds:
        await asyncio.sleep(max(0.0, second - passed))
        await rig.bot.kill()
        await rig.bot.start()
        passed = second
    await storm

    await rig.settled()
    await rig.check()


async def test_killed_twice_in_a_row_the_second_time_while_it_starts(rig: StormRig) -> None:
    storm = asyncio.create_task(rig.storm())
    await asyncio.sleep(1.2)
    await rig.bot.kill()
    starting = asyncio.create_task(rig.bot.start())
    await asyncio.sleep(0.9)  # it reads its configuration, or frees leases, or draws already
    await rig.bot.kill()
    await asyncio.gather(starting, return_exceptions=True)
    await rig.bot.start()
    await storm

    await rig.settled()
    await rig.check()


async def test_a_nightly_sweep_makes_no_call_when_nothing_changed(rig: StormRig) -> None:
    await rig.storm()
    await rig.settled()
    await rig.bot.kill()  # another process draws the same
    await rig.bot.start()
    await rig.settled()
    (await rig.slack.delete("/_sandbox/calls")).raise_for_status()

    now = await rig.now()
    touched = await rig.database.write(touch_open, now, now - timedelta(days=30))
    await rig.settled()

    assert touched > 0
    calls = (await rig.slack.get("/_sandbox/calls")).raise_for_status().json()
    assert [(call["method"], call["args"]) for call in calls if call["method"].startswith(WRITES)] == []


async def test_told_to_stop_it_drains_and_is_gone_in_time(rig: StormRig) -> None:
    storm = asyncio.create_task(rig.storm())
    await asyncio.sleep(1.3)
    before = rig.bot.log.stat().st_size

    took = await rig.bot.stop()

    assert rig.bot.process is not None
    assert rig.bot.process.returncode == 0
    assert took <= STOP_S
    assert await rig.rows("select key from projection where lease != ''") == []
    assert b"Traceback" not in rig.bot.log.read_bytes()[before:]
    await rig.bot.start()
    await storm
    await rig.settled()
    await rig.check()
