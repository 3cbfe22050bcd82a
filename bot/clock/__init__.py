"""The process clock: the real one, or a sandbox's that runs faster and jumps. Nothing else asks what time it is.

Every wait of the bot is on this clock, so that a sped-up clock speeds up the whole bot; only network timeouts are real.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from bot.domain.errors import ConfigError

LONGEST_NAP_S = 3600


class Clock:
    """Tells the time and waits. `bot.clock.following` keeps it in step with a sandbox's clock."""

    def __init__(self, url: str | None = None) -> None:
        """Tell the real time until it is set to another; raises ConfigError for a URL that is not loopback."""
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
        """Wait until SPAN has passed on this clock, however a sandbox's is moved; the real one may be set back."""
        if self.url is None:
            await asyncio.sleep(span.total_seconds())
            return
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

    def set(self, read: datetime, speed: float) -> None:
        """Go on from READ at SPEED; a step that reading it takes anyway is no jump."""
        drift = abs(read - self.now())
        if speed != self._speed or drift > timedelta(milliseconds=50) * max(1.0, self._speed):
            self._base, self._since, self._speed = read, time.monotonic(), speed
            self._jumped.set()
            self._jumped = asyncio.Event()


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
