"""The process clock: what waits by it goes on, whatever somebody sets."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import bot.clock
from bot.clock import Clock


async def test_a_wait_becomes_no_longer_when_the_real_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    class SetBack(datetime):
        """Right at first, then eight hours earlier, as when the time is learnt from the network after the start."""

        readings = iter([datetime(2026, 11, 23, 16, tzinfo=UTC)] * 2)

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return next(cls.readings, datetime(2026, 11, 23, 8, tzinfo=tz))

    monkeypatch.setattr(bot.clock, "datetime", SetBack)

    async with asyncio.timeout(2):
        await Clock().sleep(timedelta(milliseconds=10))
