"""The outgoing webhook on the wire: what is sent and signed, and what the answers mean."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
import respx

from bot.domain.errors import ConfigError, NoBudget, OutboundError, PermanentError, TemporaryError, UncertainError
from bot.ports import Deployer, DeployerOptions
from integrations.outgoing import DEPLOYER
from tests.integrations.deployers import NOW, ORDER

URL = "https://cd.example.com/hooks/bellwether"
KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


def make(secret: str | None = SECRET, **more: Any) -> Deployer:
    given: dict[str, Any] = {"name": "cd", "url": URL, "secret": secret, "options": {}} | more
    return DEPLOYER(DeployerOptions(**given), lambda: NOW)


@pytest.fixture
async def webhook() -> AsyncIterator[Deployer]:
    made = make()
    yield made
    await made.close()


async def test_an_order_is_posted_signed_with_its_key_and_time(webhook: Deployer, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(URL).respond(202, json={"url": "https://cd.example.com/runs/91"})

    run = await webhook.deploy(ORDER)

    sent = route.calls.last.request
    signed = f"{ORDER.key}.{int(NOW.timestamp())}.".encode() + sent.content
    signature = base64.b64encode(hmac.new(KEY, signed, sha256).digest()).decode()
    assert run == "https://cd.example.com/runs/91"
    assert sent.headers["webhook-signature"] == f"v1,{signature}"
    assert sent.headers["webhook-id"] == sent.headers["idempotency-key"] == ORDER.key
    assert sent.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert json.loads(sent.content) == {
        "type": "bellwether.promote",
        "timestamp": "2026-11-23T08:00:00+00:00",
        "data": {
            "kind": "promote",
            "model": "fraud-scorer",
            "version": "43",
            "previous_version": "42",
            "stage": "production",
            "decided_by": "dana",
            "decided_at": "2026-11-23T08:00:00+00:00",
            "reason": "BR known, fix in v44",
        },
    }


@pytest.mark.parametrize(
    ("answer", "run"),
    [
        (httpx.Response(201, headers={"location": "https://cd.example.com/runs/92"}), "https://cd.example.com/runs/92"),
        (httpx.Response(200, json={"url": "javascript:alert(1)"}), ORDER.key),
        (httpx.Response(200, json=["ok"]), ORDER.key),
        (httpx.Response(204), ORDER.key),
    ],
)
async def test_what_was_begun_is_named_by_an_address_or_else_by_the_key(
    webhook: Deployer, respx_mock: respx.MockRouter, answer: httpx.Response, run: str
) -> None:
    respx_mock.post(URL).mock(return_value=answer)

    assert await webhook.deploy(ORDER) == run


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.Response(401, text="bad signature"), TemporaryError, "does not accept our signature"),
        (httpx.Response(429, headers={"retry-after": "7"}), NoBudget, "asks to wait"),
        (httpx.Response(503, headers={"retry-after": "9"}), TemporaryError, "not available"),
        (httpx.Response(500, text="oops"), UncertainError, "failed (500): oops"),
        (httpx.Response(422, text="no such model"), PermanentError, "refused it (422): no such model"),
        (
            httpx.Response(301, headers={"location": "https://x.example"}),
            PermanentError,
            "redirects to https://x.example",
        ),
        (httpx.ConnectError("refused"), TemporaryError, "can't be reached (refused)"),
        (httpx.ReadTimeout("slow"), UncertainError, "did not answer (slow)"),
        (httpx.RemoteProtocolError("cut"), UncertainError, "did not answer (cut)"),
    ],
)
async def test_every_answer_means_one_thing(
    webhook: Deployer, respx_mock: respx.MockRouter, answer: Any, error: type[OutboundError], words: str
) -> None:
    given = {"side_effect": answer} if isinstance(answer, Exception) else {"return_value": answer}
    respx_mock.post(URL).mock(**given)

    with pytest.raises(OutboundError) as raised:
        await webhook.deploy(ORDER)

    assert type(raised.value) is error
    assert words in str(raised.value)


async def test_how_long_to_wait_is_the_receivers_word(webhook: Deployer, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(URL).respond(503, headers={"retry-after": "9"})

    with pytest.raises(TemporaryError) as raised:
        await webhook.deploy(ORDER)

    assert raised.value.after == timedelta(seconds=9)


async def test_what_may_have_arrived_is_sent_again_at_once_with_the_same_key(webhook: Deployer) -> None:
    assert list(webhook.look_again) == []
    assert await webhook.find(ORDER) is None


async def test_without_a_secret_nothing_is_sent(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(URL).respond(202)
    webhook = make(secret=None)

    with pytest.raises(TemporaryError, match="nothing can be signed"):
        await webhook.deploy(ORDER)

    assert not route.called
    assert "nothing can be signed" in (await webhook.check() or "")
    await webhook.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"secret": "whsec_not base64"}, "not `whsec_` and Base64"),
        ({"secret": "whsec_c2hvcnQ="}, "too short"),
        ({"url": "cd.example.com"}, "is not an address"),
        ({"options": {"retries": 3}}, "has none, not retries"),
    ],
)
def test_a_wrong_setting_is_named_at_start(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make(**given)
