"""A decision, and the way back, reach MLflow or GitHub once, even if the answer is lost."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import respx

from tests.flows.conftest import CONFIGURATION
from tests.flows.test_deciding import (
    CARD,
    CD,
    CHANNEL,
    LEADS,
    MODEL,
    RULED,
    asked,
    decide,
    deployed,
    evaluated,
    fallen_back,
)

MLFLOW = "https://mlflow.example.com"
ALIAS = f"{MLFLOW}/api/2.0/mlflow/registered-models/alias"
WORKFLOW = "https://api.github.com/repos/acme/models/actions/workflows/deploy.yml"
REPOSITORY = "https://github.com/acme/models"
RUNS = f"{REPOSITORY}/actions/runs"
OUTGOING = f"{{type: outgoing, url: {CD}, secret_env: CD_SECRET}}"
DEPLOYERS = {
    "mlflow": f"{{type: mlflow, url: {MLFLOW}, options: {{aliases: {{production: champion}}}}}}",
    "github": f"{{type: github, url: {REPOSITORY}, secret_env: CD_SECRET, options: {{workflow: deploy.yml}}}}",
}


@dataclass
class Registry:
    """An MLflow that does as it is told; `lost` of its answers never arrive."""

    champion: str = "42"
    told: list[str] = field(default_factory=list)
    lost: int = 0

    def show(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"model_version": {"name": "fraud-scorer", "version": self.champion}})

    def change(self, request: httpx.Request) -> httpx.Response:
        self.champion = json.loads(request.content)["version"]
        self.told.append(self.champion)
        if self.lost:
            self.lost -= 1
            raise httpx.ReadTimeout("slow")
        return httpx.Response(200, json={})


@dataclass
class Actions:
    """A GitHub that begins a run for each dispatch; `lost` answers never arrive, `late` lists do not have it yet."""

    runs: list[dict[str, str]] = field(default_factory=list)
    lost: int = 0
    late: int = 0

    def dispatch(self, request: httpx.Request) -> httpx.Response:
        given = json.loads(request.content)["inputs"]
        number = len(self.runs) + 1
        title = f"{given['model']} v{given['version']} to {given['stage']} ({given['order']})"
        self.runs.append({"display_title": title, "html_url": f"{RUNS}/{number}"})
        if self.lost:
            self.lost -= 1
            raise httpx.ReadTimeout("slow")
        return httpx.Response(200, json={"workflow_run_id": number, "html_url": f"{RUNS}/{number}"})

    def list(self, _request: httpx.Request) -> httpx.Response:
        self.late -= 1
        return httpx.Response(200, json={"workflow_runs": [] if self.late >= 0 else self.runs})


@pytest.fixture
def configuration(request: pytest.FixtureRequest) -> str:
    kind = "mlflow" if "registry" in request.fixturenames else "github"
    return CONFIGURATION.replace(MODEL, RULED.replace(OUTGOING, DEPLOYERS[kind]))


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    """The world; everything on this machine is real."""
    with respx.mock(assert_all_called=False) as router:
        router.route(host="127.0.0.1").pass_through()
        yield router


@pytest.fixture
def registry(wire: respx.MockRouter) -> Registry:
    found = Registry()
    wire.get(ALIAS).mock(side_effect=found.show)
    wire.post(ALIAS).mock(side_effect=found.change)
    return found


@pytest.fixture
def actions(wire: respx.MockRouter) -> Actions:
    found = Actions()
    wire.get(f"{WORKFLOW}/runs").mock(side_effect=found.list)
    wire.post(f"{WORKFLOW}/dispatches").mock(side_effect=found.dispatch)
    return found


async def candidate(company: Any) -> Any:
    """v42 serves, v43 was evaluated beside it; returns the card that asks for v43."""
    await company.deliver("events", deployed("42"))
    await company.see(CHANNEL, "slack/deployment/1", "v42")
    await company.deliver("events", [evaluated("42", 0.912, 0.87), evaluated("43", 0.934, 0.88)], events=2)
    return await asked(company)


async def test_an_alias_is_moved_once_though_the_answer_is_lost(registry: Registry, company: Any) -> None:
    registry.lost = 1
    card = await candidate(company)

    await decide(company, "dana", card, reason="go")

    await company.see(LEADS, CARD, f"{MLFLOW}/#/models/fraud-scorer/versions/43", "no deployment was told yet")
    assert (registry.champion, registry.told) == ("43", ["43"])


async def test_a_roll_back_moves_the_alias_back(registry: Registry, company: Any) -> None:
    await company.deliver("events", deployed("42"))
    await company.see(CHANNEL, "slack/deployment/1", "v42")
    registry.champion = "43"

    await fallen_back(company)

    await company.see(CHANNEL, CARD, "`v43` → `v42`", "/versions/42")
    assert registry.told == ["42"]


async def test_a_workflow_is_started_once_though_the_answer_is_lost(actions: Actions, company: Any) -> None:
    actions.lost, actions.late = 1, 2
    card = await candidate(company)

    await decide(company, "dana", card, reason="go")

    await company.see(LEADS, CARD, f"{RUNS}/1", "no deployment was told yet")
    assert [run["display_title"][:30] for run in actions.runs] == ["fraud-scorer v43 to production"]


async def test_a_roll_back_starts_the_workflow_with_the_version_before(actions: Actions, company: Any) -> None:
    await company.deliver("events", deployed("42"))
    await company.see(CHANNEL, "slack/deployment/1", "v42")

    await fallen_back(company)

    await company.see(CHANNEL, CARD, "`v43` → `v42`", f"{RUNS}/1")
    assert [run["display_title"][:30] for run in actions.runs] == ["fraud-scorer v42 to production"]
