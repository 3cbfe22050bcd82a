"""What a story acts on: the sandbox, as people and as its clock, and the bot, as the sources that deliver to it.

All over HTTP, so that the story proves nothing that another program could not see.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

State = Mapping[str, Any]
HOOK_TOKEN = "sandbox"  # noqa: S105 - public by design
PATIENCE_S = 20.0
LOOK_S = 0.1


class StoryFailed(Exception):
    """The story did not go as told."""


@dataclass
class Stage:
    """The two programs, and what was seen of them so far."""

    sandbox: httpx.AsyncClient
    bot: httpx.AsyncClient
    speed: float
    headless: bool
    events_in: int = 0
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody pressed a step of the story: no more waiting before the next one."""
    seen: list[str] = field(default_factory=list)
    """One line for each thing that was checked."""

    async def act(self, deed: str, **given: Any) -> dict[str, Any]:
        """Act as a person; returns what the sandbox saw of it. Raises StoryFailed when it was refused."""
        answer: dict[str, Any] = (await self.sandbox.post(f"/_sandbox/{deed}", json=given)).raise_for_status().json()
        if not answer["ok"]:
            raise StoryFailed(f"{deed} {given}: {answer['error']}")
        return answer

    async def state(self) -> State:
        """Return everything that stands in the sandbox."""
        found: State = (await self.sandbox.get("/_sandbox/state")).raise_for_status().json()
        return found

    async def calls(self) -> Sequence[Mapping[str, Any]]:
        """Return every call that the sandbox received."""
        found = (await self.sandbox.get("/_sandbox/calls")).raise_for_status().json()
        calls: Sequence[Mapping[str, Any]] = found["calls"] if isinstance(found, dict) else found
        return calls

    async def deliver(self, source: str, body: Any, *, events: int = 1) -> dict[str, Any]:
        """Deliver to a source of the bot; waits and tries again while it says 503, as senders do."""
        while True:
            answer = await self.bot.post(f"/hooks/{source}", json=body)
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.2)
        if answer.status_code != 202:
            raise StoryFailed(f"{source} answered {answer.status_code}: {answer.text[:200]}")
        self.events_in += events
        await self.tell(events_in=self.events_in)
        recorded: dict[str, Any] = answer.json()
        return recorded

    async def tell(self, **shown: Any) -> Mapping[str, Any]:
        """Write on the page's blackboard; returns what stands there."""
        board: Mapping[str, Any] = (await self.sandbox.post("/_sandbox/story", json=shown)).raise_for_status().json()
        return board

    async def now(self) -> datetime:
        """Return the sandbox's time."""
        read = (await self.sandbox.get("/_sandbox/clock")).raise_for_status().json()["now"]
        return datetime.fromisoformat(read).astimezone(UTC)

    async def set_clock(self, at: datetime) -> None:
        """Move the sandbox's clock to AT."""
        (await self.sandbox.post("/_sandbox/clock", json={"set": at.isoformat()})).raise_for_status()

    async def run_at(self, speed: float) -> None:
        """Let the sandbox's time pass this fast."""
        (await self.sandbox.post("/_sandbox/clock", json={"speed": speed})).raise_for_status()

    async def pass_until(self, at: datetime) -> None:
        """Let time pass until AT: at the story's speed before eyes, in a jump without."""
        left = (at - await self.now()).total_seconds()
        if left > 0 and not self.headless:
            await self.run_at(self.speed)
            await self.wait(left / self.speed)
            await self.run_at(1)
        if await self.now() < at:
            await self.set_clock(at)

    async def wait(self, seconds: float) -> None:
        """Wait, unless somebody is in a hurry."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.hurry.wait(), seconds)

    async def expect(self, words: str, look: Callable[[State], Any], *, within_s: float = PATIENCE_S) -> Any:
        """Wait until LOOK finds something in the state, and note it as seen. Raises StoryFailed after WITHIN_S."""
        started = time.monotonic()
        while not (found := look(await self.state())):
            if time.monotonic() - started > within_s:
                raise StoryFailed(f"{words}: not seen within {within_s:.0f} s")
            await asyncio.sleep(LOOK_S)
        self.note(words)
        return found

    def note(self, words: str) -> None:
        """Note something that was checked."""
        self.seen.append(words)
        if self.headless:
            print(f"  ✓ {words}", flush=True)


@asynccontextmanager
async def opened(port: int, *, speed: float, headless: bool) -> AsyncIterator[Stage]:
    """Return the stage of the programs on PORT and PORT + 1."""
    here = f"http://127.0.0.1:{port}"
    hooks = {"authorization": f"Bearer {HOOK_TOKEN}"}
    async with (
        httpx.AsyncClient(base_url=here, trust_env=False, timeout=30) as sandbox,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port + 1}", trust_env=False, timeout=30, headers=hooks) as bot,
    ):
        yield Stage(sandbox, bot, speed, headless)


@dataclass(frozen=True)
class Step:
    """One step: what the page calls it, and what happens."""

    title: str
    play: Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Story:
    """A story, and what the sandbox's clock says when it begins."""

    title: str
    start: datetime
    steps: Sequence[Step]


def messages(state: State, channel: str, key: str) -> list[Mapping[str, Any]]:
    """Return the messages of CHANNEL whose card's key begins with KEY, oldest first."""
    found = next(c for c in state["channels"] if c["name"] == channel)["messages"]
    return [m for m in found if not m.get("deleted") and key_of(m).startswith(key)]


def key_of(message: Mapping[str, Any]) -> str:
    """Return the key in a message's metadata, empty for a message that is nobody's card."""
    return str(((message.get("metadata") or {}).get("event_payload") or {}).get("key", ""))


def words_of(message: Mapping[str, Any]) -> str:
    """Return everything that a person can read in a message."""
    return f"{message.get('text', '')}\n{_texts(message.get('blocks'))}\n{_texts(message.get('attachments'))}"


def _texts(node: Any) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, Mapping):
        return " ".join(_texts(v) for k, v in node.items() if k not in ("action_id", "value", "url", "type"))
    return " ".join(_texts(item) for item in node) if isinstance(node, list | tuple) else ""
