"""How Jira says no: `{"errorMessages": [...], "errors": {field: text}}`."""

from typing import Any


class Refusal(Exception):
    """Becomes an answer with `status`; `headers` e.g. Retry-After."""

    def __init__(
        self,
        status: int,
        *messages: str,
        errors: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(*messages)
        self.status = status
        self.headers = headers or {}
        self.body: dict[str, Any] = {"errorMessages": list(messages), "errors": errors or {}}


def missing_issue() -> Refusal:
    return Refusal(404, "Issue does not exist or you do not have permission to see it.")
