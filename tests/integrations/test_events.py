"""The canonical intake: exact facts of every example, every form a field may take, and what is said of a bad event."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import integrations.events
from bot.domain.errors import MalformedPayload
from bot.domain.facts import (
    AlertClass,
    AlertFact,
    AlertStatus,
    ChangeFact,
    ChangeType,
    DeploymentFact,
    DeploymentStatus,
    EvaluationFact,
    EvaluationType,
    MetricFact,
    Severity,
    Trigger,
    Unmapped,
    VersionFact,
)
from bot.ports import Delivery
from integrations.events import SOURCE, schema

EXAMPLES = Path(integrations.events.__file__).parent / "examples"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(hour: int, minute: int = 0, second: int = 0, *, day: int = 23) -> datetime:
    """Return a time of the examples' November."""
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


def dedup(digest: str) -> str:
    """Return the key of an event that brought none of its own; a change of it records every retry twice."""
    return f"sha256:{digest}"


FIRING = AlertFact(
    fingerprint="957f0781058e14f2",
    name="AucBelowObjective",
    status=AlertStatus.FIRING,
    starts_at=at(8, 10),
    lookback=timedelta(minutes=70),
    model="churn-scorer",
    version="3",
    stage="production",
    severity=Severity.CRITICAL,
    alert_class=AlertClass.HARD,
    category="performance",
    summary="AUC 0.812, objective 0.85",
    value=0.812,
    threshold=0.85,
    unit="ratio",
    runbook_url="https://runbooks.example.com/churn/auc",
    dashboard_url="https://grafana.example.com/d/churn",
    labels={"slo": "churn-auc", "team": "growth-ml"},
)
EXPECTED: dict[str, list[Any]] = {
    "alert_minimal": [
        AlertFact(
            fingerprint="4e7f9c33449dc2f7",
            name="FeatureNullRate",
            status=AlertStatus.FIRING,
            starts_at=NOW,
            starts_known=False,
            model="churn-scorer",
            alert_class=AlertClass.DRIFT,
            category="data_quality",
        )
    ],
    "alert_slo_firing": [FIRING],
    "alert_slo_resolved": [
        AlertFact(
            fingerprint=FIRING.fingerprint,
            name="AucBelowObjective",
            status=AlertStatus.RESOLVED,
            starts_at=at(8, 10),
            ends_at=at(9, 20),
            model="churn-scorer",
            version="2",
            stage="production",
            severity=Severity.CRITICAL,
            alert_class=AlertClass.HARD,
            category="performance",
            labels={"slo": "churn-auc", "team": "growth-ml"},
        )
    ],
    "changes": [
        ChangeFact(
            change_type=ChangeType.CONFIG,
            summary="Decision threshold",
            occurred_at=at(9),
            model="churn-scorer",
            dedup_key=dedup("873042d82794a231813aa97401695190f3f9e252957c8c8389695f51b6eda6ae"),
            stage="production",
            before="0.5",
            after="0.45",
            ref="churn-config#212",
            trigger=Trigger.PLANNED,
            actor="dana",
        ),
        ChangeFact(
            change_type=ChangeType.FILTER,
            summary="Accounts younger than 7 days are not scored",
            occurred_at=at(9, 5),
            model="churn-scorer",
            dedup_key=dedup("d34f87c871bcff78e24100b7040f90747dbda6da69c717a0d9ef1394090eea44"),
            trigger=Trigger.HOTFIX,
            url="https://git.example.com/rules/pull/88",
        ),
        ChangeFact(
            change_type=ChangeType.FEATURE,
            summary="spend_30d counts refunds",
            occurred_at=at(9, 10),
            model="churn-scorer",
            dedup_key=dedup("5ff2fa0c9b259c467b533dc205416b51122d95a982f21bbbbded04b9f9502f0f"),
            before='{"refunds": false}',
            after='{"refunds": true}',
            ref="features#531",
        ),
        ChangeFact(
            change_type=ChangeType.DATA,
            summary="events.orders is loaded hourly",
            occurred_at=at(9, 15),
            dedup_key=dedup("bf5d168fbaf9b694cb390b37d86ba8353100a892cfd1473f5e28dc6539292e38"),
            before="daily",
            after="hourly",
        ),
        ChangeFact(
            change_type=ChangeType.METRIC_DEFINITION,
            summary="metric definition changed",
            occurred_at=NOW,
            model="churn-scorer",
        ),
    ],
    "deployment_canary": [
        DeploymentFact(
            model="churn-scorer",
            version="3",
            occurred_at=at(7),
            status=DeploymentStatus.IN_PROGRESS,
            stage="production",
            target="eu-1",
            deployment_id="churn-rollout-118",
            dedup_key=dedup("6d6b9b0d89bbf767fd2e535da5ee4917fd3906caa8a13556d1be239b5a0bd894"),
            previous_version="2",
            traffic_percent=10,
            strategy="canary",
            trigger=Trigger.SCHEDULED_RETRAIN,
            step=1,
            steps=3,
            ref="9c1f2e7",
            actor="bob",
            url="https://cd.example.com/rollouts/118",
            started_at=at(7),
            committed_at=at(16, 30, day=22),
        )
    ],
    "deployment_minimal": [DeploymentFact(model="churn-scorer", version="3", occurred_at=NOW)],
    "deployment_ramp_to_all": [
        DeploymentFact(
            model="churn-scorer",
            version="3",
            occurred_at=at(7, 30),
            status=DeploymentStatus.IN_PROGRESS,
            target="eu-1",
            deployment_id="churn-rollout-118",
            dedup_key=dedup("bb77b1607fbeb6887974e0498a29dcb12aaf13c3abd24ff07617b239606e73ab"),
            traffic_percent=50,
            strategy="canary",
            step=2,
            steps=3,
        ),
        DeploymentFact(
            model="churn-scorer",
            version="3",
            occurred_at=at(8),
            status=DeploymentStatus.SUCCEEDED,
            target="eu-1",
            deployment_id="churn-rollout-118",
            dedup_key=dedup("8c9a6f2ab3f1f0bf848e4b018c17c9f32c97942cd4dcb57dc7498e92abe9e821"),
            traffic_percent=100,
            strategy="canary",
            step=3,
            steps=3,
            finished_at=at(8),
        ),
    ],
    "deployment_rollback": [
        DeploymentFact(
            model="churn-scorer",
            version="2",
            occurred_at=at(9),
            target="eu-1",
            deployment_id="churn-rollout-119",
            dedup_key=dedup("b7d83d8215672df359129d504eecccb36c906047755ca27af7487f0c06c4bff2"),
            previous_version="3",
            traffic_percent=100,
            trigger=Trigger.ROLLBACK,
            summary="Back to v2: AUC below the objective since 08:10",
            actor="alice",
        )
    ],
    "evaluation_live_with_label_lag": [
        EvaluationFact(
            model="churn-scorer",
            metrics=(
                MetricFact(name="auc", value=0.871, n=12400),
                MetricFact(name="precision", value=0.61, n=910),
            ),
            occurred_at=at(6),
            version="2",
            stage="production",
            evaluation_type=EvaluationType.LIVE,
            dedup_key=dedup("a21fb2704a7260ba5e7a72e09cb6fd13fd1fd5c7dd5b66a3ccb4a5b0d2cde317"),
            suite="live-daily",
            dataset_version="2026-11-22",
            window_start=at(0, day=22),
            window_end=at(0),
            labelled_fraction=0.88,
            labels_until=at(0, day=20),
        )
    ],
    "evaluation_minimal": [
        EvaluationFact(model="churn-scorer", metrics=(MetricFact(name="auc", value=0.91),), occurred_at=NOW)
    ],
    "evaluation_offline": [
        EvaluationFact(
            model="churn-scorer",
            metrics=(
                MetricFact(
                    name="accuracy",
                    value=0.7813,
                    n=800,
                    ci_low=0.7513,
                    ci_high=0.8086,
                    role="primary",
                    threshold_op=">=",
                    threshold=0.75,
                ),
                MetricFact(name="auc", value=0.894, n=800, role="guardrail", direction="higher"),
                MetricFact(name="accuracy", value=0.715, unit="ratio", slice="country=FR", n=130),
            ),
            occurred_at=at(6, 40),
            version="3",
            stage="offline",
            evaluation_type=EvaluationType.OFFLINE,
            evaluation_id="eval-2041",
            dedup_key=dedup("116c9d20f643c3c5c89e9611e61c40399d952c5ce9a6b263ae087182961dd733"),
            suite="std-3",
            suite_version="3",
            dataset="churn-holdout",
            dataset_version="ds-5",
            url="https://mlflow.example.com/#/runs/4f2a",
        )
    ],
    "evaluation_product": [
        EvaluationFact(
            model="churn-scorer",
            metrics=(
                MetricFact(name="retention_offer_accepted", value=0.134, n=5210, family="product", role="primary"),
                MetricFact(name="cost_per_offer", value=1.92, unit="USD", family="cost", direction="lower"),
            ),
            occurred_at=at(7),
            version="2",
            stage="production",
            evaluation_type=EvaluationType.PRODUCT,
            dedup_key=dedup("092bb2f20522bf2d29e1b085a316f87ba363576d95e23ab2c1661b5f8271c291"),
            window_start=at(0, day=16),
            window_end=at(0),
        )
    ],
    "list_mixed": [
        VersionFact(
            model="fraud-scorer",
            version="42",
            occurred_at=at(6, 12, 4),
            dedup_key=dedup("5d8473df3c4d8dad17a2251c9caac33a4681ec3c3c8d80f14a7c956733a88c2f"),
            code_ref="1d0c77b",
        ),
        EvaluationFact(
            model="fraud-scorer",
            metrics=(MetricFact(name="recall", value=0.83, n=2210, ci_low=0.814, ci_high=0.845),),
            occurred_at=at(6, 40),
            version="42",
            stage="shadow",
            evaluation_type=EvaluationType.SHADOW,
            dedup_key=dedup("c30b226414626586b3e4aa8c4cbc89a84320e8cd5cb06cc6aa14dae63ca8795a"),
            suite="std-3",
        ),
        DeploymentFact(
            model="fraud-scorer",
            version="42",
            occurred_at=at(7),
            stage="canary",
            dedup_key=dedup("a2af08cf4a7e9f3d64f4eadeae50b6253ce11233a68a9df8e7896581f103228a"),
            traffic_percent=5,
        ),
        ChangeFact(
            change_type=ChangeType.RULE,
            summary="Block list of 23 Nov",
            occurred_at=at(7, 5),
            model="fraud-scorer",
            dedup_key=dedup("a625fe5e8fdb9f81c6995f32574b1598f5e1ae554406bcf38f7de6789ebec885"),
        ),
    ],
    "list_with_unreadable_events": [
        AlertFact(
            fingerprint="bd365aee452e2b83",
            name="PredictionDrift",
            status=AlertStatus.FIRING,
            starts_at=at(5),
            model="churn-scorer",
            alert_class=AlertClass.DRIFT,
            category="drift",
            value=0.31,
        ),
        VersionFact(
            model="churn-scorer",
            version="4",
            occurred_at=at(10),
            dedup_key=dedup("e7d142821943d3b874df23192d05e894daf497a60ccbeb76d4decc49e9f4074b"),
        ),
        Unmapped("[0].traffic_percent: got 140, should be less than or equal to 100 (kind deployment)"),
        Unmapped('[2].kind: got "rollout", it may be version, deployment, change, evaluation, alert'),
        Unmapped(
            "[3]: kind ticket is not accepted here yet:"
            " tickets are read from the ticket system itself (`jira:` in the configuration)"
        ),
    ],
    "version_from_package_url": [
        VersionFact(
            model="churn-scorer",
            version="3",
            occurred_at=NOW,
            change="approved",
            artifact="pkg:mlflow/churn-scorer@3?run_id=4f2a",
            actor="dana",
        )
    ],
    "version_minimal": [VersionFact(model="churn-scorer", version="3", occurred_at=NOW)],
    "version_registered": [
        VersionFact(
            model="churn-scorer",
            version="3",
            occurred_at=at(6, 12, 4),
            dedup_key=dedup("1aca8a9e8c12c6cdcb4e18e378a88f3c17d855c5900ce88325b3fc2259a62c59"),
            data_until=at(0, day=20),
            code_ref="9c1f2e7",
            config_ref="configs/churn-v3.yml@9c1f2e7",
            dataset_ref="churn-train/2026-11-20",
            env_ref="registry.example.com/churn@sha256:8b1d",
            artifact="pkg:mlflow/churn-scorer@3?run_id=4f2a",
            run_id="4f2a",
            description="Retrained on October and November, with spend_30d",
            actor="alice",
            url="https://mlflow.example.com/#/models/churn-scorer/versions/3",
        )
    ],
}


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_example_becomes_exactly_these_facts(file: Path) -> None:
    assert normalized(file.read_bytes()) == EXPECTED[file.stem]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-23T06:00:00Z", at(6)),
        ("2026-11-23T07:00:00+01:00", at(6)),
        ("2026-11-23 06:00:00", at(6)),
        ("2026-11-23", at(0)),
        (1795413600, at(6)),
        ("1795413600", at(6)),
        (1795413600_000, at(6)),
    ],
)
def test_time_may_be_iso_or_epoch_and_naive_is_utc(written: Any, meant: datetime) -> None:
    fact = only({"kind": "deployment", "model": "m", "occurred_at": written})

    assert fact.occurred_at == meant


