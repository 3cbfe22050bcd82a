"""Deliveries that arrive while the database commits are recorded together, in the next transaction.

So a storm costs a few statements for many deliveries instead of as many for each. Every sender is answered after the
commit that holds its delivery, and a delivery that cannot be recorded harms no other
(docs/decisions/0009-intake-in-batches.md).
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.domain.errors import StoreUnavailable
from bot.domain.facts import AlertFact
from bot.ingest.record import Arrived, Recorded, take
from bot.ingest.rules import Rules
from bot.ports import Now
from bot.store.database import Database

logger = logging.getLogger(__name__)

MOST = 64
"""Deliveries in one transaction: more would not be cheaper, and the first one waits for the last."""
TURNS = 2
"""Of the event loop before a transaction: what has come over the wire by now is read in one, and gets here in the next.
A transaction of one delivery costs nearly as much as one of ten."""

Waiting = tuple[Arrived, asyncio.Future[Recorded]]


class Together:
    """What waits for the database, on the event loop."""

    def __init__(self, database: Database, now: Now, rules: Rules) -> None:
        self._database = database
        self._now = now
        self._rules = rules
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    def waiting(self) -> int:
        """Return how many deliveries wait, with the transactions that go first: the measure of being too busy."""
        return len(self._waiting) + self._database.waiting()

    async def take(self, arrived: Arrived) -> Recorded:
        """Record a delivery; returns after the commit. Raises what recording it, or the commit, raises."""
        done: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrived, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="intake")
        return await done

    async def _write(self) -> None:
        while self._waiting:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            batch = self._waiting[:MOST]
            del self._waiting[:MOST]
            await asyncio.gather(*(self._record(piece) for piece in _independent(batch)))

    async def _record(self, piece: Sequence[Waiting]) -> None:
        """Record independent deliveries in one savepoint; when one of them is bad, each in its own.

        What cannot be recorded then, by a bug of ours or of an integration, is kept as what cannot be read is.
        """
        arrived = [one for one, _ in piece]
        try:
            recorded = await self._database.write(take, arrived, self._now(), rules=self._rules)
        except Exception as e:  # whose delivery it is gets it; the others' work must go on
            bad = not isinstance(e, StoreUnavailable)
            if bad and len(piece) > 1:
                await asyncio.gather(*(self._record([one]) for one in piece))
                return
            if bad and arrived[0].read:
                logger.exception("delivery not recorded", extra={"source": arrived[0].request.source})
                await self._record([(_unread(arrived[0], e), piece[0][1])])
                return
            for _, done in piece:
                if not done.cancelled():
                    done.set_exception(e)
        else:
            for (_, done), one in zip(piece, recorded, strict=True):
                if not done.cancelled():
                    done.set_result(one)


def _unread(arrived: Arrived, error: Exception) -> Arrived:
    reason = f"it could not be recorded ({type(error).__name__}); this is a bug, replay it after an upgrade"
    return replace(arrived, read=(), reason=reason)


def _independent(batch: Sequence[Waiting]) -> Iterator[Sequence[Waiting]]:
    """Cut BATCH into pieces in which no delivery has to see what another one did."""
    piece: list[Waiting] = []
    seen: set[tuple[str, str]] = set()
    for one in batch:
        episodes = _episodes(one[0])
        if piece and (episodes is None or not seen or not seen.isdisjoint(episodes)):
            yield piece
            piece, seen = [], set()
        piece.append(one)
        seen |= episodes or set()
    if piece:
        yield piece


def _episodes(arrived: Arrived) -> set[tuple[str, str]] | None:
    """Return whose alerts a delivery is about, when its place among others does not matter but for those.

    None: it is about something else, too, or says that alerts were cut off.
    """
    found: set[tuple[str, str]] = set()
    for fact in arrived.read:
        if not isinstance(fact, AlertFact) or fact.unlisted:
            return None
        found.add((arrived.request.source, fact.fingerprint))
    return found or None
