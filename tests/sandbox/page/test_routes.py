"""The page over HTTP: its addresses, its headers, its stream."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.sandbox import screenshot
from bot.sandbox.box import Sandbox
from bot.sandbox.server import running
from bot.sandbox.settings import Settings


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running(Settings(port=0)) as found:
        yield found


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox.address, trust_env=False) as found:
        yield found


@pytest.mark.parametrize("path", ["/", "/?home=1", "/?calls=1", "/?user=bob&channel=ml-weekly", "/jira"])
async def test_pages_allow_nothing_from_outside_and_nothing_inline(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert "sandbox, not" in answer.text


@pytest.mark.parametrize("query", ["user=nobody", "channel=nowhere", "user=slackbot", "thread=1.2", "channel=%3Cb%3E"])
async def test_an_address_that_leads_nowhere_leads_somewhere(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/?{query}")

    assert answer.status_code == 200
    assert 'data-user="U01ALICE"' in answer.text
    assert "<b>" not in answer.text.split("<body")[1].split(">")[0]


async def test_nobody_reads_the_direct_messages_of_another(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    channel = sandbox.world.direct("U02BOB")
    sandbox.world.add_message(channel.id, {"type": "message", "user": "U02BOB", "text": "my secret"}, "person")

    mine = await client.get(f"/?user=bob&channel={channel.id}")
    other = await client.get(f"/?user=alice&channel={channel.id}")

    assert "my secret" in mine.text
    assert "my secret" not in other.text


async def test_a_private_channel_is_not_shown_to_strangers(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    channel = sandbox.world.channels["C04MLLEADS"]
    channel.is_private = True
    channel.members.discard("U02BOB")

    assert "ml-leads" in (await client.get("/?user=alice")).text
    assert "ml-leads" not in (await client.get("/?user=bob&channel=ml-leads")).text


async def test_the_stream_sends_what_happens(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    pushes = []
    async with client.stream("GET", "/_sandbox/stream?user=alice&channel=ml-fraud") as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data: "):
                continue
            pushes.append(json.loads(line.removeprefix("data: ")))
            if len(pushes) == 2:
                break
            said = {"type": "message", "user": "U02BOB", "text": "hello"}
            sandbox.world.add_message("C02MLFRAUD", said, "person")

    assert "channels" in pushes[0]["regions"]
    assert "hello" in pushes[1]["log"]["rows"][0][1]


async def test_a_closed_stream_leaves_nothing_behind(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    async with client.stream("GET", "/_sandbox/stream?user=alice") as stream:
        await anext(stream.aiter_lines())
        listening = len(sandbox.world.pulse.listeners)
    for _ in range(50):
        await sandbox.world.changed(sandbox.world.version, 0.02)
        if len(sandbox.world.pulse.listeners) < listening:
            break

    assert len(sandbox.world.pulse.listeners) == listening - 1


async def test_a_message_can_be_read_as_json(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    said = {"type": "message", "user": "U02BOB", "text": "hello"}
    stored = sandbox.world.add_message("C02MLFRAUD", said, "person")

    found = await client.get("/_sandbox/page/message", params={"channel": "C02MLFRAUD", "ts": stored["ts"]})
    missing = await client.get("/_sandbox/page/message", params={"channel": "C02MLFRAUD", "ts": "1.2"})

    assert found.json()["text"] == "hello"
    assert missing.status_code == 404


async def test_an_unknown_ticket_is_404(client: httpx.AsyncClient) -> None:
    answer = await client.get("/jira/browse/ML-<b>9")

    assert answer.status_code == 404
    assert "<b>9" not in answer.text


@pytest.mark.parametrize(
    "name", ["page.css", "blocks.css", "board.css", "page.js", "morph.js", "board.js", "icons.svg"]
)
async def test_static_files_are_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/_sandbox/static/{name}")).status_code == 200


async def test_static_files_stay_in_their_folder(client: httpx.AsyncClient) -> None:
    assert (await client.get("/_sandbox/static/..%2fpage.py")).status_code == 404


def test_screenshots_keep_the_order_of_what_is_done() -> None:
    argv = ["http://x", "out.png", "--click", "#a", "--type", "[name=x]=hello=you", "--wait", "#b", "--dark"]

    options = screenshot.arguments(argv)

    assert options.steps == [("click", "#a"), ("type", "[name=x]=hello=you"), ("wait", "#b")]
    assert options.dark
    assert options.out == Path("out.png")


def test_without_a_browser_the_command_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    assert screenshot.main(["http://x", "out.png"]) == 2
    assert "apt-get install chromium fonts-noto-color-emoji fonts-lato" in capsys.readouterr().err