@pytest.mark.parametrize("written", ["soon", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-10:00", True, [], 1e300])
def test_time_that_is_none_is_refused_by_name(written: Any) -> None:
    (unmapped,) = normalized({"kind": "deployment", "model": "m", "timestamp": written})

    assert isinstance(unmapped, Unmapped)
    assert unmapped.reason.startswith("timestamp: got ")


@pytest.mark.parametrize(
    "event",
    [
        {"model_name": "m", "model_version": 3, "environment": "live"},
        {"ml_model": "m", "version": "v3", "env": "Prod"},
        {"labels": {"model": "m", "version": 3, "stage": "champion"}},
        {"artifact": "pkg:mlflow/m@3?run_id=1", "stage": " production "},
        {"version": "pkg:mlflow/m@v3"},
        {"model": "m", "version": "3", "trafic": 3, "title": None, "target": ""},
    ],
)
def test_model_version_and_stage_are_found_under_other_names(event: dict[str, Any]) -> None:
    fact = only({"kind": "Deployment"} | event)

    assert isinstance(fact, DeploymentFact)
    assert (fact.model, fact.version, fact.stage, fact.target) == ("m", "3", "production", None)


@pytest.mark.parametrize("version", ["latest", "default", ""])
def test_version_that_moves_is_not_a_version(version: str) -> None:
    deployment = only({"kind": "deployment", "model": "m", "version": version})
    (registered,) = normalized({"kind": "version", "model": "m", "version": version})

    assert deployment.version is None
    assert isinstance(registered, Unmapped)
    assert registered.reason.startswith("version: ")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("In Progress", DeploymentStatus.IN_PROGRESS),
        ("success", DeploymentStatus.SUCCEEDED),
        ("rolled-back", DeploymentStatus.ROLLED_BACK),
        ("canceled", DeploymentStatus.CANCELLED),
    ],
)
def test_other_systems_words_of_a_status_are_folded(word: str, status: DeploymentStatus) -> None:
    assert only({"kind": "deployment", "model": "m", "status": word}).status is status


