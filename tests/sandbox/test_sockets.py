"""Socket Mode: connections, one-of-N delivery, redelivery, and what breaks on purpose."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp

from bot.sandbox import delivery
from tests.sandbox.conftest import Connect, Web


async def until(condition: Any, seconds: float = 15.0) -> None:
    """Wait until `condition()` holds; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.005)


async def mention(live: Web, text: str = "@bellwether hi") -> None:
    """Say it without waiting for the effects of it."""
    before = live.sandbox.delivery.delivered
    task = asyncio.ensure_future(live.act("message", user="alice", channel="general", text=text))
    await until(lambda: live.sandbox.delivery.delivered > before)
    task.cancel()


class Raw:
    """A Socket Mode client that does only what it is told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self) -> dict[str, Any]:
        message = await self.socket.receive(timeout=15)
        return dict(json.loads(message.data))

    async def ack(self, envelope: dict[str, Any], payload: Any = None) -> None:
        await self.socket.send_json({"envelope_id": envelope["envelope_id"], "payload": payload})


@pytest.fixture
async def session() -> Any:
    async with aiohttp.ClientSession() as session:
        yield session


async def raw(live: Web, session: aiohttp.ClientSession) -> Raw:
    url = (await live.api("apps.connections.open", "xapp-sandbox"))["url"]
    return Raw(await session.ws_connect(url))


async def test_a_ticket_opens_one_connection(live: Web, session: aiohttp.ClientSession) -> None:
    url = (await live.api("apps.connections.open", "xapp-sandbox"))["url"]

    first = Raw(await session.ws_connect(url))
    hello = await first.next()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(url)

    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    await first.socket.close()
    await until(lambda: not live.sandbox.sockets.connections)


async def test_each_command_goes_to_one_of_the_connections(live: Web, session: aiohttp.ClientSession) -> None:
    clients = [await raw(live, session) for _ in range(2)]
    got: Counter[int] = Counter()

    async def serve(number: int) -> None:
        await clients[number].next()
        while True:
            envelope = await clients[number].next()
            got[number] += 1
            await clients[number].ack(envelope, {"text": "ok"})

    tasks = [asyncio.create_task(serve(number)) for number in (0, 1)]
    await until(lambda: len(live.sandbox.sockets.connections) == 2)

    answers = await asyncio.gather(
        *(live.act("command", user="alice", channel="general", text="/model") for _ in range(20))
    )

    assert all(answer["ok"] for answer in answers)
    assert got.total() == 20
    assert set(got) == {0, 1}
    for task in tasks:
        task.cancel()
    for client in clients:
        await client.socket.close()


async def test_an_event_that_is_not_acked_comes_again_on_the_sandbox_clock(
    live: Web, session: aiohttp.ClientSession
) -> None:
    client = await raw(live, session)
    await client.next()
    await mention(live)

    first = await client.next()
    at_once = await client.next()
    live.sandbox.world.clock.run_at(0)
    await asyncio.sleep(0.5)
    live.sandbox.world.clock.advance(timedelta(seconds=61))
    later = await client.next()
    await client.ack(later)
    live.sandbox.world.clock.advance(timedelta(minutes=6))

    assert [one["retry_attempt"] for one in (first, at_once, later)] == [0, 1, 2]
    assert [one["retry_reason"] for one in (first, at_once, later)] == ["", "timeout", "timeout"]
    assert len({one["payload"]["event_id"] for one in (first, at_once, later)}) == 1
    with pytest.raises(TimeoutError):
        await client.socket.receive(timeout=0.1)
    await client.socket.close()


async def test_commands_are_never_delivered_twice(live: Web, session: aiohttp.ClientSession) -> None:
    client = await raw(live, session)
    await client.next()

    answer = await live.act("command", user="alice", channel="general", text="/model")
    live.sandbox.world.clock.advance(timedelta(hours=1))

    assert answer["error"] == "operation_timeout"
    assert (await client.next())["type"] == "slash_commands"
    with pytest.raises(TimeoutError):
        await client.socket.receive(timeout=0.1)
    await client.socket.close()


async def test_an_event_waits_for_a_connection(live: Web, session: aiohttp.ClientSession) -> None:
    await mention(live)

    client = await raw(live, session)
    hello, envelope = await client.next(), await client.next()
    await client.ack(envelope)

    assert hello["type"] == "hello"
    assert envelope["payload"]["event"]["type"] == "app_mention"
    await client.socket.close()


@pytest.mark.parametrize("how", ["abort", "close", "refresh"])
async def test_a_dropped_socket_is_replaced_by_the_sdk(live: Web, app: AsyncApp, connect: Connect, how: str) -> None:
    @app.command("/model")
    async def model(ack: Any) -> None:
        await ack("still here")

    await connect(ping_interval=0.2)

    live.sandbox.faults.merge({"drop_sockets": {"how": how}})
    await until(lambda: live.sandbox.sockets.opened == 2)
    await until(lambda: len(live.sandbox.sockets.connections) == 1)
    answer = await live.act("command", user="alice", channel="general", text="/model")

    assert answer["ephemerals"][0]["text"] == "still here"


async def test_a_half_open_socket_is_noticed_by_the_sdk(live: Web, app: AsyncApp, connect: Connect) -> None:
    await connect(ping_interval=0.2)

    live.sandbox.faults.merge({"half_open": True})

    await until(lambda: live.sandbox.sockets.opened >= 2)


async def test_in_flight_events_of_a_dropped_socket_come_again(live: Web, session: aiohttp.ClientSession) -> None:
    client = await raw(live, session)
    await client.next()
    await mention(live)
    await client.next()

    live.sandbox.faults.merge({"drop_sockets": True})
    other = await raw(live, session)
    await other.next()
    envelope = await other.next()
    await other.ack(envelope)

    assert envelope["retry_attempt"] == 1
    await other.socket.close()


async def test_duplicates_redeliveries_and_reordering(
    live: Web, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "HELD_BACK_S", 15)
    client = await raw(live, session)
    await client.next()

    async def acked() -> dict[str, Any]:
        envelope = await client.next()
        await client.ack(envelope)
        return envelope

    live.sandbox.faults.merge({"duplicate_events": 1})
    await mention(live)
    twins = [await acked(), await acked()]
    await until(lambda: not live.sandbox.delivery.under_way)
    live.sandbox.faults.merge({"redeliver": 1})
    await mention(live)
    again = [await acked(), await acked()]
    await until(lambda: not live.sandbox.delivery.under_way)
    live.sandbox.faults.merge({"reorder_events": True})
    await mention(live, "@bellwether first")
    await mention(live, "@bellwether second")
    swapped = [await acked(), await acked()]

    assert len({one["payload"]["event_id"] for one in twins}) == 1
    assert len({one["envelope_id"] for one in twins}) == 2
    assert [one["retry_attempt"] for one in again] == [0, 1]
    assert [one["payload"]["event"]["text"].split()[-1] for one in swapped] == ["second", "first"]
    await client.socket.close()
