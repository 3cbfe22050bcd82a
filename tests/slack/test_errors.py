"""What Slack's answers mean, and those of what stands between."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.domain.errors import NoBudget
from bot.slack.errors import translate


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "Mon, 23 Nov 2026 08:00:00 GMT"}, 1.0),
        ({"Retry-After": "inf"}, 1.0),
        ({"Retry-After": ""}, 1.0),
        ({}, 1.0),
    ],
)
def test_a_429_is_a_wait_however_long_it_asks_for(headers: dict[str, str], seconds: float) -> None:
    answer: Any = SimpleNamespace(status_code=429, data="slow down", headers=headers)

    error = translate(SlackApiError("slow down", answer), idempotent=False)

    assert isinstance(error, NoBudget)
    assert error.after == timedelta(seconds=seconds)
