"""Alertmanager: exact facts of every recorded notification, and what becomes of a damaged one."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import integrations.alertmanager
from bot.domain.errors import MalformedPayload, UnsupportedEvent
from bot.domain.facts import AlertClass, AlertFact, AlertStatus, Severity, Unmapped
from bot.ports import Delivery
from integrations.alertmanager import SOURCE, fingerprint_of

EXAMPLES = Path(integrations.alertmanager.__file__).parent / "examples"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

CHURN_GROUP = '{}:{alertname="%s", model="churn-scorer", model_version="2", stage="production"}'
LATENCY_STARTS = datetime(2026, 11, 23, 5, 41, 28, 529000, tzinfo=UTC)
LATENCY = AlertFact(
    fingerprint="561b4220ccfe7cbb",
    name="ModelLatencyHigh",
    status=AlertStatus.FIRING,
    starts_at=LATENCY_STARTS,
    model="churn-scorer",
    version="2",
    stage="production",
    severity=Severity.CRITICAL,
    alert_class=AlertClass.HARD,
    category="latency",
    summary="p99 latency of churn-scorer above 400 ms",
    runbook_url="https://runbooks.example.com/churn/latency",
    dashboard_url="https://grafana.example.com/d/churn",
    source_url="http://prometheus.example.com/graph?g0.expr=x&g0.tab=1",
    labels={
        "alertname": "ModelLatencyHigh",
        "cluster": "eu-1",
        "model": "churn-scorer",
        "model_version": "2",
        "namespace": "ml-serving",
        "severity": "critical",
        "stage": "production",
        "team": "growth-ml",
    },
    upstream_group=CHURN_GROUP % "ModelLatencyHigh",
)
ERRORS = AlertFact(
    fingerprint="e303b7de65b62bfe",
    name="ModelErrorRateHigh",
    status=AlertStatus.FIRING,
    starts_at=datetime(2026, 11, 23, 5, 48, 15, 720000, tzinfo=UTC),
    model="churn-scorer",
    version="2",
    stage="production",
    severity=Severity.CRITICAL,
    alert_class=AlertClass.HARD,
    category="errors",
    summary="churn-scorer v2: 4.8% of requests fail",
    value=0.048,
    threshold=0.02,
    runbook_url="https://runbooks.example.com/model-error-rate",
    source_url="http://prometheus.example.com/graph?g0.expr=model%3Arequest_error_ratio+%3E+0.02&g0.tab=1",
    labels={
        "alertname": "ModelErrorRateHigh",
        "cluster": "eu-1",
        "model": "churn-scorer",
        "model_version": "2",
        "severity": "critical",
        "stage": "production",
        "team": "growth-ml",
    },
    upstream_group=CHURN_GROUP % "ModelErrorRateHigh",
)
SECOND_INSTANCE = replace(
    LATENCY,
    fingerprint="c043c9bcde370f1f",
    labels=LATENCY.labels | {"instance": "churn-7d9f:8080"},
)
DRIFT = AlertFact(
    fingerprint="bd21f7463b2f73c1",
    name="FeatureDriftHigh",
    status=AlertStatus.FIRING,
    starts_at=datetime(2026, 11, 23, 5, 46, 15, 561000, tzinfo=UTC),
    model="churn-scorer",
    stage="production",
    severity=Severity.WARNING,
    alert_class=AlertClass.DRIFT,
    category="drift",
    feature="spend",
    summary="PSI of spend is 0.41 (limit 0.2)",
    value=0.41,
    source_url="http://prometheus.example.com/graph?g0.expr=x&g0.tab=1",
    labels={
        "alertname": "FeatureDriftHigh",
        "feature": "spend",
        "model": "churn-scorer",
        "severity": "warning",
        "stage": "production",
    },
    upstream_group='{}:{alertname="FeatureDriftHigh", model="churn-scorer", stage="production"}',
)
MINIMAL = AlertFact(
    fingerprint="d763ff7de8704ade",
    name="X",
    status=AlertStatus.FIRING,
    starts_at=datetime(2026, 11, 23, 5, 47, 1, 618000, tzinfo=UTC),
    source_url="http://prometheus.example.com/graph?g0.expr=x&g0.tab=1",
    labels={"alertname": "X", "bucket": "fail"},
    upstream_group='{}/{bucket="fail"}:{alertname="X"}',
)
UNICODE = AlertFact(
    fingerprint="a64d1dc7084465c2",
    name="Données_manquantes",
    status=AlertStatus.FIRING,
    starts_at=datetime(2026, 11, 23, 5, 47, 21, 629000, tzinfo=UTC),
    model="détecteur-é",
    stage="production",
    severity=Severity.CRITICAL,
    alert_class=AlertClass.HARD,
    summary="Taux de valeurs manquantes 37 % — « spend »",
    source_url="http://prometheus.example.com/graph?g0.expr=x&g0.tab=1",
    labels={
        "alertname": "Données_manquantes",
        "model": "détecteur-é",
        "severity": "critical",
        "stage": "production",
    },
    upstream_group='{}:{alertname="Données_manquantes", model="détecteur-é", stage="production"}',
)


def resolved(fact: AlertFact, *time_of_day: int) -> AlertFact:
    """Return FACT as its source says that it ended."""
    return replace(fact, status=AlertStatus.RESOLVED, ends_at=datetime(2026, 11, 23, *time_of_day, tzinfo=UTC))


def storm(numbers: range, bucket: str, unlisted: int = 0) -> list[AlertFact]:
    """Return the alerts of the recorded storms: one model each, all alike."""
    facts = []
    for number in numbers:
        labels = {
            "alertname": "ModelErrorRateHigh",
            "bucket": bucket,
            "instance": f"i{number:02}",
            "model": f"m{number:02}",
            "model_version": "1",
            "severity": "critical",
            "stage": "production",
        }
        facts.append(
            AlertFact(
                fingerprint=fingerprint_of(labels),
                name="ModelErrorRateHigh",
                status=AlertStatus.FIRING,
                starts_at=LATENCY_STARTS,
                model=f"m{number:02}",
                version="1",
                stage="production",
                severity=Severity.CRITICAL,
                alert_class=AlertClass.HARD,
                category="errors",
                summary=f"5xx of m{number:02} above 2 %",
                source_url="http://prometheus.example.com/graph?g0.expr=x&g0.tab=1",
                labels=labels,
                upstream_group=f'{{}}/{{bucket="{bucket}"}}:{{alertname="ModelErrorRateHigh"}}',
                unlisted=unlisted,
            )
        )
    return facts


def cut_off_and_resolved() -> list[AlertFact]:
    """Return what is left of 50 alerts in a body that says `resolved` while 40 of them fire."""
    first, *others = storm(range(10), "storm-trunc", unlisted=40)
    return [resolved(first, 5, 46, 41, 597000), *(resolved(f, 5, 46, 41, 598000) for f in others)]


EXPECTED = {
    "all_resolved_only_the_rest_listed": [resolved(LATENCY, 5, 45, 42, 550000)],
    "drift_alert_without_model_version": [DRIFT],
    "from_prometheus_rule_firing": [ERRORS],
    "from_prometheus_rule_resolved": [resolved(ERRORS, 5, 48, 32, 720000)],
    "minimal_labels_no_annotations": [MINIMAL],
    "one_of_two_resolved": [resolved(SECOND_INSTANCE, 5, 45, 37, 547000), LATENCY],
    "repeat_notification_byte_identical": [
        replace(LATENCY, starts_at=datetime(2026, 11, 23, 5, 45, 47, 554000, tzinfo=UTC))
    ],
    "second_alert_joins_group": [SECOND_INSTANCE, LATENCY],
    "single_firing": [LATENCY],
    "storm_10_of_50_resolved": [
        *(resolved(f, 5, 46, 27, 577000) for f in storm(range(10), "storm")),
        *storm(range(10, 50), "storm"),
    ],
    "storm_50_first_flush_has_22": storm(range(22), "storm"),
    "storm_50_second_flush_has_50": storm(range(50), "storm"),
    "truncated_30_more": storm(range(10, 20), "storm-trunc", unlisted=30),
    "truncated_50_of_which_10_sent_firing": storm(range(10), "storm-trunc", unlisted=40),
    "truncated_says_resolved_while_40_still_fire": cut_off_and_resolved(),
    "unicode_and_5000_char_description": [UNICODE],
}


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_recorded_notification_becomes_exactly_these_facts(file: Path) -> None:
    assert normalized(recorded(file.stem)) == EXPECTED[file.stem.removeprefix("webhook_")]


def test_fingerprint_is_the_one_that_alertmanager_computes() -> None:
    alerts = [alert for file in EXAMPLES.glob("*.json") for alert in recorded(file.stem)["alerts"]]

    assert len(alerts) > 150
    assert all(fingerprint_of(alert["labels"]) == alert["fingerprint"] for alert in alerts)


def test_missing_fingerprint_is_computed_from_the_labels() -> None:
    body = recorded("webhook_single_firing")
    del body["alerts"][0]["fingerprint"]

    assert normalized(body) == [LATENCY]


def test_status_of_the_body_is_never_read() -> None:
    body = recorded("webhook_single_firing")
    body["status"] = "resolved"

    assert normalized(body) == [LATENCY]


def test_fields_of_newer_versions_are_ignored() -> None:
    body = recorded("webhook_single_firing") | {"notification_reason": "repeat interval elapsed", "routeLabels": {}}
    body["alerts"][0]["somethingNew"] = {"deep": [1]}

    assert normalized(body) == [LATENCY]


def test_api_and_webhook_name_an_episode_alike() -> None:
    """The API answers in milliseconds, `2026-11-23T05:41:28.529Z`, what the webhook gives in microseconds."""
    body = recorded("webhook_single_firing")
    body["alerts"][0]["startsAt"] = "2026-11-23T06:41:28.529+01:00"

    assert normalized(body) == [LATENCY]


@pytest.mark.parametrize(
    ("annotations", "lookback"),
    [
        ({}, None),
        ({"for": "5m"}, timedelta(minutes=5)),
        ({"window": "1h30m"}, timedelta(minutes=90)),
        ({"for": "10m", "window": "1h 0m 0s"}, timedelta(minutes=70)),
        ({"for": "5 minutes", "window": "30s"}, timedelta(seconds=30)),
        ({"for": "for ever", "window": "900000y"}, None),
    ],
)
def test_trouble_may_have_begun_for_and_window_earlier(annotations: dict[str, str], lookback: timedelta | None) -> None:
    assert only(with_alert(annotations=annotations)).lookback == lookback


@pytest.mark.parametrize("text", ["4.8%", "NaN", "+Inf", "", "high", "1e999"])
def test_value_that_is_no_plain_number_is_unknown(text: str) -> None:
    fact = only(with_alert(annotations={"value": text, "threshold": "0.2", "unit": "ratio"}))

    assert (fact.value, fact.threshold, fact.unit) == (None, 0.2, "ratio")


def test_summary_falls_back_to_the_description_and_is_one_short_line() -> None:
    fact = only(with_alert(annotations={"description": "Nulls in\n  spend " + "👩‍🔬" * 300}))

    assert fact.summary.startswith("Nulls in spend 👩‍🔬")
    assert fact.summary.endswith("👩‍🔬…")
    assert 490 < len(fact.summary) <= 500


def test_link_that_no_button_may_carry_is_left_out() -> None:
    fact = only(
        with_alert(
            annotations={"runbook_url": "javascript:alert(1)", "dashboard_url": "wiki: churn"},
            generatorURL="https://prometheus.example.com/" + "x" * 3000,
        )
    )

    assert (fact.runbook_url, fact.dashboard_url, fact.source_url) == (None, None, None)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"severity": "critical"}, AlertClass.HARD),
        ({"severity": "P1", "class": "infra"}, AlertClass.INFRA),
        ({"severity": "info", "slo": "churn-auc"}, AlertClass.HARD),
        ({"severity": "critical", "category": "data_quality"}, AlertClass.DRIFT),
        ({"severity": "warning"}, AlertClass.SOFT),
        ({"severity": "apocalyptic"}, AlertClass.SOFT),
    ],
)
def test_labels_decide_how_an_alert_interrupts_people(labels: dict[str, str], expected: AlertClass) -> None:
    assert only(with_alert(labels={"alertname": "X"} | labels)).alert_class is expected


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ({"model": "churn", "version": "v3", "env": "prod"}, ("churn", "3", "production")),
        ({"version": "3", "stage": "Canary"}, (None, None, "canary")),
        ({"model_name": "churn", "model_version": "default"}, ("churn", None, None)),
        ({"inferenceservice": "churn", "environment": "eu-test"}, ("churn", None, "eu-test")),
    ],
)
def test_labels_of_serving_systems_are_folded(
    labels: dict[str, str], named: tuple[str | None, str | None, str | None]
) -> None:
    fact = only(with_alert(labels={"alertname": "X"} | labels))

    assert (fact.model, fact.version, fact.stage) == named


def test_unknown_status_neither_fires_nor_resolves() -> None:
    assert only(with_alert(status="pending")).status is AlertStatus.UNKNOWN


def test_one_bad_alert_is_named_and_the_others_count() -> None:
    body = recorded("webhook_second_alert_joins_group")
    body["alerts"].insert(1, {"status": "firing", "labels": {"alertname": "Bad"}, "startsAt": "soon"})
    body["alerts"].append(7)

    first, second, bad, number = normalized(body)

    assert [first, second] == [SECOND_INSTANCE, LATENCY]
    assert isinstance(bad, Unmapped)
    assert bad.reason.startswith("alerts[1] (Bad): startsAt: got 'soon', ")
    assert number == Unmapped("alerts[3]: got 7, input should be an object")


def test_unreadable_number_of_missing_alerts_is_not_zero() -> None:
    body = recorded("webhook_single_firing") | {"truncatedAlerts": "some"}

    fact, unmapped = normalized(body)

    assert fact == replace(LATENCY, unlisted=1)
    assert isinstance(unmapped, Unmapped)
    assert unmapped.reason.startswith("truncatedAlerts: got 'some'")


def test_flood_of_nonsense_is_counted_not_listed() -> None:
    facts = normalized({"alerts": [0] * 1000})

    assert len(facts) == 21
    assert facts[-1] == Unmapped("alerts: 980 more could not be read, as those above.")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "no list `alerts`"),
        (b"[]", "no list `alerts`"),
        (b'{"alerts": null}', "no list `alerts`"),
        (b'{"receiver": "bot", "alerts": [{"st', "is not JSON"),
        (b"", "is not JSON"),
        (b'{"alerts": [' + b"0," * 20_000 + b"0]}", "20001 alerts in a body"),
    ],
)
def test_body_that_is_no_notification_says_what_to_do(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedPayload, match=reason) as raised:
        SOURCE.normalize(delivery(body))

    assert any(advice in str(raised.value) for advice in ("Use a plain", "check the receiver", "Set `max_alerts`"))


def test_notification_without_alerts_is_quiet() -> None:
    with pytest.raises(UnsupportedEvent):
        normalized({"version": "4", "alerts": []})


def test_an_alert_among_a_thousand_takes_as_few_steps_as_one_among_ten() -> None:
    steps(1)  # what it looks up once

    few, many = steps(10) / 10, steps(1000) / 1000

    assert many <= few < 80  # 54 on Python 3.11


def steps(count: int) -> int:
    """Return how many functions are called to read so many alerts of one body."""
    alert = recorded("webhook_from_prometheus_rule_firing")["alerts"][0]
    alerts = [
        alert | {"labels": alert["labels"] | {"model": f"m{n}"}, "fingerprint": f"{n:016x}"} for n in range(count)
    ]
    body = delivery(json.dumps({"version": "4", "groupKey": "{}", "alerts": alerts}).encode())
    called: Counter[str] = Counter()
    sys.setprofile(lambda _frame, event, _arg: called.update([event]))
    try:
        facts = SOURCE.normalize(body)
    finally:
        sys.setprofile(None)
    assert len(facts) == count
    return called["call"] + called["c_call"]


def recorded(stem: str) -> dict[str, Any]:
    """Return the body of a recorded notification."""
    body = json.loads((EXAMPLES / f"{stem}.json").read_text())["body"]
    assert isinstance(body, dict)
    return body


def with_alert(**changes: Any) -> dict[str, Any]:
    """Return a notification of one alert with CHANGES."""
    body = recorded("webhook_minimal_labels_no_annotations")
    body["alerts"][0] |= changes
    return body


def normalized(body: dict[str, Any]) -> Sequence[object]:
    """Return what becomes of BODY."""
    return list(SOURCE.normalize(delivery(json.dumps(body).encode())))


def only(body: dict[str, Any]) -> AlertFact:
    """Return the one fact in BODY."""
    (fact,) = normalized(body)
    assert isinstance(fact, AlertFact)
    return fact


def delivery(body: bytes) -> Delivery:
    """Return BODY as it arrives."""
    return Delivery(source="alertmanager", body=body, received_at=NOW, headers={}, query={})
