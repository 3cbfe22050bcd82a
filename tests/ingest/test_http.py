"""The bot's endpoints as senders and operators meet them, over ASGI."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

import integrations.alertmanager
import integrations.events
from bot.ingest.authenticate import Auth
from bot.ingest.http import MAX_BODY, REFUSALS, Endpoints, routes
from bot.ingest.receive import Inlet, Intake
from bot.store.tables import Change, Delivery

CHANGE = {"kind": "change", "change_type": "config", "model": "churn", "summary": "threshold"}
BEARER = {"authorization": "Bearer s3cret"}


@pytest.fixture
def ready() -> dict[str, str]:
    """What the bot knows of its connections."""
    return {"db": "ok", "slack": "connecting", "jira": "down"}


@pytest.fixture
def inlets() -> dict[str, Inlet]:
    auth = Auth("bearer", "s3cret", "authorization")
    signed = Auth("hmac", "s3cret", "x-hub-signature-256")
    return {
        "events": Inlet("events", integrations.events.SOURCE, auth),
        "alertmanager": Inlet("alertmanager", integrations.alertmanager.SOURCE, auth),
        "signed": Inlet("signed", integrations.events.SOURCE, signed),
    }


@pytest.fixture
async def bot(world: Any, ready: dict[str, str], inlets: dict[str, Inlet]) -> AsyncIterator[httpx.AsyncClient]:
    async def state() -> dict[str, str]:
        return ready

    intake = Intake(inlets, world.database, world.rules, lambda: world.now, lambda: None)
    app = Starlette(routes=routes(Endpoints(intake, state)), exception_handlers=REFUSALS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot", headers=BEARER) as client:
        yield client


async def test_a_delivery_is_answered_with_what_it_came_to(world: Any, bot: httpx.AsyncClient) -> None:
    body = [CHANGE, {"kind": "rollout"}]

    first = await bot.post("/hooks/events", json=body)
    again = await bot.post("/hooks/events", json=[CHANGE])
    retry = await bot.post("/hooks/events", json=[CHANGE])

    assert first.status_code == again.status_code == retry.status_code == 202
    assert first.json() == {"delivery": 1, "recorded": 1, "duplicate": 0, "unmapped": 1}
    assert again.json() == {"delivery": 2, "recorded": 1, "duplicate": 0, "unmapped": 0}
    assert retry.json() == {"delivery": 2, "recorded": 0, "duplicate": 1, "unmapped": 0}
    assert len(world.rows(Change)) == 2


@pytest.mark.parametrize("header", ["", "Bearer wrong", "s3cret"])
async def test_who_does_not_prove_itself_is_refused_and_nothing_is_kept(
    world: Any, bot: httpx.AsyncClient, header: str
) -> None:
    answer = await bot.post("/hooks/events", json=CHANGE, headers={"authorization": header})

    assert answer.status_code == 401
    assert "s3cret" not in answer.text
    assert world.rows(Delivery) == []


async def test_an_unknown_source_is_named_only_to_who_proves_itself(bot: httpx.AsyncClient) -> None:
    known = await bot.post("/hooks/grafana", json={})
    stranger = await bot.post("/hooks/grafana", json={}, headers={"authorization": "Bearer wrong"})

    assert known.status_code == 404
    assert "configured are alertmanager, events, signed" in known.json()["error"]
    assert stranger.status_code == 401
    assert "events" not in stranger.text


async def test_a_typing_error_in_the_address_of_an_open_bot_is_named(
    inlets: dict[str, Inlet], bot: httpx.AsyncClient
) -> None:
    inlets["events"] = Inlet("events", integrations.events.SOURCE, Auth("none", None, ""))

    answer = await bot.post("/hooks/event", json={}, headers={"authorization": ""})

    assert answer.status_code == 404


async def test_a_mebibyte_is_taken_and_one_byte_more_is_not(world: Any, bot: httpx.AsyncClient) -> None:
    edge = json.dumps(CHANGE).encode().ljust(MAX_BODY)

    fits = await bot.post("/hooks/events", content=edge)
    too_large = await bot.post("/hooks/events", content=edge + b" ")

    assert (fits.status_code, too_large.status_code) == (202, 413)
    assert "max_alerts" in too_large.json()["error"]
    assert len(world.rows(Delivery)) == 1


async def test_a_body_that_breaks_off_is_no_bug_of_ours(world: Any, bot: httpx.AsyncClient) -> None:
    transport: Any = bot._transport
    sent: list[Any] = []
    came = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    headers = [(b"authorization", BEARER["authorization"].encode())]
    scope = {"type": "http", "method": "POST", "path": "/hooks/events", "query_string": b"", "headers": headers}

    async def receive() -> Any:
        return next(came)

    async def send(message: Any) -> None:
        sent.append(message)

    await transport.app(scope, receive, send)

    assert sent[0]["status"] == 408
    assert world.rows(Delivery) == []


async def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_at_the_limit(bot: httpx.AsyncClient) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * 65536

    answer = await bot.post("/hooks/events", content=chunks())

    assert answer.status_code == 413
    assert sent <= 17


@pytest.mark.parametrize("source", ["events", "alertmanager"])
@pytest.mark.parametrize("body", [b"{}", b'{"kind": "deploy', b"", b"null", b"\xff\xfe", b'"text"', b"[" * 5000])
async def test_what_cannot_be_read_is_taken_and_kept_with_the_reason(
    world: Any, bot: httpx.AsyncClient, source: str, body: bytes
) -> None:
    answer = await bot.post(f"/hooks/{source}", content=body)

    assert (answer.status_code, answer.json()["unmapped"]) == (202, 1)
    assert world.row(Delivery).reason


@pytest.mark.usefixtures("locked")
async def test_when_it_cannot_be_written_the_sender_is_told_to_come_again(bot: httpx.AsyncClient) -> None:
    answer = await bot.post("/hooks/events", json=CHANGE)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_health_and_readiness_are_two_things(bot: httpx.AsyncClient, ready: dict[str, str]) -> None:
    assert (await bot.get("/healthz")).status_code == 200
    taking = await bot.get("/readyz")
    assert (taking.status_code, taking.json()) == (200, ready)

    ready["db"] = "cannot commit"

    assert (await bot.get("/readyz")).status_code == 503
    assert (await bot.get("/healthz")).status_code == 200


async def test_metrics_count_deliveries_by_answer_without_a_strangers_words(bot: httpx.AsyncClient) -> None:
    await bot.post("/hooks/events", json=CHANGE)
    await bot.post("/hooks/some-strangers-words", json={}, headers={"authorization": ""})

    told = (await bot.get("/metrics")).text

    assert 'bellwether_deliveries_total{source="events",status="202"}' in told
    assert 'bellwether_deliveries_total{source="unknown",status="401"}' in told
    assert "some-strangers-words" not in told


async def test_the_schema_of_a_source_is_served(bot: httpx.AsyncClient) -> None:
    schema = (await bot.get("/schema/events.json")).json()

    assert schema["$schema"].startswith("https://json-schema.org/")
    assert (await bot.get("/schema/alertmanager.json")).status_code == 404
    assert (await bot.get("/schema/nothing.json")).status_code == 404


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        yield from (v for v in node.get("mapping", {}).values() if isinstance(v, str))
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


async def test_the_openapi_document_describes_every_address(bot: httpx.AsyncClient) -> None:
    document = (await bot.get("/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    assert {"title", "version"} <= document["info"].keys()
    hooks = {"/hooks/alertmanager", "/hooks/events", "/hooks/signed"}
    others = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/schema/{source}.json"}
    assert document["paths"].keys() == hooks | others
    for path in hooks:
        post = document["paths"][path]["post"]
        assert {"202", "401", "404", "413", "503"} == post["responses"].keys()
        assert "schema" in post["requestBody"]["content"]["application/json"]


async def test_every_reference_in_the_openapi_document_leads_somewhere(bot: httpx.AsyncClient) -> None:
    document = (await bot.get("/openapi.json")).json()

    found = set(references(document))
    assert any("events.DeploymentEvent" in ref for ref in found)
    for ref in found:
        node = document
        for part in ref.removeprefix("#/").split("/"):
            node = node[part]


async def test_only_posts_are_deliveries(bot: httpx.AsyncClient) -> None:
    answer = await bot.get("/hooks/events")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json() == {"error": "no GET here; see /openapi.json"}


async def test_an_address_that_there_is_not_is_said_as_every_error(bot: httpx.AsyncClient) -> None:
    answer = await bot.post("/hook/events")

    assert (answer.status_code, answer.json()) == (404, {"error": "no such address; see /openapi.json"})