def test_finished_deployment_happened_when_it_finished() -> None:
    event = {"kind": "deployment", "model": "m", "finished_at": "2026-11-16T10:00:00Z"}

    assert only(event).occurred_at == at(10, day=16)


@pytest.mark.parametrize(
    ("stage", "evaluation_type"),
    [
        ("offline", EvaluationType.OFFLINE),
        ("Shadow", EvaluationType.SHADOW),
        ("canary", EvaluationType.LIVE),
        (None, EvaluationType.LIVE),
    ],
)
def test_evaluation_type_follows_from_the_stage(stage: str | None, evaluation_type: EvaluationType) -> None:
    fact = only({"kind": "evaluation", "model": "m", "stage": stage, "metrics": {"auc": 0.9}})

    assert fact.evaluation_type is evaluation_type


def test_metrics_may_be_a_list_or_a_map() -> None:
    as_list = [{"name": "auc", "value": 0.9, "sample_size": 10}, {"metric": "f1", "value": "0.5"}]
    as_map = {"auc": {"value": 0.9, "n": 10}, "f1": 0.5, "recall": None}

    one = only({"kind": "evaluation", "model": "m", "metrics": as_list})
    other = only({"kind": "evaluation", "model": "m", "metrics": as_map})

    assert one.metrics == other.metrics
    assert one.metrics == (MetricFact(name="auc", value=0.9, n=10), MetricFact(name="f1", value=0.5))


