"""MLflow: exact facts of every recorded webhook."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import integrations.mlflow
from bot.domain.errors import MalformedPayload, UnsupportedEvent
from bot.domain.facts import ChangeFact, ChangeType, VersionFact
from bot.ports import Delivery
from integrations.mlflow import SOURCE

EXAMPLES = Path(integrations.mlflow.__file__).parent / "examples"
KEY = "849e3dda-73f8-43a2-9a0c-21d2a8263b17"


def delivery(body: Any, key: str = KEY) -> Delivery:
    return Delivery(
        "mlflow", json.dumps(body).encode(), datetime(2026, 11, 23, tzinfo=UTC), {"x-mlflow-delivery-id": key}, {}
    )


def captured(name: str) -> Delivery:
    document = json.loads((EXAMPLES / f"webhook_{name}.json").read_text())
    return delivery(document["body"], document["request"]["headers"]["X-MLflow-Delivery-Id"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T05:{text}+00:00")


def tag(key: str, value: str) -> Delivery:
    data = {"name": "churn-scorer", "version": "2", "key": key, "value": value}
    when = "2026-11-23T05:32:11+00:00"
    return delivery({"entity": "model_version_tag", "action": "set", "timestamp": when, "data": data})


def test_version_that_is_created_is_registered_with_what_its_tags_tell() -> None:
    assert SOURCE.normalize(captured("model_version_created_v1")) == [
        VersionFact(
            model="churn-scorer",
            version="1",
            occurred_at=at("31:47.829985"),
            dedup_key="a9e2e200-23ea-4a61-b738-e3dc251b81d3",
            code_ref="0a1b2c3",
            dataset_ref="churn-train-2026-11-20",
            artifact="models:/m-dd7db81b315f462696ce5c4e049697b1",
        )
    ]


def test_alias_that_moves_names_its_new_version() -> None:
    assert SOURCE.normalize(captured("model_version_alias_created_champion_moved_to_v2")) == [
        VersionFact(
            model="churn-scorer",
            version="2",
            occurred_at=at("32:12.057380"),
            dedup_key=KEY,
            change="aliased",
            alias="champion",
        )
    ]


def test_alias_that_is_deleted_names_no_version() -> None:
    assert SOURCE.normalize(captured("model_version_alias_deleted")) == [
        VersionFact(
            model="churn-scorer",
            version=None,
            occurred_at=at("32:12.114803"),
            dedup_key="4b99b152-c94d-468e-b1a2-99f17560bd6a",
            change="unaliased",
            alias="challenger",
        )
    ]


def test_approval_is_read_from_its_tag() -> None:
    (fact,) = SOURCE.normalize(captured("model_version_tag_set"))

    assert isinstance(fact, VersionFact)
    assert (fact.version, fact.change) == ("2", "approved")


def test_commit_that_is_tagged_later_is_the_code_of_the_version() -> None:
    (fact,) = SOURCE.normalize(tag("git_sha", "9f3c1ab"))

    assert isinstance(fact, VersionFact)
    assert (fact.change, fact.code_ref) == ("tagged", "9f3c1ab")


@pytest.mark.parametrize(("name", "now"), [("created", "v2"), ("deleted", "nothing")])
def test_prompt_that_moves_is_a_change_of_the_configuration(name: str, now: str) -> None:
    (fact,) = SOURCE.normalize(captured(f"prompt_alias_{name}"))

    assert isinstance(fact, ChangeFact)
    assert (fact.change_type, fact.summary) == (ChangeType.CONFIG, f"prompt support-summary: production is {now}")
    assert (fact.model, fact.ref) == (None, "prompts:/support-summary@production")


@pytest.mark.parametrize("name", ["registered_model_created", "prompt_version_created_v2", "budget_policy_exceeded"])
def test_what_changes_no_model_is_quiet(name: str) -> None:
    with pytest.raises(UnsupportedEvent):
        SOURCE.normalize(captured(name))


def test_tags_of_mlflow_itself_are_quiet() -> None:
    with pytest.raises(UnsupportedEvent):
        SOURCE.normalize(tag("mlflow.user", "root"))


def test_version_that_moves_is_not_a_version() -> None:
    data = {"name": "churn-scorer", "alias": "champion", "version": "latest"}
    when = "2026-11-23T05:32:11+00:00"

    with pytest.raises(MalformedPayload, match=r"data\.version"):
        SOURCE.normalize(
            delivery({"entity": "model_version_alias", "action": "created", "timestamp": when, "data": data})
        )
