"""The raw connections below uvicorn, so that faults can do what only a network does: reset, or go deaf.

Both are handed to endpoints as `scope["extensions"]["sandbox.line"]`.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "sandbox.line"


class Line(HttpToolsProtocol):
    """An HTTP connection that can be reset in the middle of a call."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # uvicorn's TypedDict has no room for extensions
        scope["extensions"] = {EXTENSION: {"abort": self.transport.abort}}

    def is_busy(self) -> bool:
        """Say whether an answer is under way (a stream, or a call that hangs on purpose)."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        return cycle is not None and not cycle.response_complete


class SocketLine(WebSocketsSansIOProtocol):
    """A WebSocket that can be reset, or go deaf: nothing that comes is heard, nothing that is said arrives."""

    deaf = False

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # refused handshakes have none
            line = {"abort": self.transport.abort, "deafen": self.deafen}
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = line

    def deafen(self) -> None:
        self.deaf = True
        self.stop_keepalive()
        self.transport = _Silence(self.transport)  # type: ignore[assignment] # delegates all but write

    def data_received(self, data: bytes) -> None:
        if not self.deaf:
            super().data_received(data)


class _Silence:
    """A transport that swallows what is written."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, _data: bytes) -> None:
        return None
