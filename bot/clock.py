"""The process clock: the real one, or a sandbox's that runs faster and jumps. Nothing else asks what time it is.

Every wait of the bot is on this clock, so that a sped-up clock speeds up the whole bot; only network timeouts are real.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from bot.domain.errors import ConfigError

logger = logging.getLogger(__name__)

POLL_S, LONG_POLL_S, TROUBLE_S = 0.25, 20, 1
LONGEST_NAP_S = 3600


class Clock:
    """Tells the time and waits. `follow` keeps it in step with a sandbox's clock."""

    def __init__(self, url: str | None = None) -> None:
        """Tell the real time until `follow` learns another; raises ConfigError for a URL that is not loopback."""
        if url is not None and not is_loopback(url):
            raise ConfigError(f"BELLWETHER_CLOCK={url}: only a sandbox on this machine may set the clock")
        self.url = url
        self._base = datetime.now(UTC)  # noqa: TID251 - this is the process clock
        self._since = time.monotonic()
        self._speed = 1.0
        self._jumped = asyncio.Event()

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        if self.url is None:
            return datetime.now(UTC)  # noqa: TID251 - this is the process clock
        return self._base + timedelta(seconds=(time.monotonic() - self._since) * self._speed)

    async def sleep(self, span: timedelta) -> None:
        """Wait until SPAN has passed on this clock, however it is moved meanwhile."""
        until = self.now() + span
        while (left := (until - self.now()).total_seconds()) > 0:
            nap = LONGEST_NAP_S if self._speed <= 0 else left / self._speed
            try:
                async with asyncio.timeout(min(nap, LONGEST_NAP_S)):  # `wait_for` may lose a cancellation
                    await self._jumped.wait()
            except TimeoutError:
                continue
        await asyncio.sleep(0)

    async def jumped(self) -> None:
        """Wait until the clock was moved or changed its speed."""
        await self._jumped.wait()

    async def learn(self, client: httpx.AsyncClient, *, after: int | None = None) -> int | None:
        """Read the sandbox's clock once, or its next change when AFTER is given; returns its version, if it has one."""
        assert self.url is not None
        wanted = {} if after is None else {"after": after, "wait": LONG_POLL_S}
        answer = (await client.get(self.url, params=wanted)).raise_for_status().json()
        read = datetime.fromisoformat(answer["now"]) if isinstance(answer["now"], str) else _from_epoch(answer["now"])
        drift = abs(read - self.now())
        if answer["speed"] != self._speed or drift > timedelta(milliseconds=50) * max(1.0, self._speed):
            self._base, self._since, self._speed = read, time.monotonic(), float(answer["speed"])
            self._jumped.set()
            self._jumped = asyncio.Event()
        version: int | None = answer.get("version")
        return version

    async def settle(self) -> None:
        """Learn the sandbox's clock before anything is done by it; waits until the sandbox is up."""
        if self.url is None:
            return
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while True:
                try:
                    await self.learn(client)
                    return
                except httpx.HTTPError as e:
                    logger.info("waiting for the sandbox's clock", extra={"error": repr(e)})
                    await asyncio.sleep(POLL_S)

    async def follow(self) -> None:
        """Stay in step with the sandbox's clock until cancelled."""
        version: int | None = None
        async with httpx.AsyncClient(trust_env=False, timeout=LONG_POLL_S + 10) as client:
            while True:
                try:
                    version = await self.learn(client, after=version)
                    pause = POLL_S if version is None else 0
                except (httpx.HTTPError, KeyError, ValueError) as e:
                    logger.debug("clock cannot be read", extra={"error": repr(e)})
                    version, pause = None, TROUBLE_S
                await asyncio.sleep(pause)


def _from_epoch(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


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
        await clock.learn(client)
