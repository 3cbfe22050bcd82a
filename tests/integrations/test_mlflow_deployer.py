"""The alias of a registry on the wire: what is asked and set, and what the answers of MLflow 3.17 mean."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from bot.domain.errors import ConfigError, NoBudget, OutboundError, PermanentError, TemporaryError, UncertainError
from bot.ports import Deployer, DeployerOptions
from integrations.mlflow import DEPLOYER
from tests.integrations.deployers import BACK, NOW, ORDER, asked, recorded

URL = "https://mlflow.example.com"
ALIAS = f"{URL}/api/2.0/mlflow/registered-models/alias"
SEARCH = f"{URL}/api/2.0/mlflow/registered-models/search"
PAGE = f"{URL}/#/models/fraud-scorer/versions/43"
ALIASES = {"aliases": {"prod": "champion"}}


def make(secret: str | None = "t0ken", url: str = URL, **options: Any) -> Deployer:
    return DEPLOYER(DeployerOptions("mlflow", url, secret, ALIASES | options), lambda: NOW)


@pytest.fixture
async def mlflow() -> AsyncIterator[Deployer]:
    made = make()
    yield made
    await made.close()


def held_by(version: str) -> httpx.Response:
    return recorded("mlflow", "rest_alias_get", model_version={"name": "fraud-scorer", "version": version})


@pytest.mark.parametrize("before", [held_by("42"), recorded("mlflow", "rest_alias_get_unset")])
async def test_the_alias_of_the_stage_is_pointed_to_the_version(
    mlflow: Deployer, respx_mock: respx.MockRouter, before: httpx.Response
) -> None:
    look = respx_mock.get(ALIAS).mock(return_value=before)
    change = respx_mock.post(ALIAS).mock(return_value=recorded("mlflow", "rest_alias_set"))

    page = await mlflow.deploy(ORDER)

    assert page == PAGE
    assert dict(look.calls.last.request.url.params) == {"name": "fraud-scorer", "alias": "champion"}
    assert json.loads(change.calls.last.request.content) == asked("mlflow", "rest_alias_set")["body"] | {
        "version": "43"
    }
    assert change.calls.last.request.headers["authorization"] == "Bearer t0ken"


async def test_going_back_points_it_to_the_version_before(mlflow: Deployer, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(ALIAS).mock(return_value=held_by("43"))
    change = respx_mock.post(ALIAS).mock(return_value=recorded("mlflow", "rest_alias_set"))

    await mlflow.deploy(BACK)

    assert json.loads(change.calls.last.request.content)["version"] == "42"


async def test_an_address_may_end_in_a_slash(respx_mock: respx.MockRouter) -> None:
    mlflow = make(url=f"{URL}/")
    respx_mock.get(ALIAS).mock(return_value=held_by("43"))

    assert await mlflow.find(ORDER) == PAGE
    await mlflow.close()


async def test_what_is_so_already_is_done(mlflow: Deployer, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(ALIAS).mock(return_value=held_by("43"))
    change = respx_mock.post(ALIAS)

    assert await mlflow.deploy(ORDER) == PAGE
    assert await mlflow.find(ORDER) == PAGE
    assert not change.called


async def test_an_answer_that_is_lost_is_looked_for(mlflow: Deployer, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(ALIAS).mock(side_effect=[held_by("42"), held_by("43")])
    respx_mock.post(ALIAS).mock(side_effect=httpx.ReadTimeout("slow"))

    with pytest.raises(UncertainError, match="did not answer"):
        await mlflow.deploy(ORDER)

    assert await mlflow.find(ORDER) == PAGE
    assert list(mlflow.look_again) == []


async def test_a_model_may_be_registered_under_another_name(respx_mock: respx.MockRouter) -> None:
    mlflow = make(models={"fraud-scorer": "risk.fraud/eu"})
    look = respx_mock.get(ALIAS).mock(return_value=held_by("43"))

    page = await mlflow.find(ORDER)

    assert look.calls.last.request.url.params["name"] == "risk.fraud/eu"
    assert page == f"{URL}/#/models/risk.fraud%2Feu/versions/43"
    await mlflow.close()


async def test_a_user_has_a_password(respx_mock: respx.MockRouter) -> None:
    mlflow = make(secret="hunter2", user="bot")
    look = respx_mock.get(ALIAS).mock(return_value=held_by("43"))

    await mlflow.find(ORDER)

    assert look.calls.last.request.headers["authorization"] == "Basic " + base64.b64encode(b"bot:hunter2").decode()
    await mlflow.close()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (recorded("mlflow", "rest_alias_set_no_version"), PermanentError, "version=9) not found); register it there"),
        (recorded("mlflow", "rest_alias_set_not_an_integer"), PermanentError, "must be an integer"),
        (httpx.Response(401, html="You are not authenticated."), TemporaryError, "deployers.mlflow.secret_env"),
        (httpx.Response(403, html="Permission denied"), TemporaryError, "403: Permission denied); give this user EDIT"),
        (httpx.Response(403, html="Invalid Host header"), TemporaryError, "--allowed-hosts"),
        (httpx.Response(404, html="<h1>Not Found</h1>"), TemporaryError, "is deployers.mlflow.url right?"),
        (httpx.Response(429, headers={"retry-after": "7"}), NoBudget, "asks to wait"),
        (httpx.Response(503, headers={"retry-after": "9"}), TemporaryError, "not available"),
        (httpx.Response(502, html="<h1>no</h1>"), UncertainError, "failed (502): Bad Gateway"),
        (httpx.ConnectError("refused"), TemporaryError, "can't be reached (refused)"),
        (httpx.RemoteProtocolError("cut"), UncertainError, "did not answer (cut)"),
    ],
)
async def test_every_answer_means_one_thing(
    mlflow: Deployer, respx_mock: respx.MockRouter, answer: Any, error: type[OutboundError], words: str
) -> None:
    respx_mock.get(ALIAS).mock(return_value=held_by("42"))
    respx_mock.post(ALIAS).mock(side_effect=[answer])

    with pytest.raises(OutboundError) as raised:
        await mlflow.deploy(ORDER)

    assert type(raised.value) is error
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.Response(200, html="<h1>Sign in</h1>"), TemporaryError, "answers as MLflow does not"),
        (httpx.Response(200, json={"model_version": None}), TemporaryError, "answers as MLflow does not"),
        (httpx.Response(401, text="no"), TemporaryError, "does not accept our credentials"),
        (httpx.ReadTimeout("slow"), TemporaryError, "did not answer"),
        (httpx.Response(500, text="oops"), TemporaryError, "failed (500): oops"),
    ],
)
async def test_nothing_is_set_where_nobody_knows_what_it_was(
    mlflow: Deployer, respx_mock: respx.MockRouter, answer: Any, error: type[OutboundError], words: str
) -> None:
    respx_mock.get(ALIAS).mock(side_effect=[answer])
    change = respx_mock.post(ALIAS)

    with pytest.raises(error, match=words.replace("(", r"\(").replace(")", r"\)")):
        await mlflow.deploy(ORDER)

    assert not change.called


async def test_a_model_that_is_not_there_is_said_when_it_is_set(mlflow: Deployer, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(ALIAS).mock(return_value=recorded("mlflow", "rest_alias_get_no_model"))
    respx_mock.post(ALIAS).mock(return_value=recorded("mlflow", "rest_alias_set_no_version"))

    with pytest.raises(PermanentError, match=r"deployers\.mlflow\.options\.models"):
        await mlflow.deploy(ORDER)


async def test_a_stage_without_an_alias_is_named(mlflow: Deployer) -> None:
    with pytest.raises(PermanentError, match="no alias for staging, only for production"):
        await mlflow.deploy(replace(ORDER, stage="staging"))


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (httpx.Response(200, json={}), None),
        (httpx.Response(401, text="no"), "does not accept our credentials"),
        (httpx.Response(200, html="<h1>Sign in</h1>"), "answers as MLflow does not"),
        (httpx.ConnectError("refused"), "can't be reached"),
    ],
)
async def test_it_is_checked_without_setting_anything(
    mlflow: Deployer, respx_mock: respx.MockRouter, answer: Any, wrong: str | None
) -> None:
    respx_mock.get(SEARCH).mock(side_effect=[answer])

    said = await mlflow.check()

    assert said is None if wrong is None else wrong in (said or "")


async def test_a_user_without_a_password_is_said() -> None:
    mlflow = make(secret=None, user="bot")

    assert "has no password" in (await mlflow.check() or "")
    await mlflow.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "mlflow.example.com"}, r"deployers\.mlflow\.url: 'mlflow\.example\.com' is not an address such as"),
        ({"aliases": {}}, r"deployers\.mlflow\.options\.aliases"),
        ({"aliases": {"prod": 3}}, r"deployers\.mlflow\.options\.aliases\.prod"),
        ({"alias": "champion"}, r"deployers\.mlflow\.options\.alias: Extra"),
    ],
)
def test_a_wrong_setting_is_named_at_start(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make(**given)