def test_percent_becomes_a_ratio_with_all_that_belongs_to_it() -> None:
    metric = {"name": "recall", "value": 91, "unit": "%", "ci": [90, 92], "threshold": {"op": "gte", "value": 85}}

    (fact,) = only({"kind": "evaluation", "model": "m", "metrics": [metric]}).metrics

    interval = {"ci_low": 0.9, "ci_high": 0.92}
    assert fact == MetricFact(name="recall", value=0.91, unit="ratio", **interval, threshold_op=">=", threshold=0.85)


def test_rows_of_the_whole_are_not_the_rows_of_a_slice() -> None:
    event = {
        "kind": "evaluation",
        "model": "m",
        "dataset": {"name": "holdout", "rows": 800},
        "metrics": [{"name": "auc", "value": 0.9}, {"name": "auc", "value": 0.8, "slice": "FR"}],
    }

    assert [(m.slice, m.n) for m in only(event).metrics] == [("all", 800), ("FR", None)]


def test_more_successes_than_rows_are_refused() -> None:
    metric = {"name": "recall", "value": 0.9, "n": 10, "successes": 50}

    (unmapped,) = normalized({"kind": "evaluation", "model": "m", "metrics": [metric]})

    assert isinstance(unmapped, Unmapped)
    assert "50 successes of 10" in unmapped.reason


