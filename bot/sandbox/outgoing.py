"""What the sandbox itself sends: signed payloads in HTTP mode, and Jira's webhooks.

Loaded only when one of them is asked for: httpx is a third of the time that the sandbox takes to start.
"""

from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Outcome:
    """`error` is empty, `timeout` or `unreachable`; `status` is 0 with an error."""

    status: int = 0
    content: bytes = b""
    kind: str = ""
    error: str = ""


class Outgoing:
    """Posts; never raises for what the network does."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(trust_env=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, url: str, body: bytes, headers: dict[str, str], *, timeout_s: float) -> Outcome:
        try:
            response = await self._client.post(url, content=body, headers=headers, timeout=timeout_s)
        except httpx.TimeoutException:
            return Outcome(error="timeout")
        except httpx.HTTPError:
            return Outcome(error="unreachable")
        return Outcome(response.status_code, response.content, response.headers.get("content-type", ""))
