"""The gate of a stage: what passes, what fails, and what makes it another gate than the one that was shown."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.domain.gates import Gate, gate_from
from bot.ingest.evaluations import know_metrics
from bot.store.queries import comparing
from bot.store.queries.gates import gate, is_there
from bot.store.tables import Change, Decision, Evaluation, MetricValue, Model, Serving, Version

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OF_EVALUATION = {
    "baseline_version",
    "labelled_fraction",
    "suite",
    "suite_version",
    "dataset",
    "dataset_version",
    "window_end",
}
ADHOC = {"suite": "adhoc", "suite_version": None, "dataset": "ds-9"}


@pytest.fixture
def model(db: Session) -> Model:
    """v42 serves; AUC has to be 0.92, latency decides nothing."""
    metrics = {"auc": {"gate": ">= 0.92"}, "latency": {"role": "diagnostic", "direction": "lower", "gate": "<= 30"}}
    return stored(db, Model(name="fraud-scorer", metrics=metrics, created_at=NOW))


@pytest.fixture
def read(db: Session, model: Model) -> Callable[[], Gate]:
    stored(db, Serving(model_id=model.id or 0, stage="production", version="42", traffic_percent=100.0, since=NOW))
    return lambda: gate(db, model, "43", "production")


def stored(db: Session, row: Any) -> Any:
    db.add(row)
    db.flush()
    return row


def measured(db: Session, model: Model, version: str, value: float, metric: str = "auc", **more: Any) -> None:
    given = {"ci_low": value - 0.004, "ci_high": value + 0.004, "n": 41_200, "direction": "higher", "at": NOW, **more}
    kind = given.pop("evaluation_type", "offline")
    about = {"version": version, "evaluation_type": kind, "model_id": model.id}
    key = f"{version}/{metric}/{value}/{more}"
    own = {"suite": "std", "suite_version": "3"} | {name: given.pop(name) for name in OF_EVALUATION & given.keys()}
    row = stored(db, Evaluation(source="evals", dedup_key=key, occurred_at=NOW, received_at=NOW, **about, **own))
    one = MetricValue(evaluation_id=row.id, metric=metric, value=value, **about, **given)
    stored(db, one)
    know_metrics(db, model, [one])


def test_what_keeps_its_gate_and_is_no_worse_passes(db: Session, model: Model, read: Callable[[], Gate]) -> None:
    measured(db, model, "42", 0.912)
    measured(db, model, "43", 0.934)

    (row,) = read().rows

    assert (row.before, row.value, row.verdict, row.passes) == (0.912, 0.934, "improved", True)
    assert (row.threshold_op, row.threshold) == (">=", 0.92)
    assert (read().incumbent, read().suite) == ("42", "suite std 3")


@pytest.mark.parametrize(
    ("before", "after", "more", "passes"),
    [
        (0.95, 0.93, {}, False),  # keeps its gate, and is worse than what serves
        (0.90, 0.91, {}, False),  # better than what serves, and misses its gate
        (0.93, 0.931, {}, True),  # no difference that shows, and keeps its gate
        (0.93, 0.931, {"metric": "f1"}, None),  # no difference that shows, and no gate
        (0.93, 0.96, {"metric": "f1"}, True),
        (0.96, 0.93, {"metric": "f1"}, False),
        (0.96, 0.93, {"metric": "f1", "ci_low": None, "ci_high": None, "n": None}, None),  # nobody can say
        (0.90, 0.80, {"slice": "country=BR", "threshold_op": ">=", "threshold": 0.86}, False),
        (0.90, 0.91, {"slice": "country=BR"}, True),  # the gate is of the whole
        (20.0, 40.0, {"metric": "latency"}, None),  # a diagnostic metric
        (
            0.90,
            0.91,
            {"metric": "f1", "threshold_op": "~", "threshold": 0.5},
            True,
        ),  # an operator that somebody made up
    ],
)
def test_what_decides(
    db: Session,
    model: Model,
    read: Callable[[], Gate],
    before: float,
    after: float,
    more: dict[str, Any],
    passes: bool | None,
) -> None:
    measured(db, model, "42", before, **more)
    measured(db, model, "43", after, **more)

    assert [row.passes for row in read().rows if row.value is not None] == [passes]


def test_what_the_other_was_not_measured_by_is_held_against_its_gate_alone(
    db: Session, model: Model, read: Callable[[], Gate]
) -> None:
    measured(db, model, "43", 0.91)

    (row,) = read().rows

    assert (row.before, row.passes) == (None, False)


def test_a_version_that_nobody_measured_passes_no_gate(read: Callable[[], Gate]) -> None:
    (row,) = read().rows

    assert (row.metric, row.value, row.before, row.outcome, row.passes) == ("auc", None, None, "not measured", False)
    assert (row.threshold_op, row.threshold) == (">=", 0.92)
    assert not read().measured


@pytest.mark.parametrize(
    ("metric", "more", "missing"),
    [
        ("auc", {}, []),
        ("val_auc", {}, []),  # the same metric, called otherwise
        ("auc", {"evaluation_type": "shadow"}, []),
        ("f1", {}, ["auc"]),
        ("auc", {"slice": "country=BR"}, ["auc"]),  # the gate is of the whole
    ],
)
def test_each_configured_gate_has_to_be_measured(
    db: Session, model: Model, read: Callable[[], Gate], metric: str, more: dict[str, Any], missing: list[str]
) -> None:
    measured(db, model, "42", 0.93)
    measured(db, model, "43", 0.934, metric, **more)

    rows = [row for row in read().rows if row.value is None]

    assert [row.metric for row in rows] == missing
    assert [(row.before, row.passes) for row in rows] == [(0.93, False) for _ in missing]


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({"threshold_op": ">=", "threshold": 0.86}, ["country=BR"]),
        ({}, []),  # nothing to keep
        ({"threshold_op": "~", "threshold": 0.86}, []),
        ({"threshold_op": ">=", "threshold": 0.86, "role": "diagnostic"}, []),
        ({"threshold_op": ">=", "threshold": 0.86, "evaluation_type": "live"}, []),  # where only what serves can be
    ],
)
def test_a_slice_that_what_serves_had_to_keep_has_to_be_measured(
    db: Session, model: Model, read: Callable[[], Gate], more: dict[str, Any], missing: list[str]
) -> None:
    measured(db, model, "42", 0.87, slice="country=BR", **more)
    measured(db, model, "43", 0.934)

    rows = [row for row in read().rows if row.value is None]

    assert [row.slice for row in rows] == missing
    assert [(row.before, row.threshold, row.passes) for row in rows] == [(0.87, 0.86, False) for _ in missing]


def test_what_still_waits_for_labels_passes_no_gate(db: Session, model: Model, read: Callable[[], Gate]) -> None:
    measured(db, model, "43", 0.95, evaluation_type="shadow", labelled_fraction=0.1)

    early, missing = read().rows

    assert (early.provisional, early.passes) == (True, None)
    assert (missing.metric, missing.outcome, missing.passes) == ("auc", "not measured", False)


def test_what_serves_is_the_baseline_whatever_the_sender_compared_with(
    db: Session, model: Model, read: Callable[[], Gate]
) -> None:
    measured(db, model, "42", 0.96)
    paired = {"ci_low": None, "ci_high": None, "n": 800, "baseline_only": 10, "candidate_only": 90}
    measured(db, model, "43", 0.93, baseline_version="41")
    measured(db, model, "42", 0.9, "accuracy", n=800)
    measured(db, model, "43", 0.8, "accuracy", baseline_version="41", **paired)

    assert [(row.metric, row.verdict) for row in read().rows] == [("accuracy", "regressed"), ("auc", "regressed")]


def test_many_live_values_do_not_hide_what_was_measured_offline(
    db: Session, model: Model, read: Callable[[], Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "READ", 3)
    measured(db, model, "43", 0.934)
    for hour in range(1, 5):
        measured(db, model, "43", 0.93, at=NOW + timedelta(hours=hour), evaluation_type="live")

    assert {row.evaluation_type for row in read().rows} == {"live", "offline"}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, ""),
        ({"suite": "adhoc"}, "suite adhoc against std"),
        ({"dataset": "payments", "dataset_version": "ds-9"}, "dataset version ds-9 against ds-5"),
        ({"dataset": "payments"}, ""),  # nothing that both state differs
        ({"suite": "adhoc", "ci_low": None, "ci_high": None}, "suite adhoc against std"),
    ],
)
def test_values_on_different_data_say_so(
    db: Session, model: Model, read: Callable[[], Gate], more: dict[str, Any], why: str
) -> None:
    measured(db, model, "42", 0.912, dataset="payments", dataset_version="ds-5")
    measured(db, model, "43", 0.934, **more)

    (row,) = read().rows

    assert (row.incomparable, row.before) == (why, 0.912)


STANDARD = "suite std 3"


@pytest.mark.parametrize(
    ("others", "ours", "marked"),
    [
        ([("42", {})], [{}], None),
        ([("42", {})], [ADHOC], ("suite adhoc, data ds-9", STANDARD)),
        ([("42", {})], [{"suite": None, "suite_version": None}], ("", STANDARD)),
        ([("42", {})], [{"suite_version": "4"}], ("suite std 4", STANDARD)),
        ([("41", {"suite_version": "2"}), ("42", {})], [{}], None),  # as it was last used
        ([("41", {"suite": "std-3"}), ("42", {"suite": "std-4"})], [{"suite": "std-4"}], None),  # a version in the name
        ([("42", ADHOC), ("41", {}), ("40", {})], [{}], None),  # what serves was the exception
        ([("42", {"dataset": "a"}), ("42", {"dataset": "b"})], [{"dataset": "a"}, {"dataset": "b"}], None),
        ([("42", {}), ("41", ADHOC)], [{"suite": "third"}], None),  # no more than half: there is no standard
        ([("42", {"evaluation_type": "live"})], [ADHOC], None),
        ([], [ADHOC], None),
    ],
)
def test_what_is_not_the_suite_of_most_other_versions_is_named(
    db: Session,
    model: Model,
    read: Callable[[], Gate],
    others: list[tuple[str, dict[str, Any]]],
    ours: list[dict[str, Any]],
    marked: tuple[str, str] | None,
) -> None:
    for version, more in others:
        measured(db, model, version, 0.93, **more)
    for nth, more in enumerate(ours):
        measured(db, model, "43", 0.93, "auc" if nth == 0 else "f1", **more)

    assert read().off_standard == marked


@pytest.mark.parametrize(
    ("more", "days"),
    [
        ({"window_end": NOW - timedelta(days=61)}, 61),
        ({"window_end": NOW + timedelta(days=2)}, 0),
        ({"dataset_version": "2026-11-12"}, 10),
        ({"dataset_version": "ds-41"}, 0),
        ({"window_end": NOW - timedelta(days=61), "evaluation_type": "shadow"}, 0),
    ],
)
def test_evaluation_data_that_ends_before_the_training_data_is_counted(
    db: Session, model: Model, read: Callable[[], Gate], more: dict[str, Any], days: int
) -> None:
    measured(db, model, "43", 0.93, **more)
    unknown = read().days_behind

    stored(db, Version(model_id=model.id or 0, name="43", data_until=NOW))

    assert (unknown, read().days_behind) == (0, days)


def test_environments_are_named_where_both_are_known_and_differ(
    db: Session, model: Model, read: Callable[[], Gate]
) -> None:
    new = stored(db, Version(model_id=model.id or 0, name="43", env_ref="numpy-2"))
    unknown = read().environments
    old = stored(db, Version(model_id=model.id or 0, name="42", env_ref="numpy-1"))
    differ = read().environments
    old.env_ref = new.env_ref
    stored(db, old)

    assert (unknown, differ, read().environments) == (None, ("numpy-1", "numpy-2"), None)


def evaluated_again(db: Session, model: Model) -> None:
    measured(db, model, "43", 0.915, at=NOW + timedelta(hours=1))


def incumbent_evaluated(db: Session, model: Model) -> None:
    measured(db, model, "42", 0.92)


def marked_bad(db: Session, model: Model) -> None:
    stored(db, Decision(model_id=model.id, kind="marked_bad", version="43", by="U02BOB", at=NOW, reason="label leak"))


def other_serves(db: Session, model: Model) -> None:
    row = db.exec(select(Serving).where(Serving.version == "42")).one()
    row.version = "44"
    stored(db, row)


def other_gate(db: Session, model: Model) -> None:
    model.metrics = {"auc": {"gate": ">= 0.95"}}
    stored(db, model)


@pytest.mark.parametrize("change", [evaluated_again, incumbent_evaluated, marked_bad, other_serves, other_gate])
def test_another_gate_has_another_digest(
    db: Session, model: Model, read: Callable[[], Gate], change: Callable[[Session, Model], None]
) -> None:
    measured(db, model, "43", 0.934)
    before = read().digest
    assert read().digest == before

    change(db, model)

    assert read().digest != before


def test_what_was_approved_is_kept_as_it_was(db: Session, model: Model, read: Callable[[], Gate]) -> None:
    stored(db, Version(model_id=model.id or 0, name="42", env_ref="numpy-1"))
    stored(db, Version(model_id=model.id or 0, name="43", env_ref="numpy-2"))
    measured(db, model, "42", 0.912)
    measured(db, model, "43", 0.934, **ADHOC)
    found = read()

    assert found.off_standard
    assert found.environments
    assert gate_from(json.loads(json.dumps(found.kept))) == found


def test_a_version_is_there_when_nothing_else_serves(db: Session, model: Model, read: Callable[[], Gate]) -> None:
    alone = is_there(db, model, "42", "production")
    stored(db, Serving(model_id=model.id or 0, stage="production", version="43", traffic_percent=10.0, since=NOW))

    assert alone
    assert not is_there(db, model, "42", "production")
    assert not is_there(db, model, "42", "staging")


def redefined(db: Session, model: Model, said: str, at: datetime) -> None:
    given = {"source": "cli", "dedup_key": said, "occurred_at": at, "received_at": at}
    stored(db, Change(model_id=model.id, change_type="metric_definition", summary=said, **given))


@pytest.mark.parametrize("said", ["churn_rate: 30 days now", "Returns: 30 days now", "latency per call"])
def test_a_new_definition_of_another_metric_leaves_the_rest_comparable(
    db: Session, model: Model, read: Callable[[], Gate], said: str
) -> None:
    model.metrics = model.metrics | {"returned": {"title": "returns"}}
    day = timedelta(days=1)
    measured(db, model, "42", 0.912, at=NOW - 2 * day)
    measured(db, model, "42", 0.03, "churn_rate", evaluation_type="live", at=NOW - 2 * day)
    redefined(db, model, said, NOW - day)
    measured(db, model, "43", 0.934)

    assert [row.incomparable for row in read().rows if row.metric == "auc"] == [""]


def test_a_new_definition_is_of_a_metric_with_any_split(db: Session, model: Model, read: Callable[[], Gate]) -> None:
    day = timedelta(days=1)
    measured(db, model, "42", 0.912, "val_auc", at=NOW - 2 * day)
    redefined(db, model, "auc counts returns", NOW - day)
    measured(db, model, "43", 0.934, "val_auc")

    assert [row.incomparable for row in read().rows if row.metric == "val_auc"] == ["redefined 22 Nov"]


def test_metrics_that_differ_only_in_their_split_are_compared(
    db: Session, model: Model, read: Callable[[], Gate]
) -> None:
    measured(db, model, "42", 0.95, "auc")
    measured(db, model, "43", 0.93, "val_auc")

    (row,) = (row for row in read().rows if row.value is not None)

    assert (row.metric, row.before, row.verdict) == ("val_auc", 0.95, "regressed")