@pytest.mark.parametrize("metrics", [{}, [], {"auc": None}, {"auc": "high"}, {"auc": float("nan")}, [0.9], "auc", None])
def test_evaluation_without_a_readable_number_is_refused(metrics: Any) -> None:
    (unmapped,) = normalized({"kind": "evaluation", "model": "m", "metrics": metrics})

    assert isinstance(unmapped, Unmapped)
    assert unmapped.reason.startswith("metrics")


def test_alert_and_its_resolve_have_one_fingerprint() -> None:
    alert = {"kind": "alert", "name": "Nulls", "model": "m", "feature": "spend", "labels": {"team": "growth"}}

    firing = only(alert | {"stage": "prod", "value": 0.4, "severity": "warning"})
    resolved = only(alert | {"stage": "production", "status": "ok", "version": "3"})
    other = only(alert | {"stage": "production", "feature": "age"})

    assert firing.fingerprint == resolved.fingerprint
    assert other.fingerprint != firing.fingerprint


def test_resolve_that_does_not_say_since_when_is_of_the_open_episode() -> None:
    event = {
        "kind": "alert",
        "name": "Nulls",
        "model": "m",
        "status": "resolved",
        "occurred_at": "2026-11-23T09:00:00Z",
    }

    fact = only(event)

    assert (fact.starts_known, fact.starts_at, fact.ends_at) == (False, at(9), at(9))


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"class": "infra", "severity": "critical"}, AlertClass.INFRA),
        ({"slo": "churn-auc", "severity": "info"}, AlertClass.HARD),
        ({"labels": {"class": "drift"}, "severity": "critical"}, AlertClass.DRIFT),
        ({"category": "data quality", "severity": "critical"}, AlertClass.DRIFT),
        ({"severity": "P1"}, AlertClass.HARD),
        ({"labels": {"severity": "critical"}}, AlertClass.HARD),
        ({}, AlertClass.SOFT),
    ],
)
def test_class_of_an_alert_is_stated_or_follows(stated: dict[str, Any], expected: AlertClass) -> None:
    assert only({"kind": "alert", "name": "X", "model": "m"} | stated).alert_class is expected


