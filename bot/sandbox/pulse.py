"""A counter that others can wait for: the one way in which the sandbox says "something changed"."""

import asyncio
from collections.abc import Callable


class Pulse:
    """Grows by one at every beat; lives in one event loop."""

    def __init__(self) -> None:
        self.version = 0
        self.listeners: list[Callable[[], None]] = []
        self._waiting: set[asyncio.Future[None]] = set()

    def beat(self) -> None:
        self.version += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()
        for listener in self.listeners:
            listener()

    async def wait(self, after: int, timeout: float | None) -> int:  # noqa: ASYNC109 - a long poll, not a cancellation
        """Return the version once it is past `after`, or as it is after `timeout` real seconds (None: ever)."""
        if self.version > after or (timeout is not None and timeout <= 0):
            return self.version
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait((future,), timeout=timeout)
        finally:
            self._waiting.discard(future)
        return self.version
