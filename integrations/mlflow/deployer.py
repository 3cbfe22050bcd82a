"""Moves an alias of MLflow's registry to a version: to set it twice is to set it once.

It looks before it sets, because setting it again is told to webhooks again.
https://mlflow.org/docs/latest/api_reference/rest-api.html#set-registered-model-alias
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bot.domain.errors import OutboundError, PermanentError, TemporaryError
from bot.domain.names import clean_stage
from bot.ports import DeployerOptions, Order, RemoteId
from integrations.calling import WHEN_MENDED
from integrations.deploying import System, content, read_options, read_url, words

ALIAS = "/api/2.0/mlflow/registered-models/alias"
SEARCH = "/api/2.0/mlflow/registered-models/search"
EXAMPLE = "https://mlflow.example.com"

Text = Annotated[str, Field(min_length=1)]


def _canonical(aliases: dict[str, str]) -> dict[str, str]:
    return {clean_stage(stage) or stage: alias for stage, alias in aliases.items()}


class _Options(BaseModel):
    """What stands under `options:`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aliases: Annotated[dict[Text, Text], Field(min_length=1), AfterValidator(_canonical)]
    """Stage -> the alias that serving follows there."""
    models: dict[Text, Text] = {}
    """Our name of a model -> its registered one, where that differs."""
    user: Text | None = None
    """The secret is this user's password; None = it is a bearer token."""


class _Version(BaseModel):
    version: str


class _Holder(BaseModel):
    """An answer to who holds an alias."""

    model_version: _Version


class AliasMover:
    """A Deployer (bot/ports.py)."""

    look_again: Sequence[timedelta] = ()

    def __init__(self, options: DeployerOptions) -> None:
        """Opens no connection yet; raises ConfigError for an address or options that are none."""
        read_url(options, EXAMPLE)
        self._options = read_options(options, _Options)
        self._where, user, secret = f"deployers.{options.name}", self._options.user, options.secret
        self._passwordless = user is not None and not secret
        bearer = {"Authorization": f"Bearer {secret}"} if secret and not user else {}
        basic = httpx.BasicAuth(user, secret) if secret and user else None
        self._mlflow = System(options.name, options.url.rstrip("/"), headers=bearer, auth=basic)

    async def find(self, order: Order) -> RemoteId | None:
        """Return the version's page if the alias points to it."""
        name, alias = self._place(order)
        answer = await self._mlflow.send("GET", ALIAS, repeatable=True, params={"name": name, "alias": alias})
        if answer.status_code in (400, 404) and "error_code" in (content(answer) or {}):
            return None  # it says 400 for an alias that nothing holds, 404 for a model or a version that is gone
        if not answer.is_success:
            raise self._refusal(answer, f"say what {alias} of {name} is")
        try:
            holder = _Holder.model_validate_json(answer.content).model_version.version
        except ValidationError as exc:
            raise self._no_mlflow(answer) from exc
        return self._page(name, order) if holder == order.version else None

    async def deploy(self, order: Order) -> RemoteId:
        """Point the alias to the version, unless it does already; return the version's page."""
        if (found := await self.find(order)) is not None:
            return found
        name, alias = self._place(order)
        wanted = {"name": name, "alias": alias, "version": order.version}
        answer = await self._mlflow.send("POST", ALIAS, repeatable=False, json=wanted)
        if not answer.is_success:
            raise self._refusal(answer, f"set {alias} of {name} to version {order.version}")
        return self._page(name, order)

    async def check(self) -> str | None:
        """Ask for one model; nothing is written."""
        if self._passwordless:
            return f"{self._where}.options.user has no password; set the variable that `secret_env` names"
        try:
            answer = await self._mlflow.send("GET", SEARCH, repeatable=True, params={"max_results": "1"})
        except OutboundError as exc:
            return str(exc)
        if not answer.is_success:
            return str(self._refusal(answer, "list models"))
        return None if content(answer) is not None else str(self._no_mlflow(answer))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._mlflow.close()

    def _place(self, order: Order) -> tuple[str, str]:
        """Return the registered model and its alias that an order is about."""
        alias = self._options.aliases.get(order.stage)
        if alias is None:
            known = ", ".join(sorted(self._options.aliases))
            raise PermanentError(f"{self._where}.options.aliases names no alias for {order.stage}, only for {known}")
        return self._options.models.get(order.model, order.model), alias

    def _page(self, name: str, order: Order) -> RemoteId:
        return RemoteId(f"{self._mlflow.url}/#/models/{quote(name, safe='')}/versions/{quote(order.version, safe='')}")

    def _refusal(self, answer: httpx.Response, what: str) -> OutboundError:
        status, said, name = answer.status_code, words(answer), self._mlflow.name
        if status == 401:
            hint = f"set the variable that {self._where}.secret_env names, and options.user where MLflow has users"
            return TemporaryError(f"{name} does not accept our credentials (401); {hint}", WHEN_MENDED)
        if status == 403:
            hint = (
                "give this user EDIT on the model; for a word about the Host header, start MLflow with --allowed-hosts"
            )
            return TemporaryError(f"{name} does not let us {what} (403: {said}); {hint}", WHEN_MENDED)
        if content(answer) is None:
            return self._no_mlflow(answer)
        hint = f"register it there, or map the name under {self._where}.options.models"
        return PermanentError(f"{name} does not {what} ({status}: {said}); {hint}")

    def _no_mlflow(self, answer: httpx.Response) -> OutboundError:
        words = f"{self._mlflow.url} answers as MLflow does not ({answer.status_code})"
        return TemporaryError(f"{words}; is {self._where}.url right?", WHEN_MENDED)
