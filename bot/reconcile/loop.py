"""The loop: claim, render, find or create or update, settle; until nothing lags.

Each surface has its own workers, so that one that is down holds up nothing else. Network is awaited here, rows are
changed in `store.projection`; no transaction spans a call. What a crash leaves behind is a lease that runs out and a
nonce that the next claim looks for before it creates again.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from prometheus_client import Counter
from sqlmodel import Session

from bot.domain.errors import GoneError, NoBudget, PermanentError, TemporaryError, UncertainError
from bot.ports import Body, Now, RemoteId, Sleep, Surface, Work
from bot.store import projection
from bot.store.database import Database
from bot.store.projection import Claim

logger = logging.getLogger(__name__)

IDLE = timedelta(seconds=1)
"""How long a worker sleeps at most when nothing is due: a wake-up that was missed costs this much."""

AFTER_A_BUG = timedelta(seconds=30)
MOST_BACK_OFF = 64
LONGEST_BACK_OFF = timedelta(minutes=5)
"""What somebody mends (an invitation, a token, an outage) is noticed this soon afterwards."""
EDIT = timedelta(seconds=1.2)
"""Of a minute's budget of edits one takes so long."""
FORGOTTEN = timedelta(minutes=5)
"""At what pace a copy changed is of no interest after so long."""
ROOTLESS = timedelta(seconds=5)
"""How long a reply waits for the root of its thread to be made anew."""

CALLS = Counter("bellwether_reconcile_calls_total", "Calls that brought a copy up to date", ["surface", "outcome"])

RECOVERED = Counter(
    "bellwether_recovered_copies_total", "Copies that were found by their nonce and not made again", ["surface"]
)

Render = Callable[[Session, str], Body | None]
"""Rows to what a copy should show; None = there is nothing to show yet."""


@dataclass(frozen=True)
class PutOff:
    """A copy that left the last edits to others: what it would have shown, and since when."""

    generation: int
    since: datetime
    pace: timedelta = projection.PAUSE
    """How long it stayed as it was the time before; PAUSE when that is not known."""


@dataclass
class Loop:
    """What the workers of one surface share. `prefix` is `slack/` or `jira/`."""

    database: Database
    surface: Surface
    prefix: str
    render: Render
    now: Now
    sleep: Sleep
    in_flight: set[str] = field(default_factory=set)
    waiting: dict[str, Callable[[], timedelta]] = field(default_factory=dict)
    """Copies that are due, but for which there is no budget; each says for how long still."""
    put_off: dict[str, "PutOff"] = field(default_factory=dict)
    """Copies that leave what edits there are to others."""
    edited: dict[str, datetime] = field(default_factory=dict)
    """Copies that were edited within the last minute, and when."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    closing: bool = False
    """Finish what is in flight, claim nothing more."""

    def wake(self) -> None:
        """Say that something was touched."""
        self.woken.set()

    def still_waiting(self) -> dict[str, timedelta]:
        """Return for how long there is no budget, by the keys that need it."""
        return {key: left for key, still in self.waiting.items() if (left := still()) > timedelta(0)}


async def run(loop: Loop, *, workers: int) -> None:
    """Bring the projections of LOOP up to date until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for _ in range(workers):
            tasks.create_task(_work(loop))


async def _work(loop: Loop) -> None:
    while not loop.closing:
        try:
            if not await reconcile_once(loop):
                await _idle(loop)
        except Exception:
            logger.exception("reconcile failed", extra={"surface": loop.prefix})
            CALLS.labels(loop.prefix.rstrip("/"), "bug").inc()
            await loop.sleep(AFTER_A_BUG)


