"""How much a place lets us say: token buckets on the process clock, and parking after a 429.

A bucket that is empty tells how long to wait; nothing sleeps here. The last tokens are kept for people: what nobody
waits for leaves a reserve. Real limits are learnt from Retry-After, the numbers are only where we start.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

NOW = timedelta(0)


@dataclass(frozen=True)
class Rate:
    """At most `per` calls in `window` on average, `burst` of them at once; `reserve` of the burst is for people."""

    per: float
    window: timedelta
    burst: int = 1
    reserve: int = 0


@dataclass
class _Bucket:
    tokens: float
    at: datetime


class Budget:
    """Token buckets by name; one for each workspace."""

    def __init__(self) -> None:
        """Start with every bucket full."""
        self._buckets: dict[str, _Bucket] = {}
        self._parked: dict[str, datetime] = {}

    def take(self, name: str, rate: Rate, now: datetime, *, urgent: bool = False) -> timedelta:
        """Take one token of NAME and return zero, or take none and return how long to wait for one."""
        if (until := self._parked.get(name)) is not None and until > now:
            return until - now
        bucket = self._buckets.setdefault(name, _Bucket(rate.burst, now))
        gained = max(NOW, now - bucket.at) / rate.window * rate.per
        bucket.tokens, bucket.at = min(rate.burst, bucket.tokens + gained), now
        needed = 1 + (0 if urgent else rate.reserve)
        if bucket.tokens >= needed - 1e-9:
            bucket.tokens -= 1
            return NOW
        return (needed - bucket.tokens) / rate.per * rate.window

    def put_back(self, name: str) -> None:
        """Give back a token that was taken for a call that was then not made."""
        if bucket := self._buckets.get(name):
            bucket.tokens += 1

    def park(self, name: str, until: datetime) -> None:
        """Let nobody take of NAME before UNTIL: the other side said so."""
        self._parked[name] = until
        if bucket := self._buckets.get(name):
            bucket.tokens = min(bucket.tokens, 1.0)