@pytest.mark.parametrize(
    ("stated", "lookback"),
    [
        ({"for": "10m"}, timedelta(minutes=10)),
        ({"for": 600, "window": "1h"}, timedelta(minutes=70)),
        ({"onset_at": "2026-11-23T07:58:00Z"}, timedelta(minutes=12)),
        ({"onset_at": "2026-11-23T09:00:00Z"}, timedelta(0)),
        ({}, None),
    ],
)
def test_lookback_is_stated_or_the_sum_of_for_and_window(stated: dict[str, Any], lookback: timedelta | None) -> None:
    event = {"kind": "alert", "name": "X", "starts_at": "2026-11-23T08:10:00Z"} | stated

    assert only(event).lookback == lookback


def test_alert_is_kept_when_its_value_is_prose() -> None:
    assert only({"kind": "alert", "name": "X", "value": "4.8%", "threshold": {"odd": 1}}).value is None


def test_given_dedup_key_is_kept_and_a_long_one_is_hashed() -> None:
    event = {"kind": "deployment", "model": "m"}

    short = only(event | {"dedup_key": "ci-118"}).dedup_key
    long = only(event | {"dedup_key": "x" * 300}).dedup_key

    assert short == "ci-118"
    assert long is not None
    assert long.startswith("sha256:")


def test_event_without_time_and_id_may_have_happened_twice() -> None:
    event = {"kind": "change", "change_type": "rule", "model": "m"}

    assert only(event).dedup_key is None
    assert only(event | {"id": "42"}).dedup_key is not None
    assert only(event | {"occurred_at": 1795413600}).dedup_key is not None


@given(st.permutations(list(json.loads((EXAMPLES / "deployment_canary.json").read_text()).items())))
def test_order_of_keys_changes_no_fact(items: list[tuple[str, Any]]) -> None:
    assert normalized(dict(items)) == EXPECTED["deployment_canary"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "kind: missing, it may be version, deployment, change, evaluation, alert"),
        ({"kind": 3}, "kind: got 3, it may be version"),
        ({"kind": "incident"}, "kind incident is not accepted here yet: an incident is opened by a hard alert"),
        ({"kind": "deployment"}, "model: missing (kind deployment)"),
        (
            {"kind": "change", "type": "model", "model": "m"},
            "type: got \"model\", should be 'config', 'rule', 'filter',",
        ),
        ({"kind": "deployment", "model": "m", "traffic": "lots"}, 'traffic: got "lots", should be a valid number'),
        ({"kind": "alert", "name": "X", "for": "a while"}, 'for: got "a while", should be a duration such as 5m'),
        (
            {"kind": "evaluation", "model": "m", "metrics": [{"name": "auc", "value": 0.9, "direction": "left"}]},
            "metrics[0].direction: got \"left\", should be 'higher', 'lower', 'target' or 'none'",
        ),
        ({"kind": "deployment", "model": "m", "step": 10**30}, "step: got 1000000000000000000000000000000, "),
    ],
)
def test_reason_names_the_field_what_it_got_and_what_it_may_be(event: dict[str, Any], reason: str) -> None:
    alone, in_list, in_object = normalized(event), normalized([event]), normalized({"events": [event]})

    assert alone[0].reason.startswith(reason)
    assert in_list[0].reason.startswith("[0]")
    assert reason.partition(":")[0] in in_list[0].reason
    assert in_object[0].reason.startswith("events[0]")


