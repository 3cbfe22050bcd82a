"""Starts a workflow of GitHub Actions for an order, once: a run is found again by the order's key in its title.

https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from bot.domain.errors import OutboundError, PermanentError, TemporaryError
from bot.ports import DeployerOptions, Now, Order, RemoteId
from integrations.calling import WHEN_MENDED, retry_after
from integrations.deploying import System, content, read_options, words
from integrations.github.options import Options, read_repository

VERSION = "2022-11-28"
DETAILS = "return_run_details"
"""Asks for the run that begins; Enterprise Servers of before 2026 refuse to be asked."""
OURS = "bellwether-"
SKEW = timedelta(minutes=2)
"""How far GitHub's clock may be behind ours."""
LIMITED = timedelta(seconds=60)
"""How long to wait after a limit that does not say: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api"""
PER_PAGE, PAGES = 100, 10
"""GitHub shows a thousand runs of a search, no more."""


class _Run(BaseModel):
    display_title: str
    html_url: str


class _Runs(BaseModel):
    workflow_runs: tuple[_Run, ...]


class WorkflowDispatcher:
    """A Deployer (bot/ports.py)."""

    look_again: Sequence[timedelta] = (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=30))
    """A run is listed some seconds after it was asked for."""

    def __init__(self, options: DeployerOptions, now: Now) -> None:
        """Opens no connection yet; raises ConfigError for an address or options that are none."""
        self._options = read_options(options, Options)
        self._repository, api = read_repository(options)
        self._where, self._token, self._now = f"deployers.{options.name}", options.secret, now
        page = options.url.rstrip("/").removesuffix(".git")
        self._page = f"{page}/actions/workflows/{self._options.workflow}"
        self._asks_for_details = True
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION}
        if options.secret:
            headers["Authorization"] = f"Bearer {options.secret}"
        workflow = f"{api}/actions/workflows/{self._options.workflow}"
        self._github = System(options.name, workflow, headers=headers, wait=self._wait)

    async def find(self, order: Order) -> RemoteId | None:
        """Return the run whose title has the order's key.

        Raises PermanentError where runs hide what they are for: one of them may be it.
        """
        unknown = 0
        async for run in self._runs(order.decided_at - SKEW):
            if order.key in run.display_title:
                return RemoteId(run.html_url)
            unknown += OURS not in run.display_title
        if unknown:
            said = f"{self._github.name} may have taken it: {unknown} of the runs since do not name their order"
            hint = f"look at {self._page}, and give {self._options.workflow} a `run-name` with the order in it"
            raise PermanentError(f"{said}; {hint}")
        return None

    async def deploy(self, order: Order) -> RemoteId:
        """Start the workflow; return the run's page, or its workflow's where GitHub does not say."""
        if not self._token:
            raise TemporaryError(f"{self._github.name}: {await self.check()}", WHEN_MENDED)
        answer = await self._dispatch(order)
        if self._asks_for_details and answer.is_client_error and DETAILS in words(answer):
            self._asks_for_details = False
            answer = await self._dispatch(order)
        if not answer.is_success:
            raise self._refusal(answer)
        return RemoteId(str((content(answer) or {}).get("html_url") or self._page))

    async def check(self) -> str | None:
        """Read the workflow; nothing is started, so whether the token may do that is not known."""
        if not self._token:
            return f"its token is not set; set the variable that {self._where}.secret_env names"
        try:
            answer = await self._github.send("GET", repeatable=True)
        except OutboundError as exc:
            return str(exc)
        if not answer.is_success:
            return str(self._refusal(answer))
        state = (content(answer) or {}).get("state")
        if state is None:
            return str(self._no_github(answer))
        return None if state == "active" else f"{self._options.workflow} is {state}; enable it at {self._page}"

    async def close(self) -> None:
        """Let go of the connections."""
        await self._github.close()

    async def _dispatch(self, order: Order) -> httpx.Response:
        wanted: dict[str, Any] = {"ref": self._options.ref, "inputs": self._options.filled(order)}
        if self._asks_for_details:
            wanted[DETAILS] = True
        return await self._github.send("POST", "/dispatches", repeatable=False, json=wanted)

    async def _runs(self, since: datetime) -> AsyncIterator[_Run]:
        """Yield what was started by a dispatch since then, the newest first."""
        query = {"event": "workflow_dispatch", "created": f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        for page in range(1, PAGES + 1):
            params = query | {"per_page": str(PER_PAGE), "page": str(page)}
            answer = await self._github.send("GET", "/runs", repeatable=True, params=params)
            if not answer.is_success:
                raise self._refusal(answer)
            try:
                found = _Runs.model_validate_json(answer.content).workflow_runs
            except ValidationError as exc:
                raise self._no_github(answer) from exc
            for run in found:
                yield run
            if len(found) < PER_PAGE:
                return

    def _wait(self, answer: httpx.Response) -> timedelta | None:
        """Return how long GitHub asks to wait; a limit may be a 403, and say when it ends."""
        after = retry_after(answer)
        if after is not None or answer.status_code not in (403, 429):
            return after
        reset = answer.headers.get("x-ratelimit-reset", "")
        if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
            return max(timedelta(seconds=int(reset) - self._now().timestamp()), timedelta(seconds=1))
        return LIMITED if "rate limit" in words(answer).lower() else None

    def _refusal(self, answer: httpx.Response) -> OutboundError:
        status, said, name = answer.status_code, words(answer), self._github.name
        file, repository = self._options.workflow, self._repository
        grant = f"give it *Actions: read and write* of {repository}"
        if status == 401:
            hint = f"make a new one, {grant}, and set the variable that {self._where}.secret_env names"
            return TemporaryError(f"{name} does not accept the token (401: {said}); {hint}", WHEN_MENDED)
        if status == 403:
            return TemporaryError(f"{name} does not let this token start {file} (403: {said}); {grant}", WHEN_MENDED)
        if status == 404:
            hint = f"is {self._where} right? Is the file on the default branch? Does the token see it? If not, {grant}"
            return TemporaryError(f"{name} knows no {file} in {repository} (404); {hint}", WHEN_MENDED)
        if status < 400:
            return PermanentError(f"{name} says that {repository} has moved; write where to into {self._where}.url")
        inputs = ", ".join(self._options.inputs)
        hint = f"{file} on {self._options.ref} must have `workflow_dispatch` with the inputs {inputs}"
        return PermanentError(f"{name} refused it ({status}: {said}); {hint}")

    def _no_github(self, answer: httpx.Response) -> OutboundError:
        said = f"{self._github.url} answers as GitHub does not ({answer.status_code})"
        return TemporaryError(f"{said}; is {self._where}.url right?", WHEN_MENDED)
