"""What the tests of deployers share: an order to go on, one to go back, and the answers in `examples/`."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bot.ports import Order

NOW = datetime(2026, 11, 23, 8, 0, 12, tzinfo=UTC)
ORDER = Order(
    key="bellwether-main-proposal-7-1795420800",
    kind="promote",
    model="fraud-scorer",
    version="43",
    previous_version="42",
    stage="production",
    decided_by="dana",
    decided_at=datetime(2026, 11, 23, 8, tzinfo=UTC),
    reason="BR known, fix in v44",
)
BACK = replace(ORDER, kind="rollback", version="42", previous_version="43", reason="Rejects payments")
EXAMPLES = Path(__file__).parents[2] / "integrations"


def recorded(folder: str, name: str, **changed: Any) -> httpx.Response:
    """Return a recorded answer; its body with what CHANGED says."""
    answer = json.loads((EXAMPLES / folder / "examples" / f"{name}.json").read_text())["response"]
    body = {"json": answer["body"] | changed} if "body" in answer else {}
    return httpx.Response(answer["status"], headers=answer["headers"], **body)


def asked(folder: str, name: str) -> Any:
    """Return the request that a recorded answer is to."""
    return json.loads((EXAMPLES / folder / "examples" / f"{name}.json").read_text())["request"]