def test_flood_of_nonsense_is_counted_not_listed() -> None:
    facts = normalized([0] * 1000)

    assert len(facts) == 21
    assert facts[-1] == Unmapped("980 more events could not be read, as those above.")


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ([0] * 100_000, "metrics[0]: got 0, should be"),
        ({str(n): 0.5 for n in range(5001)}, "metrics: got [{"),
    ],
)
def test_evaluation_of_more_than_anybody_measures_is_refused_in_one_sentence(metrics: Any, reason: str) -> None:
    (unmapped,) = normalized({"kind": "evaluation", "model": "m", "metrics": metrics})

    assert unmapped.reason.startswith(reason)
    assert "metrics[1]" not in unmapped.reason


def test_empty_list_is_nothing() -> None:
    assert normalized([]) == []


@pytest.mark.parametrize("body", [b"", b"{", b"3", b"null", b'"version"', b"\xff", b"[" + b"0," * 10_000 + b"0]"])
def test_body_that_is_no_event_says_what_to_post(body: bytes) -> None:
    with pytest.raises(MalformedPayload, match="Post "):
        normalized(body)


def test_body_may_begin_with_a_byte_order_mark() -> None:
    body = b"\xef\xbb\xbf" + (EXAMPLES / "version_minimal.json").read_bytes()

    assert normalized(body) == EXPECTED["version_minimal"]


@pytest.mark.parametrize(
    ("event", "valid"),
    [
        ({"kind": "version", "model": "m", "version": 3}, True),
        ({"kind": "version", "model_name": "m", "model_version": "3"}, True),
        ({"kind": "version", "artifact": "pkg:mlflow/m@3"}, True),
        ({"kind": "version", "model": "m"}, False),
        ({"kind": "deployment", "model": "m", "traffic": 140}, False),
        ({"kind": "change", "type": "rule"}, True),
        ({"kind": "change", "change_type": "model"}, False),
        ({"kind": "evaluation", "model": "m", "metrics": {"auc": 0.9}}, True),
        ({"kind": "evaluation", "model": "m", "metrics": []}, False),
        ({"kind": "alert", "alertname": "X", "for": "5m", "class": "hard"}, True),
        ({"kind": "alert", "name": "X", "class": "loud"}, False),
        ({"kind": "ticket"}, False),
        ({"events": [{"kind": "deployment", "model": "m"}]}, True),
    ],
)
def test_schema_tells_good_events_from_bad(event: Any, valid: bool) -> None:
    validator = jsonschema.Draft202012Validator(schema())

    assert validator.is_valid(event) is valid


def test_schema_is_of_2020_12_and_describes_every_kind() -> None:
    document = schema()

    kinds = document["$defs"]["Event"]["discriminator"]["mapping"]
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(kinds) == {"version", "deployment", "change", "evaluation", "alert"}
    for reference in kinds.values():
        model = document["$defs"][reference.rpartition("/")[2]]
        assert model["title"]
        assert model["description"]
    assert document["$defs"]["DeploymentStatus"]["enum"] == list(DeploymentStatus)


def normalized(body: Any) -> Sequence[Any]:
    """Return what becomes of BODY, bytes as they are or JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(SOURCE.normalize(Delivery(source="events", body=raw, received_at=NOW, headers={}, query={})))


def only(event: dict[str, Any]) -> Any:
    """Return the one fact of EVENT."""
    (fact,) = normalized(event)
    assert not isinstance(fact, Unmapped), fact.reason
    return fact
