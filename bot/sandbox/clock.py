"""The sandbox's clock: what Slack and Jira stamp, and what rate limits and redelivery are measured on.

It can run faster, jump and be set, so that a story reaches Monday 09:00 in a second. Deadlines that a
*program* has to meet (3 s for an ack or a trigger) stay on the real clock, because code does not run faster
at 30x. This is the only module of the sandbox that asks the real clock.
"""

import time
from datetime import UTC, datetime, timedelta

from bot.sandbox.pulse import Pulse


def real_epoch() -> float:
    """Return the real time as epoch seconds (the `at` of a recorded call)."""
    return time.time()  # noqa: TID251 - the sandbox's clock is where the real one is asked


class Clock:
    """Sandbox time: aware UTC, moving at `speed` times the real one from `started`."""

    def __init__(self, started: datetime | None = None, speed: float = 1.0) -> None:
        self.pulse = Pulse()
        self._base = started or datetime.now(UTC)  # noqa: TID251 - see real_epoch
        self._mark = time.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        return self._base + timedelta(seconds=(time.monotonic() - self._mark) * self._speed)

    def epoch(self) -> float:
        return self.now().timestamp()

    def set(self, at: datetime, *, speed: float | None = None) -> None:
        """Jump to `at` (aware); everyone who sleeps looks again."""
        self._base, self._mark = at.astimezone(UTC), time.monotonic()
        if speed is not None:
            self._speed = speed
        self.pulse.beat()

    def advance(self, by: timedelta) -> None:
        self.set(self.now() + by)

    def run_at(self, speed: float) -> None:
        """Go on from now at `speed` sandbox seconds per real second; 0 stops it."""
        self.set(self.now(), speed=speed)

    async def sleep_until(self, at: datetime) -> None:
        """Return when the clock says `at` or later, however it came there."""
        while True:
            seen = self.pulse.version
            left = (at - self.now()).total_seconds()
            if left <= 0:
                return
            await self.pulse.wait(seen, left / self._speed if self._speed > 0 else None)

    async def sleep(self, duration: timedelta) -> None:
        await self.sleep_until(self.now() + duration)
