"""What all answers of the page have in common."""

from starlette.requests import Request
from starlette.responses import StreamingResponse

from bot.sandbox.box import Sandbox

# Nothing from outside, nothing inline: a message that gets past the escaping still cannot run.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def sandbox_of(request: Request) -> Sandbox:
    """Return the sandbox that the server put into the application's state."""
    found = request.app.state.sandbox
    if not isinstance(found, Sandbox):
        raise TypeError("app.state.sandbox is not a Sandbox")
    return found


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"
