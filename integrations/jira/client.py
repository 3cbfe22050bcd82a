"""One HTTP call to Jira Cloud and what its outcome means (REST v3, basic auth with an API token).

The one thing to know: a call is either *repeatable* (reads, PUT, remote links: doing it twice is doing it
once), and then any failure that may pass is temporary; or it is not (creating an issue), and then a failure
after the request may have left is uncertain, and the caller has to look before it tries again. Nothing is
retried here: the loop does that.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.domain.errors import ConfigError, NoBudget, OutboundError, PermanentError, TemporaryError, UncertainError
from integrations.calling import CONNECT, NOT_SENT, TOTAL, WHEN_MENDED, is_loopback, reason, retry_after

logger = logging.getLogger(__name__)

LOOK_SOON = timedelta(seconds=5)
RETRY_SOON = timedelta(seconds=2)
RETRY_LATER = timedelta(seconds=15)
LIMITED = timedelta(seconds=30)
"""How long to wait after a 429 without Retry-After."""

RENEW = (
    "Make a new API token at https://id.atlassian.com/manage-profile/security/api-tokens "
    "and set JIRA_EMAIL and JIRA_API_TOKEN. Tokens expire after a year at most, "
    "and one with scopes does not work at the site's address."
)


class JiraRefused(PermanentError):
    """Jira said no, in its own words; `fields` names the fields that it did not like."""

    def __init__(self, message: str, status: int, fields: Mapping[str, str]) -> None:
        """`status` is the HTTP status, 400 to 499."""
        super().__init__(message)
        self.status = status
        self.fields = fields


class JiraClient:
    """One shared connection pool to one Jira."""

    def __init__(self, url: str, user: str, token: str) -> None:
        """`url` is what people open, without `/rest`. Raises ConfigError for what is none."""
        self.url = url.rstrip("/")
        self.user = user
        self._http = httpx.AsyncClient(
            base_url=self.url + "/rest/api/3/",
            auth=httpx.BasicAuth(user, token),
            headers={"Accept": "application/json", "User-Agent": "bellwether"},
            timeout=httpx.Timeout(TOTAL.total_seconds(), connect=CONNECT.total_seconds()),
            trust_env=not is_loopback(_host(self.url)),  # a proxy can't reach our loopback
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """Return the JSON that Jira answers, None for an empty answer.

        Raises JiraRefused for most 4xx, NoBudget, TemporaryError, and UncertainError if the call is not `repeatable`.
        """
        what = f"{method} {path}"
        try:
            async with asyncio.timeout(TOTAL.total_seconds()):
                response = await self._http.request(method, path, json=json, params=params)
        except NOT_SENT as exc:
            raise TemporaryError(f"Jira at {self.url} can't be reached ({reason(exc)})", RETRY_LATER) from exc
        except (httpx.HTTPError, TimeoutError) as exc:
            raise _unknown(f"Jira did not answer {what} ({reason(exc)})", repeatable=repeatable) from exc
        if response.is_success:
            return _body(response, what, repeatable=repeatable)
        raise self._refusal(response, what, repeatable=repeatable)

    def _refusal(self, response: httpx.Response, what: str, *, repeatable: bool) -> OutboundError:
        status, (words, fields) = response.status_code, _words(response)
        after = retry_after(response)
        # An expired token makes Jira treat the call as anonymous, which for an issue looks like 404.
        if status == 401 or response.headers.get("x-seraph-loginreason") == "AUTHENTICATED_FAILED":
            return TemporaryError(f"Jira does not accept the credentials of {self.user} (401). {RENEW}", WHEN_MENDED)
        if status == 403:
            hint = "Give this account the permission in the project; docs: integrations/jira/README.md."
            return TemporaryError(f"Jira does not allow {self.user} to {what} (403): {words}. {hint}", WHEN_MENDED)
        if status in (425, 429):
            reason = response.headers.get("ratelimit-reason", "too many calls")
            return NoBudget(f"Jira asks to wait before {what} ({status}, {reason})", after or LIMITED)
        if status == 503 and after is not None:
            return TemporaryError(f"Jira is not available (503): {words}", after)
        if status == 409:
            return TemporaryError(f"Somebody else is changing the same thing: {what} (409): {words}", RETRY_SOON)
        if status == 408 or status >= 500:
            return _unknown(f"Jira failed at {what} ({status}): {words}", repeatable=repeatable)
        if status < 400:
            to = response.headers.get("location", "elsewhere")
            return PermanentError(f"Jira answers {what} with a redirect to {to}: is JIRA_URL {self.url} right?")
        return JiraRefused(f"Jira refused {what} ({status}): {words}", status, fields)


def _host(url: str) -> str:
    try:
        parsed = urlsplit(url)
    except ValueError as exc:
        raise ConfigError(f"JIRA_URL {url!r} is not an address: {exc}") from exc
    if parsed.scheme not in ("http", "https") or not parsed.hostname:
        raise ConfigError(f"JIRA_URL {url!r} is not an address such as https://acme.atlassian.net")
    return parsed.hostname


def _unknown(message: str, *, repeatable: bool) -> OutboundError:
    return TemporaryError(message, RETRY_LATER) if repeatable else UncertainError(message, LOOK_SOON)


def _body(response: httpx.Response, what: str, *, repeatable: bool) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as exc:
        message = f"Jira answered {what} with {response.headers.get('content-type', 'no type')} instead of JSON"
        if repeatable:
            raise PermanentError(f"{message}: is JIRA_URL right?") from exc
        raise UncertainError(message, LOOK_SOON) from exc


def _words(response: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return Jira's words in one line, and those about single fields; 401 and 5xx may be HTML or empty."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return response.reason_phrase or "no reason given", {}
    messages = [str(m) for m in body.get("errorMessages") or ()]
    errors = body.get("errors")
    fields = {str(k): str(v) for k, v in errors.items()} if isinstance(errors, dict) else {}
    said = [*messages, *(f"{name}: {text}" for name, text in fields.items())]
    return "; ".join(said or [str(body.get("message") or response.reason_phrase)])[:500], fields
