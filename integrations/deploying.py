"""What deployers share: how their section is checked, and one HTTP call and what its outcome means.

What only one system says, its own package judges: any answer below 500 that does not ask to wait is handed back.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from bot.domain.errors import ConfigError, NoBudget, OutboundError, TemporaryError, UncertainError
from bot.ports import DeployerOptions
from integrations.calling import CONNECT, NOT_SENT, TOTAL, is_loopback, reason, retry_after

SOON, LATER = timedelta(seconds=5), timedelta(seconds=15)
MAX_WORDS = 200

M = TypeVar("M", bound=BaseModel)


def read_options(options: DeployerOptions, shape: type[M]) -> M:
    """Return what stands under `options:`; raises ConfigError that names the key."""
    try:
        return shape.model_validate(options.options)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(("deployers", options.name, "options", *map(str, first["loc"])))
        raise ConfigError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from exc


def read_url(options: DeployerOptions, example: str) -> SplitResult:
    """Return the parts of `url:`; raises ConfigError for one that is no address such as EXAMPLE."""
    try:
        parts = urlsplit(options.url)
    except ValueError as exc:
        raise ConfigError(f"deployers.{options.name}.url: {options.url!r} is not an address: {exc}") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"deployers.{options.name}.url: {options.url!r} is not an address such as {example}")
    return parts


def content(response: httpx.Response) -> dict[str, Any] | None:
    """Return the JSON object of an answer; None where it is none."""
    try:
        found = response.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def words(response: httpx.Response) -> str:
    """Return what an answer says, in one line."""
    said = str((content(response) or {}).get("message") or response.text).strip()
    if said.startswith("<"):
        said = ""  # a page, whatever type it says it has
    return " ".join(said.split())[:MAX_WORDS] or response.reason_phrase


class System:
    """A system that deploys, as it is called; NAME is how messages call it."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        auth: httpx.Auth | None = None,
        wait: Callable[[httpx.Response], timedelta | None] = retry_after,
    ) -> None:
        """Opens no connection yet. `wait`: how long an answer asks to wait."""
        self.name, self.url, parts = name, url, urlsplit(url)
        self._host = parts.netloc
        self._wait = wait
        self._http = httpx.AsyncClient(
            headers={"User-Agent": "bellwether"} | (headers or {}),
            auth=auth,
            timeout=httpx.Timeout(TOTAL.total_seconds(), connect=CONNECT.total_seconds()),
            trust_env=not is_loopback(parts.hostname or ""),  # a proxy can't reach our loopback
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def send(self, method: str, path: str = "", *, repeatable: bool, **request: Any) -> httpx.Response:
        """Return the answer, be it a refusal. `repeatable`: doing it twice is doing it once.

        Raises TemporaryError or NoBudget when it certainly had no effect, UncertainError when nobody knows.
        """
        try:
            async with asyncio.timeout(TOTAL.total_seconds()):
                response = await self._http.request(method, self.url + path, **request)
        except NOT_SENT as exc:
            raise TemporaryError(f"{self.name} at {self._host} can't be reached ({reason(exc)})", LATER) from exc
        except (httpx.HTTPError, TimeoutError) as exc:
            raise _lost(f"{self.name} did not answer ({reason(exc)})", SOON, repeatable=repeatable) from exc
        status, after = response.status_code, self._wait(response)
        if status in (425, 429) or (status == 403 and after is not None):
            raise NoBudget(f"{self.name} asks to wait ({status}): {words(response)}", after or LATER)
        if status == 503 and after is not None:
            raise TemporaryError(f"{self.name} is not available (503): {words(response)}", after)
        if status == 408 or status >= 500:
            raise _lost(f"{self.name} failed ({status}): {words(response)}", LATER, repeatable=repeatable)
        return response


def _lost(message: str, after: timedelta, *, repeatable: bool) -> OutboundError:
    return TemporaryError(message, after) if repeatable else UncertainError(message, after)
