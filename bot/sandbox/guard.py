"""Loopback only: who may talk to the sandbox.

A web page elsewhere must not drive it (DNS rebinding, cross-site posts), so the Host must be a loopback
name and a POST with an Origin must come from one.
"""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware; refuses with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _allowed(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        body = b'{"ok": false, "error": "the sandbox answers loopback names only"}'
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _allowed(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    if not _is_loopback(f"//{headers.get(b'host', b'').decode('latin-1')}"):
        return False
    if headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site"):
        # A page elsewhere may link to ours; it may not load or submit anything, a GET of the API included.
        path = str(scope["path"])
        linked = headers.get(b"sec-fetch-mode") == b"navigate" and not path.startswith(("/api/", "/_sandbox/"))
        if scope["type"] == "websocket" or scope["method"] not in SAFE or not linked:
            return False
    safe = scope["type"] == "http" and scope["method"] in SAFE
    origin = headers.get(b"origin")
    if safe or origin is None:
        return True
    return _same(origin.decode("latin-1"), headers[b"host"].decode("latin-1"))


def _is_loopback(address: str) -> bool:
    try:
        return urlsplit(address).hostname in LOOPBACK
    except ValueError:
        return False


def _same(origin: str, host: str) -> bool:
    """An origin on another port of this machine is foreign too."""
    try:
        return _is_loopback(origin) and urlsplit(origin).netloc == host
    except ValueError:
        return False
