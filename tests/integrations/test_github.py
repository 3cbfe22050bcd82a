"""A workflow dispatch on the wire: what is sent, how a run is found again, and what GitHub's answers mean."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from bot.domain.errors import ConfigError, NoBudget, OutboundError, PermanentError, TemporaryError, UncertainError
from bot.ports import Deployer, DeployerOptions
from integrations.github import DEPLOYER
from tests.integrations.deployers import BACK, NOW, ORDER, asked, recorded

URL = "https://github.com/acme/models"
WORKFLOW = "https://api.github.com/repos/acme/models/actions/workflows/deploy.yml"
DISPATCHES, RUNS = f"{WORKFLOW}/dispatches", f"{WORKFLOW}/runs"
RUN, PAGE = f"{URL}/actions/runs/9101", f"{URL}/actions/workflows/deploy.yml"


def make(secret: str | None = "github_pat_1", url: str = URL, **options: Any) -> Deployer:
    return DEPLOYER(DeployerOptions("cd", url, secret, {"workflow": "deploy.yml"} | options), lambda: NOW)


@pytest.fixture
async def github() -> AsyncIterator[Deployer]:
    made = make()
    yield made
    await made.close()


def answer(name: str, **changed: Any) -> httpx.Response:
    return recorded("github", name, **changed)


async def test_an_order_starts_the_workflow_with_its_key(github: Deployer, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(DISPATCHES).mock(return_value=answer("dispatch_with_details"))

    run = await github.deploy(ORDER)

    sent = route.calls.last.request
    assert run == RUN
    assert json.loads(sent.content) == asked("github", "dispatch_with_details")["body"]
    assert sent.headers["authorization"] == "Bearer github_pat_1"
    assert sent.headers["x-github-api-version"] == "2022-11-28"


async def test_a_server_that_tells_no_details_is_not_asked_for_them_again(
    github: Deployer, respx_mock: respx.MockRouter
) -> None:
    accepted = answer("dispatch_without_details")
    route = respx_mock.post(DISPATCHES).mock(side_effect=[answer("dispatch_old_server"), accepted, accepted])

    pages = [await github.deploy(ORDER), await github.deploy(ORDER)]

    assert pages == [PAGE, PAGE]
    assert [b"return_run_details" in call.request.content for call in route.calls] == [True, False, False]


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}.git", f"{URL}.git/"])
async def test_the_workflows_page_is_that_of_the_repository(respx_mock: respx.MockRouter, url: str) -> None:
    github = make(url=url)
    respx_mock.post(DISPATCHES).mock(return_value=answer("dispatch_without_details"))

    assert await github.deploy(ORDER) == PAGE
    await github.close()


async def test_going_back_starts_it_with_the_version_before(respx_mock: respx.MockRouter) -> None:
    github = make(
        ref="v3", inputs={"tag": "{model}-{version}", "why": "{kind}: {reason}", "dry_run": "false", "id": "{order}"}
    )
    route = respx_mock.post(DISPATCHES).mock(return_value=answer("dispatch_with_details"))

    await github.deploy(BACK)

    assert json.loads(route.calls.last.request.content) == {
        "ref": "v3",
        "inputs": {
            "tag": "fraud-scorer-42",
            "why": "rollback: Rejects payments",
            "dry_run": "false",
            "id": ORDER.key,
        },
        "return_run_details": True,
    }
    await github.close()


async def test_a_run_is_found_by_the_key_in_its_title(github: Deployer, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(RUNS).mock(return_value=answer("runs"))

    assert await github.find(ORDER) == RUN
    assert await github.find(replace(ORDER, key="bellwether-main-proposal-6-1795420800")) is None
    assert dict(route.calls.last.request.url.params) == asked("github", "runs")["params"]


async def test_a_run_is_found_among_many(github: Deployer, respx_mock: respx.MockRouter) -> None:
    other = {"display_title": "bellwether-main-proposal-1-1795420800", "html_url": f"{URL}/actions/runs/1"}
    full = answer("runs", workflow_runs=[other] * 100)
    route = respx_mock.get(RUNS).mock(side_effect=[full, answer("runs")])

    assert await github.find(ORDER) == RUN
    assert [call.request.url.params["page"] for call in route.calls] == ["1", "2"]


async def test_nothing_is_started_again_where_runs_hide_what_they_are_for(
    github: Deployer, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(RUNS).mock(return_value=answer("runs_without_names"))

    with pytest.raises(PermanentError, match=r"1 of the runs since do not name their order.*`run-name`"):
        await github.find(ORDER)


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (answer("dispatch_bad_token"), TemporaryError, "does not accept the token (401: Bad credentials)"),
        (answer("dispatch_not_allowed"), TemporaryError, "give it *Actions: read and write* of acme/models"),
        (answer("dispatch_not_found"), TemporaryError, "knows no deploy.yml in acme/models (404)"),
        (answer("dispatch_no_trigger"), PermanentError, "on main must have `workflow_dispatch` with the inputs model"),
        (answer("dispatch_unknown_inputs"), PermanentError, 'Unexpected inputs provided: ["order"]'),
        (answer("dispatch_no_ref"), PermanentError, "No ref found for: main"),
        (httpx.Response(301, headers={"location": "https://api.github.com/repositories/1"}), PermanentError, "moved"),
        (httpx.Response(500, json={"message": "Failed to run workflow dispatch"}), UncertainError, "Failed to run"),
        (httpx.Response(502, html="<h1>Unicorn</h1>"), UncertainError, "failed (502): Bad Gateway"),
        (httpx.ConnectError("refused"), TemporaryError, "can't be reached (refused)"),
        (httpx.ReadTimeout("slow"), UncertainError, "did not answer (slow)"),
    ],
)
async def test_every_answer_means_one_thing(
    github: Deployer, respx_mock: respx.MockRouter, said: Any, error: type[OutboundError], words: str
) -> None:
    respx_mock.post(DISPATCHES).mock(side_effect=[said])

    with pytest.raises(OutboundError) as raised:
        await github.deploy(ORDER)

    assert type(raised.value) is error
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("said", "after"),
    [
        (answer("dispatch_secondary_limit"), timedelta(seconds=90)),
        (answer("dispatch_rate_limit"), timedelta(seconds=1795421100) - timedelta(seconds=NOW.timestamp())),
        (httpx.Response(403, json={"message": "You have exceeded a secondary rate limit."}), timedelta(seconds=60)),
        (httpx.Response(429), timedelta(seconds=15)),
    ],
)
async def test_how_long_to_wait_is_githubs_word(
    github: Deployer, respx_mock: respx.MockRouter, said: httpx.Response, after: timedelta
) -> None:
    respx_mock.post(DISPATCHES).mock(return_value=said)

    with pytest.raises(NoBudget) as raised:
        await github.deploy(ORDER)

    assert raised.value.after == after


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com/acme/models.git", "https://api.github.com/repos/acme/models"),
        ("https://acme.ghe.com/ml/models", "https://api.acme.ghe.com/repos/ml/models"),
        ("https://git.example.com:8443/acme/models", "https://git.example.com:8443/api/v3/repos/acme/models"),
    ],
)
async def test_the_address_of_the_repository_tells_that_of_the_api(
    respx_mock: respx.MockRouter, url: str, api: str
) -> None:
    github = make(url=url)
    respx_mock.post(f"{api}/actions/workflows/deploy.yml/dispatches").respond(204)

    assert await github.deploy(ORDER) == f"{url.removesuffix('.git')}/actions/workflows/deploy.yml"
    await github.close()


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (answer("workflow"), None),
        (answer("workflow_disabled"), f"deploy.yml is disabled_manually; enable it at {PAGE}"),
        (answer("dispatch_not_found"), "knows no deploy.yml"),
        (httpx.Response(200, html="<h1>Sign in</h1>"), "answers as GitHub does not"),
        (httpx.ConnectError("refused"), "can't be reached"),
    ],
)
async def test_it_is_checked_without_starting_anything(
    github: Deployer, respx_mock: respx.MockRouter, said: Any, wrong: str | None
) -> None:
    respx_mock.get(WORKFLOW).mock(side_effect=[said])

    found = await github.check()

    assert found is None if wrong is None else wrong in (found or "")


async def test_without_a_token_nothing_is_sent(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(DISPATCHES)
    github = make(secret=None)

    with pytest.raises(TemporaryError, match=r"set the variable that deployers\.cd\.secret_env names"):
        await github.deploy(ORDER)

    assert not route.called
    assert "token is not set" in (await github.check() or "")
    await github.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "github.com/acme/models"}, "is not an address such as https://github.com/acme/models"),
        ({"url": "https://github.com/acme"}, "is not a repository such as https://github.com/acme/models"),
        (
            {"workflow": "deploy"},
            r"options\.workflow: 'deploy' is not a file of \.github/workflows such as deploy\.yml",
        ),
        ({"inputs": {"version": "{versoin}", "id": "{order}"}}, r"there is no \{versoin\}; there is \{order\}"),
        ({"inputs": {"version": "{version}"}}, r"one input must be \{order\}"),
        ({"branch": "main"}, r"deployers\.cd\.options\.branch: Extra"),
    ],
)
def test_a_wrong_setting_is_named_at_start(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make(**given)