async def _idle(loop: Loop) -> None:
    """Wait until a projection is due, or something was touched."""
    loop.woken.clear()
    hidden = loop.still_waiting()
    due = await loop.database.read(projection.next_due, loop.prefix, (*loop.in_flight, *hidden))
    pauses = (IDLE, *hidden.values())
    pause = max(timedelta(0), min(pauses if due is None else (*pauses, due - loop.now())))
    waiting = asyncio.ensure_future(loop.sleep(pause))
    woken = asyncio.ensure_future(loop.woken.wait())
    try:
        await asyncio.wait((waiting, woken), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        woken.cancel()


async def reconcile_once(loop: Loop) -> bool:
    """Bring one lagging projection up to date; False when none is due."""
    in_flight, waiting = tuple(loop.in_flight), tuple(loop.still_waiting())
    not_waiting = loop.waiting.keys() - set(waiting)
    held = await loop.database.write(projection.claim, loop.now(), loop.prefix, in_flight, waiting)
    if held is None:
        for key in not_waiting:  # it is up to date, or not due
            loop.waiting.pop(key, None)
        return False
    loop.waiting.pop(held.key, None)
    loop.in_flight.add(held.key)
    try:
        await _bring_up_to_date(loop, held)
    finally:
        loop.in_flight.discard(held.key)
    return True


async def _bring_up_to_date(loop: Loop, held: Claim) -> None:
    write, surface = loop.database.write, loop.surface
    try:
        body = await loop.database.read(loop.render, held.key)
    except Exception as e:
        logger.exception("render failed", extra={"key": held.key})
        error = f"rendering failed: {e!r}"
        await write(projection.settle_later, loop.now(), held, after=AFTER_A_BUG, error=error, unsent=True)
        return
    if body is None or digest(body) == held.shown:
        await write(projection.settle_nothing, loop.now(), held)
        return
    work = Work(held.key, held.nonce, held.nonce_at, body, urgent=held.urgent, spare=_spare(loop, held))
    outcome = "sent"
    try:
        remote_id = await _send(surface, held, work)
        if remote_id is None:
            after = surface.look_again[held.looks]
            error = "sent, but nobody knows whether it arrived: looking before sending again"
            looks = held.looks + 1
            await write(projection.settle_later, loop.now(), held, after=after, error=error, unsent=False, looks=looks)
            outcome = "looking"
        else:
            await write(projection.settle_shown, loop.now(), held, remote_id=remote_id, shown=digest(body))
            if held.remote_id is not None:
                loop.edited[held.key] = loop.now()
            if held.attempts:  # it answers again: the others need not wait until their back-off ends
                await write(projection.hurry, loop.now(), loop.prefix)
            loop.wake()
    except NoBudget as e:
        await _wait_for_budget(loop, held, work, e)
        outcome = "waits"
    except TemporaryError as e:
        await write(projection.settle_later, loop.now(), held, after=back_off(e.after, held), error=str(e), unsent=True)
        outcome = "later"
    except UncertainError as e:
        await write(projection.settle_later, loop.now(), held, after=e.after, error=str(e), unsent=False, looks=0)
        outcome = "uncertain"
    except GoneError as e:
        if held.remote_id is None:
            error = f"the thread that it belongs in is gone ({e}); its root is made anew first"
            after = back_off(ROOTLESS, held)
            await write(projection.settle_rootless, loop.now(), held, after=after, error=error)
        else:
            await write(projection.settle_gone, loop.now(), held)
        outcome = "gone"
    except PermanentError as e:
        logger.warning("refused", extra={"key": held.key, "error": str(e)})
        await write(projection.settle_refused, loop.now(), held, error=str(e))
        outcome = "refused"
    except Exception as e:
        logger.exception("surface failed", extra={"key": held.key})
        error, after = f"a bug of ours: {e!r}; the log has the details", back_off(AFTER_A_BUG, held)
        await write(projection.settle_later, loop.now(), held, after=after, error=error, unsent=False)
        outcome = "bug"
    CALLS.labels(loop.prefix.rstrip("/"), outcome).inc()


def _spare(loop: Loop, held: Claim) -> int:
    """Return how many edits HELD leaves to others, so that there is one for the last word of each.

    What still changes leaves one to each that lags or was edited a moment ago. What stayed as it is for longer than it
    did before has said its last word: it leaves one to each other that lags. So does, without leaving any, what waited
    for the time that one edit of each takes: that often all may be edited.
    """
    if held.spare == 0:
        return 0
    now, earlier = loop.now(), loop.put_off.get(held.key)
    if earlier is not None and earlier.generation == held.generation:
        calm = now - earlier.since
        if calm >= held.spare * EDIT:
            return 0
        if calm + projection.CALM > earlier.pace:
            return held.spare - 1
    loop.edited = {key: at for key, at in loop.edited.items() if at > now - projection.LONGEST_PAUSE}
    return max(held.spare, len(loop.edited))


def _put_off(loop: Loop, held: Claim) -> None:
    """Note since when HELD stays as it is, and how long it stayed so before."""
    now, earlier = loop.now(), loop.put_off.get(held.key)
    loop.put_off = {key: put_off for key, put_off in loop.put_off.items() if put_off.since > now - FORGOTTEN}
    if earlier is None:
        loop.put_off[held.key] = PutOff(held.generation, now)
    elif earlier.generation != held.generation:
        loop.put_off[held.key] = PutOff(held.generation, now, pace=now - earlier.since)


async def _wait_for_budget(loop: Loop, held: Claim, work: Work, refused: NoBudget) -> None:
    """Put HELD off; what nobody waits for stays due and is hidden, so that the most pressing is next."""
    after = refused.after
    if work.spare:
        _put_off(loop, held)
        await loop.database.write(projection.settle_hot, loop.now(), held, after=after)
        return
    if refused.still is not None and not held.urgent:
        loop.waiting[held.key] = refused.still
        after = timedelta(0)
    await loop.database.write(projection.settle_later, loop.now(), held, after=after, error="", unsent=True)


async def _send(surface: Surface, held: Claim, work: Work) -> RemoteId | None:
    """Update the copy, or find it, or create it; None = it may still turn up, look again later."""
    remote_id = RemoteId(held.remote_id) if held.remote_id else None
    if remote_id is None and not held.fresh:
        remote_id = await surface.find(work)
        if remote_id is None and held.looks < len(surface.look_again):
            return None
    if remote_id is None:
        return await surface.create(work)
    return await surface.update(work, remote_id)


def digest(body: Body) -> str:
    """Return the digest of what a copy shows; equal digest, no call."""
    return sha256(json.dumps(body.content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def back_off(after: timedelta, held: Claim) -> timedelta:
    """Return how long to wait: what the surface asked for, doubled with every try in vain, up to a limit."""
    doubled: int = min(2**held.attempts, MOST_BACK_OFF)
    return max(after, min(after * doubled, LONGEST_BACK_OFF))
