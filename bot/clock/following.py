"""In step with a sandbox's clock, which runs faster and jumps; imported only where there is one."""

import asyncio
import logging
from datetime import UTC, datetime

import httpx

from bot.clock import Clock
from bot.domain.errors import ConfigError

logger = logging.getLogger(__name__)

POLL_S, LONG_POLL_S, TROUBLE_S = 0.25, 20, 1


async def settle(clock: Clock) -> None:
    """Learn the time before anything is done by it; waits until the sandbox is up."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            try:
                await _learn(clock, client)
                return
            except httpx.HTTPError as e:
                logger.info("waiting for the sandbox's clock", extra={"error": repr(e)})
                await asyncio.sleep(POLL_S)


async def follow(clock: Clock) -> None:
    """Keep CLOCK in step until cancelled."""
    version: int | None = None
    async with httpx.AsyncClient(trust_env=False, timeout=LONG_POLL_S + 10) as client:
        while True:
            try:
                version = await _learn(clock, client, after=version)
                pause = POLL_S if version is None else 0
            except (httpx.HTTPError, KeyError, ValueError) as e:
                logger.debug("clock cannot be read", extra={"error": repr(e)})
                version, pause = None, TROUBLE_S
            await asyncio.sleep(pause)


def read_clock(url: str | None) -> datetime:
    """Return the time once, for a subcommand; raises ConfigError when a sandbox's clock can't be read."""
    clock = Clock(url)
    if url is not None:
        try:
            asyncio.run(_learn_once(clock))
        except httpx.HTTPError as e:
            raise ConfigError(f"BELLWETHER_CLOCK={url} cannot be read: {e}; is the sandbox running?") from e
    return clock.now()


async def _learn_once(clock: Clock) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        await _learn(clock, client)


async def _learn(clock: Clock, client: httpx.AsyncClient, *, after: int | None = None) -> int | None:
    """Read the clock once, or its next change when AFTER is given; returns its version, if it has one."""
    assert clock.url is not None
    wanted = {} if after is None else {"after": after, "wait": LONG_POLL_S}
    answer = (await client.get(clock.url, params=wanted)).raise_for_status().json()
    read = datetime.fromisoformat(answer["now"]) if isinstance(answer["now"], str) else _from_epoch(answer["now"])
    clock.set(read, float(answer["speed"]))
    version: int | None = answer.get("version")
    return version


def _from_epoch(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
