"""A client that costs little: raw bytes over connections that stay, on a core of its own."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answered: asyncio.Future[bytes] | None = None

    @classmethod
    async def open(cls, port: int) -> "Connection":
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: bytes) -> bytes:
        """Send REQUEST; returns the body of the answer. Raises RuntimeError unless it was accepted."""
        assert self._transport is not None
        if self._transport.is_closing():
            raise ConnectionResetError("the server hung up")
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ends, body = self._received.partition(b"\r\n\r\n")
        if not ends or self._answered is None:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._received.clear()
        if head.startswith((b"HTTP/1.1 202", b"HTTP/1.1 200")):
            self._answered.set_result(bytes(body))
        else:
            self._answered.set_exception(RuntimeError(f"not accepted: {bytes(head[:100])!r} {bytes(body[:200])!r}"))


async def saturate(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> list[float]:
    """Send over each of CONNECTIONS one request after the other for SECONDS; returns how long each answer took."""
    until = time.perf_counter() + seconds
    taken: list[float] = []

    async def send() -> None:
        connection = await Connection.open(port)
        while (begun := time.perf_counter()) < until:
            await connection.ask(next(requests))
            taken.append(time.perf_counter() - begun)
        connection.close()

    await asyncio.gather(*(send() for _ in range(connections)))
    return taken


async def at_rate(port: int, requests: Iterator[bytes], *, per_s: float, seconds: float) -> list[float]:
    """Send PER_S requests a second for SECONDS, however long the answers take.

    Returns how long each answer took, counted from the moment at which its request was due.
    """
    free = [await Connection.open(port)]
    begun = time.perf_counter() + 0.1

    async def send(due: float) -> float:
        connection = free.pop() if free else await Connection.open(port)
        await connection.ask(next(requests))
        free.append(connection)
        return time.perf_counter() - due

    tasks = []
    for number in range(int(per_s * seconds)):
        due = begun + number / per_s
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(send(due)))
    taken = await asyncio.gather(*tasks)
    for connection in free:
        connection.close()
    return taken


@contextmanager
def on_the_first_core() -> Iterator[None]:
    """Keep this process off the last core, on which the servers run."""
    if not hasattr(os, "sched_setaffinity"):  # macOS
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
