"""The arguments of a Web API call, whichever way they came: JSON, a form or the query.

Measured on slack_sdk: chat.* and views.* send JSON; most others a form with 1/0 for booleans and JSON in
strings; conversations.history and .replies are GET. Bolt adds `team_id` to all of them. Unknown arguments
are ignored.
"""

import json
from typing import Any

from bot.sandbox.errors import SlackError


class Args:
    """Reads one call's arguments; complains as Slack does."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else str(value)

    def need(self, name: str, error: str = "invalid_arguments") -> str:
        """Return a text that must be there. Raises SlackError(`error`)."""
        value = self.text(name)
        if not value:
            missing = [f"[ERROR] missing required field: {name}"]
            raise SlackError(error, response_metadata={"messages": missing})
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true")

    def whole(self, name: str, default: int, most: int) -> int:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            number = int(value)
        except ValueError as error:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments") from error
        return min(most, number) if number > 0 else default

    def structure(self, name: str, error: str) -> Any:
        """Return a JSON value that may have come as a string; None when absent. Raises SlackError(`error`)."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError as problem:
            raise SlackError(error) from problem
