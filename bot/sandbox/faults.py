"""What goes wrong on purpose: the switches of `/_sandbox/faults`.

A value is true, a number, or an object. `true` strikes always; for `slow_ms` and `search_lag_s` a number is
the amount, for the others it means "the next n times". `{methods, n, p, status}` narrows: only these
methods, at most n times, with probability p.
"""

import random
from collections.abc import Callable
from typing import Any

from bot.sandbox.pulse import Pulse

AMOUNTS = frozenset({"slow_ms", "search_lag_s"})
# These strike what is there at the moment they are switched on, once, and are then over.
MOMENTARY = frozenset({"drop_sockets", "half_open"})
NAMES = AMOUNTS | MOMENTARY | frozenset({
    "slack_down", "jira_down", "rate_limit", "accept_then_reset", "accept_then_hang", "server_error", "slack_error",
    "redeliver", "duplicate_events", "reorder_events", "token_revoked", "missing_scope", "jira_error",
    "jira_rate_limit",
})  # fmt: skip
LIMITS = ("post_per_s", "post_burst", "update_per_min")


class UnknownFault(ValueError):
    """Somebody named a fault that does not exist."""


class Faults:
    """The faults that are on. `on_moment` is called for a momentary one with its name and options."""

    def __init__(self, seed: int = 7) -> None:
        self.active: dict[str, Any] = {}
        self.pulse = Pulse()
        self.on_moment: Callable[[str, dict[str, Any]], None] = lambda _name, _options: None
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def merge(self, patch: dict[str, Any]) -> None:
        """Switch on and off; false and null switch off. Raises UnknownFault."""
        unknown = sorted(set(patch) - NAMES)
        if unknown:
            raise UnknownFault(f"unknown fault: {', '.join(unknown)} (there are {', '.join(sorted(NAMES))})")
        for name, value in patch.items():
            if value is None or value is False or value == 0:
                self.active.pop(name, None)
            elif name in MOMENTARY:
                self.on_moment(name, _options(name, value))
            else:
                self.active[name] = value
        self.pulse.beat()

    def clear(self) -> None:
        self.active.clear()
        self.pulse.beat()

    def options(self, name: str) -> dict[str, Any] | None:
        """Return how `name` is set, without spending one of its n times; None when it is off."""
        value = self.active.get(name)
        return None if value is None else _options(name, value)

    def amount(self, name: str, method: str = "") -> float:
        """Return the size of `slow_ms` or `search_lag_s` for `method`; 0 when off."""
        options = self.options(name)
        if options is None or not _concerns(options, method):
            return 0.0
        return float(options.get("amount", options.get("ms", options.get("s", 0))))

    def strikes(self, name: str, method: str = "", *, of: frozenset[str] | None = None) -> dict[str, Any] | None:
        """Return the options if the fault strikes now, and count it; `of`: whom it concerns unless told."""
        options = self.options(name)
        if options is None or not _concerns(options, method):
            return None
        if of is not None and not options.get("methods") and method not in of:
            return None
        if "p" in options and self._random.random() >= float(options["p"]):
            return None
        if "n" in options:
            left = int(options["n"]) - 1
            if left > 0:
                self.active[name] = options | {"n": left}
            else:
                del self.active[name]
            self.pulse.beat()
        return options

    def too_fast(self, method: str) -> int | None:
        """Return after how many seconds to try again if `rate_limit` strikes; with one of LIMITS it moves them."""
        options = self.options("rate_limit") or {}
        if any(name in options for name in (*LIMITS, "off")):
            return None
        struck = self.strikes("rate_limit", method)
        return None if struck is None else int(struck.get("retry_after", 1))


def _options(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return {"methods": value}
    if isinstance(value, bool):
        return {}
    if isinstance(value, int | float):
        return {"amount": value} if name in AMOUNTS else {"n": int(value)}
    return {"value": value}


def _concerns(options: dict[str, Any], method: str) -> bool:
    methods = options.get("methods")
    if not methods or not method:
        return True
    wanted = [methods] if isinstance(methods, str) else methods
    return any(method == one or (one.endswith("*") and method.startswith(one[:-1])) for one in wanted)
