"""How a method of the Web API says no."""

from collections.abc import Iterable
from typing import Any

from bot.domain import limits


class SlackError(Exception):
    """Becomes `{"ok": false, "error": ...}`; `extra` is merged into the answer."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


def refused(error: str, found: Iterable[limits.Problem]) -> SlackError:
    """Return the error with Slack's list of `[ERROR] ... [json-pointer:...]` lines."""
    return SlackError(error, response_metadata={"messages": [str(problem) for problem in found]})
