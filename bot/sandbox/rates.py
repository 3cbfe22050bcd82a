"""Slack's rate limits, measured on the sandbox's clock. https://docs.slack.dev/apis/web-api/rate-limits

Tiers are calls per minute, method and app. Posts are special: about one per second and channel after a
short burst, and several hundred per minute in all.
"""

import math
from collections import deque

from bot.sandbox.clock import Clock

POSTS_PER_S = 1.0
POST_BURST = 5
POSTS_PER_MIN = 300
TIER = {1: 1, 2: 20, 3: 50, 4: 100}
SPECIAL = 600
MINUTE = 60.0


class Rates:
    """Counts calls. `take` answers 0 for "go on" or the seconds of Retry-After (sandbox time, at least 1)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}

    def per_minute(self, key: str, most: float) -> int:
        """Allow `most` calls of `key` in any minute."""
        return self.window(key, most, MINUTE)

    def window(self, key: str, most: float, seconds: float) -> int:
        """Allow `most` calls of `key` in any `seconds`."""
        now = self._clock.epoch()
        seen = self._calls.setdefault(key, deque())
        while seen and not now - seconds < seen[0] <= now:
            seen.popleft()
        if len(seen) >= most:
            return max(1, math.ceil(seen[0] + seconds - now))
        seen.append(now)
        return 0

    def per_second(self, key: str, rate: float, burst: int) -> int:
        """Allow `rate` calls of `key` per second after `burst` at once."""
        now = self._clock.epoch()
        left, then = self._buckets.get(key, (float(burst), now))
        left = min(float(burst), left + max(0.0, now - then) * rate)
        if left < 1.0:
            self._buckets[key] = (left, now)
            return max(1, math.ceil((1.0 - left) / rate)) if rate > 0 else 60
        self._buckets[key] = (left - 1.0, now)
        return 0
