"""Every error that we raise on purpose, named by who has to act.

BotError
  InboundError      BadSignature  MalformedPayload  UnsupportedEvent
  OutboundError     NoBudget  TemporaryError  UncertainError  GoneError  PermanentError
  PeopleError       UserError  ConfigError
  StoreUnavailable
"""

from collections.abc import Callable
from datetime import timedelta


class BotError(Exception):
    """Anything that the bot raises on purpose."""


class InboundError(BotError):
    """A delivery could not be taken as it is; its sender, or our mapping of it, is wrong."""


class BadSignature(InboundError):
    """The delivery does not prove that it comes from its source; answered 401, never stored."""


class MalformedPayload(InboundError):
    """The payload is not what its source documents; kept as an unmapped delivery with this message."""


class UnsupportedEvent(InboundError):
    """A genuine event that we have no use for; counted, quiet."""


class OutboundError(BotError):
    """A call to another system did not do what we asked."""


class NoBudget(OutboundError):
    """It is not its turn yet: our own rate limit, or the other side's Retry-After. No trouble, only a wait."""

    def __init__(self, message: str, after: timedelta, still: Callable[[], timedelta] | None = None) -> None:
        """`after` is how long until there is budget again; `still`, where the budget is ours, says so at any time."""
        super().__init__(message)
        self.after = after
        self.still = still


class TemporaryError(OutboundError):
    """It certainly had no effect and may work later: connection refused, 503."""

    def __init__(self, message: str, after: timedelta) -> None:
        """`after` is how long to wait before the next try."""
        super().__init__(message)
        self.after = after


class UncertainError(OutboundError):
    """Nobody knows whether it had an effect: timeout, reset after sending, 5xx. Look before trying again."""

    def __init__(self, message: str, after: timedelta) -> None:
        """`after` is how long to wait before looking."""
        super().__init__(message)
        self.after = after


class GoneError(OutboundError):
    """The remote copy was deleted by somebody: make a new one."""


class PermanentError(OutboundError):
    """It can't work as it is: keep the error for a human and wait for the next change of our rows."""


class PeopleError(BotError):
    """A person has to read this; the message says what happened and what to do."""


class UserError(PeopleError):
    """Shown, only to them, to the person who typed or clicked."""


class ConfigError(PeopleError):
    """Found at start or reload; names file, line and key. Ends the process with exit code 2."""


class StoreUnavailable(BotError):
    """The database cannot be used now; nothing of what was asked was done, and it may be asked again."""
