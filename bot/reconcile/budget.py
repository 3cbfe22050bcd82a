"""How much a place lets us say: so many calls in any stretch of time, and parking after a 429.

A budget that is used up tells how long to wait; nothing sleeps here. The numbers are only where we start: a 429 makes
its budget stricter, first in how much goes out at once, then in how much in all.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

NOW = timedelta(0)
FORGIVEN = timedelta(hours=1)
"""What a 429 taught is forgotten after so long without another."""


@dataclass(frozen=True)
class Rate:
    """At most `per` calls in any `window`; the last `reserve` of them are not for everybody."""

    per: int
    window: timedelta
    reserve: int = 0

    def stricter(self) -> "Rate":
        """Return half as many in half the time, without the reserve; one at a time comes a quarter less often."""
        open_to_all = self.per - self.reserve
        if open_to_all <= 1:
            return Rate(1, self.window * 1.25)
        half = open_to_all // 2
        return Rate(half, self.window * (half / open_to_all))


@dataclass
class _Account:
    rate: Rate
    """What was asked for, or what 429s made of it."""
    made: deque[datetime] = field(default_factory=deque)
    parked: datetime | None = None


class Budget:
    """Accounts by name; one budget for each workspace."""

    def __init__(self) -> None:
        """Start with nothing used."""
        self._accounts: dict[str, _Account] = {}

    def take(self, name: str, rate: Rate, now: datetime, *, leave: int = 0) -> timedelta:
        """Take one call of NAME and return zero, or take none and return how long to wait for one.

        `leave`: how many are left to others, as far as there are that many.
        """
        wait = self.wait(name, rate, now, leave=leave)
        if wait <= NOW:
            self._accounts[name].made.append(now)
        return wait

    def wait(self, name: str, rate: Rate, now: datetime, *, leave: int = 0) -> timedelta:
        """Return how long to wait until one could be taken; zero = now."""
        account = self._account(name, rate, now)
        if account.parked is not None and account.parked > now:
            return account.parked - now
        made, window = account.made, account.rate.window
        if made and made[-1] > now:  # the clock was set back
            account.made = made = deque(min(at, now) for at in made)
        while made and made[0] <= now - window:
            made.popleft()
        most = max(1, account.rate.per - leave)
        return NOW if len(made) < most else made[len(made) - most] + window - now

    def used(self, now: datetime) -> dict[str, float]:
        """Return which part of each budget is used up, from 0 to 1."""
        return {name: self._used(account, now) for name, account in self._accounts.items()}

    def answered(self, name: str, now: datetime) -> None:
        """Count the last call of NAME from NOW on: when it arrived over there nobody knows, but not later."""
        if (account := self._accounts.get(name)) and account.made:
            account.made[-1] = max(account.made[-1], now)

    def put_back(self, name: str) -> None:
        """Give back a call that was taken and then not made."""
        if (account := self._accounts.get(name)) and account.made:
            account.made.pop()

    def park(self, name: str, rate: Rate, now: datetime, after: timedelta) -> None:
        """Let nobody take of NAME for AFTER, and less from then on: the other side said that it was too much."""
        account = self._account(name, rate, now)
        if account.parked is None or account.parked <= now:  # calls on their way at the same time teach one thing
            account.rate = account.rate.stricter()
        account.parked = now + after

    def _account(self, name: str, rate: Rate, now: datetime) -> _Account:
        account = self._accounts.setdefault(name, _Account(rate))
        if account.parked is not None and account.parked < now - FORGIVEN:
            account.rate, account.parked = rate, None
        return account

    @staticmethod
    def _used(account: _Account, now: datetime) -> float:
        if account.parked is not None and account.parked > now:
            return 1.0
        return min(1.0, sum(at > now - account.rate.window for at in account.made) / account.rate.per)
