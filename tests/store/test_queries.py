from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event
from sqlmodel import Session

from bot.ingest.evaluations import know_metrics
from bot.store.projection import touch
from bot.store.queries.alerts import features_of, last_verdicts, open_groups, sample
from bot.store.queries.changes import changes_before, undone_by
from bot.store.queries.directory import channel_ids, user_ids
from bot.store.queries.incidents import final_incident, models_in_trouble, next_log, open_incidents, timeline
from bot.store.queries.metrics import DEPTH, first_matured, newest_matured, newest_values
from bot.store.queries.models import WayBack, all_models, live, model_by_name, previous_version, way_back
from bot.store.queries.proposals import stages_of
from bot.store.queries.sources import hearing, unmapped
from bot.store.tables import (
    Alert,
    AlertGroup,
    Change,
    Delivery,
    Directory,
    Evaluation,
    Heartbeat,
    Incident,
    MetricValue,
    Model,
    Serving,
    TimelineEntry,
    Triage,
)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def add(db: Session, row: Any) -> Any:
    db.add(row)
    db.flush()
    return row


def model(db: Session, name: str = "fraud-scorer", **more: Any) -> Model:
    return add(db, Model(name=name, created_at=NOW, **more))


def serving(
    db: Session, owner: Model, version: str, since: datetime, until: datetime | None = None, **more: Any
) -> None:
    add(
        db,
        Serving(
            model_id=owner.id, stage=more.pop("stage", "production"), version=version, since=since, until=until, **more
        ),
    )


def change(db: Session, owner: Model | None, at: datetime, **more: Any) -> Change:
    given = {"change_type": "feature", "source": "events", "dedup_key": f"{at}{owner}{more}", **more}
    return add(db, Change(model_id=owner.id if owner else None, occurred_at=at, received_at=at, **given))


def group(db: Session, owner: Model | None, symptom: str = "Drift", **more: Any) -> AlertGroup:
    given = {"channel": "#ml", "alert_class": "soft", "severity": "warning", "status": "firing", **more}
    return add(
        db, AlertGroup(model_id=owner.id if owner else None, symptom=symptom, opened_at=NOW, recorded_at=NOW, **given)
    )


def incident(db: Session, owner: Model | None, **more: Any) -> Incident:
    given = {"title": "t", "severity": "sev2", "status": "investigating", "channel": "#ml", **more}
    return add(db, Incident(model_id=owner.id if owner else None, onset_at=NOW, opened_at=NOW, **given))


def measured(db: Session, owner: Model, metric: str, value: float, at: datetime, **more: Any) -> None:
    kind, fraction = more.pop("evaluation_type", "live"), more.pop("labelled_fraction", None)
    evaluation = add(
        db,
        Evaluation(
            source="evals",
            dedup_key=f"{metric}{at}{value}{more}{kind}",
            model_id=owner.id,
            evaluation_type=kind,
            version=more.get("version"),
            labelled_fraction=fraction,
            occurred_at=at,
            received_at=at,
        ),
    )
    value_row = add(
        db,
        MetricValue(
            evaluation_id=evaluation.id,
            model_id=owner.id,
            metric=metric,
            value=value,
            at=at,
            evaluation_type=kind,
            **more,
        ),
    )
    know_metrics(db, owner, [value_row])


def test_a_model_is_found_whatever_its_letter_case(db: Session) -> None:
    model(db, "Fraud")
    exact = model(db, "fraud")
    model(db, "old", retired_at=NOW)

    assert model_by_name(db, "fraud") == exact
    assert model_by_name(db, "FRAUD") is not None
    assert model_by_name(db, "nobody") is None
    assert [m.name for m in all_models(db)] == ["Fraud", "fraud"]


def test_what_serves_now_has_production_and_most_traffic_first(db: Session) -> None:
    owner = model(db)
    serving(db, owner, "40", NOW - 9 * DAY, NOW - DAY)
    serving(db, owner, "43", NOW, stage="canary")
    serving(db, owner, "42", NOW, traffic_percent=10.0)
    serving(db, owner, "41", NOW - DAY, traffic_percent=90.0)

    assert [s.version for s in live(db, owner)] == ["41", "42", "43"]
    assert previous_version(db, owner.id or 0, stage="production", version="42", bad=()) == "41"


def test_what_serves_now_follows_the_stages_of_the_model(db: Session) -> None:
    owner = model(db, stages=["lab", "canary", "fleet"])
    for version, stage in (("1", "production"), ("2", "fleet"), ("3", "lab"), ("4", "canary")):
        serving(db, owner, version, NOW, stage=stage)

    assert [s.stage for s in live(db, owner)] == ["fleet", "canary", "lab", "production"]
    assert stages_of(db, owner) == ["lab", "canary", "fleet", "production"]


def test_the_way_back_is_the_same_after_it_was_taken_but_no_longer_live(db: Session) -> None:
    owner = model(db)
    serving(db, owner, "41", NOW - 9 * DAY, NOW - HOUR)
    bad = add(db, Serving(model_id=owner.id, stage="production", version="42", since=NOW - HOUR))
    opened = incident(db, owner)
    before = way_back(db, opened)
    bad.until = NOW + HOUR
    serving(db, owner, "41", NOW + HOUR)

    after = way_back(db, opened)

    assert before is not None
    assert after is not None
    assert (before.version, before.previous, before.live) == ("42", "41", True)
    assert (after.version, after.previous, after.live) == ("42", "41", False)


def test_the_way_back_of_a_canary_is_the_version_that_has_the_rest(db: Session) -> None:
    owner = model(db)
    serving(db, owner, "41", NOW - 9 * DAY, NOW - HOUR, traffic_percent=100.0)
    serving(db, owner, "42", NOW - HOUR, traffic_percent=10.0)
    serving(db, owner, "41", NOW - HOUR, traffic_percent=90.0)
    rollout = change(db, owner, NOW - HOUR, change_type="model", version="42", previous_version="41")

    found = way_back(db, incident(db, owner, suspect_change_id=rollout.id))

    assert found is not None
    assert (found.version, found.previous, found.live) == ("42", "41", True)


def test_no_way_goes_back_to_what_users_never_saw(db: Session) -> None:
    owner = model(db)
    for version, days, share in (("41", 9, 100.0), ("44", 7, 0.0), ("42", 5, 0.0), ("43", 3, 100.0)):
        serving(db, owner, version, NOW - days * DAY, NOW - DAY, traffic_percent=share)
    serving(db, owner, "44", NOW - DAY, traffic_percent=100.0)
    broken = incident(db, owner)

    found = [previous_version(db, owner.id or 0, stage="production", version=one, bad=()) for one in ("43", "44")]

    assert found == ["41", "43"]
    assert way_back(db, broken) == WayBack(owner.id or 0, "production", "44", "43", live=True)


def test_there_is_no_way_back_from_the_first_version(db: Session) -> None:
    owner = model(db)
    serving(db, owner, "1", NOW - DAY)

    assert way_back(db, incident(db, owner)) is None
    assert way_back(db, incident(db, None)) is None


def test_changes_before_are_of_the_model_its_dependencies_and_of_all(db: Session) -> None:
    feed, other = model(db, "feed"), model(db, "other")
    owner = model(db, depends_on=["feed", "unknown"])
    change(db, owner, NOW - HOUR, summary="own")
    change(db, feed, NOW - 2 * HOUR, summary="feed")
    change(db, None, NOW - 3 * HOUR, summary="all")
    change(db, other, NOW - HOUR, summary="other")
    change(db, owner, NOW - 73 * HOUR, summary="old")
    change(db, owner, NOW + HOUR, summary="later")
    change(db, owner, NOW + HOUR, started_at=NOW - HOUR, change_type="model", summary="under way")

    found = changes_before(db, [owner.id or 0], NOW)

    assert [(r.change.summary, r.of) for r in found] == [
        ("under way", None),
        ("own", None),
        ("feed", "feed"),
        ("all", None),
    ]


def test_a_rollout_knows_what_took_it_back(db: Session) -> None:
    owner = model(db)
    given = {"change_type": "model", "stage": "production", "status": "succeeded"}
    bad = change(db, owner, NOW, version="42", previous_version="41", **given)
    back = change(db, owner, NOW + HOUR, version="41", previous_version="42", trigger="rollback", **given)

    assert undone_by(db, bad) == back
    assert undone_by(db, back) is None


def test_newest_values_are_found_for_each_metric_over_all_rows(db: Session) -> None:
    owner, other = model(db), model(db, "other")
    for n in range(30):
        measured(db, owner, "auc", 0.9 + n / 1000, NOW - n * DAY)
        measured(db, owner, "auc", 0.1, NOW - n * HOUR, slice="country=BR")
    measured(db, owner, "f1", 0.5, NOW)
    measured(db, other, "auc", 0.2, NOW)

    found = newest_values(db, [owner.id or 0])

    assert set(found) == {(owner.id, "auc"), (owner.id, "f1")}
    newest = [r.value for r in found[owner.id or 0, "auc"]]
    assert newest == [0.9 + n / 1000 for n in range(DEPTH)]
    assert newest_values(db, []) == {}


def test_the_first_matured_value_stays_the_first(db: Session) -> None:
    owner = model(db)
    measured(db, owner, "auc", 0.70, NOW, version="42", labelled_fraction=0.3)
    measured(db, owner, "auc", 0.81, NOW + DAY, version="42", labelled_fraction=0.85)
    measured(db, owner, "auc", 0.85, NOW + 2 * DAY, version="42", labelled_fraction=0.99)

    assert first_matured(db, owner.id or 0, "42")["auc"].value == 0.81


def test_what_is_measured_often_hides_nothing_that_is_measured_now_and_then(db: Session) -> None:
    owner = model(db)
    for hour in range(100):
        measured(db, owner, "p95_latency", 30.0 + hour, NOW + hour * HOUR, version="42")
        if hour in (48, 49):
            measured(db, owner, "auc", hour / 100, NOW + hour * HOUR, version="42")

    first, newest = (find(db, owner.id or 0, "42") for find in (first_matured, newest_matured))

    assert {metric: reading.value for metric, reading in first.items()} == {"auc": 0.48, "p95_latency": 30.0}
    assert {metric: reading.value for metric, reading in newest.items()} == {"auc": 0.49, "p95_latency": 129.0}


def test_features_of_many_groups_cost_one_query(db: Session) -> None:
    owner = model(db)
    groups = [group(db, owner), group(db, owner, "Nulls")]
    for n in range(20):
        feature = f"f{n % 7}" if n else None
        add(db, alert(groups[0], n, feature=feature))
    asked: list[str] = []
    event.listen(db.get_bind(), "before_cursor_execute", lambda *a: asked.append(a[2]))

    found = features_of(db, [g.id for g in groups])

    assert len(asked) == 1
    assert found[1].distinct == 7
    assert found[1].top == (("f1", 3), ("f2", 3), ("f3", 3), ("f4", 3), ("f5", 3))
    assert 2 not in found


def alert(of: AlertGroup, n: int, **more: Any) -> Alert:
    given = {"source": "am", "fingerprint": str(n), "starts_at": NOW + n * timedelta(seconds=1), **more}
    return Alert(group_id=of.id or 0, name=of.symptom, status="firing", updated_at=NOW, **given)


def test_the_newest_alert_with_a_value_stands_for_its_group(db: Session) -> None:
    of = group(db, model(db))
    for n, value in enumerate([0.1, 0.3, None]):
        add(db, alert(of, n, value=value))

    found = sample(db, of.id or 0)

    assert found is not None
    assert found.value == 0.3
    assert sample(db, 99) is None


def test_last_verdicts_count_the_newest_word_on_each_earlier_group(db: Session) -> None:
    owner = model(db)
    for verdicts in (["acted"], ["noise", "acted"], [], ["noise"]):
        of = group(db, owner, status="resolved")
        for verdict in verdicts:
            add(db, Triage(group_id=of.id or 0, verdict=verdict, by="U", at=NOW - DAY))
    add(db, Triage(group_id=of.id or 0, verdict="known", by="U", at=NOW + DAY))
    group(db, model(db, "other"))

    assert last_verdicts(db, group(db, owner)) == (3, Counter({"acted": 1, "noise": 1}))


def test_open_groups_leave_out_history_and_what_is_over(db: Session) -> None:
    owner = model(db)
    firing = group(db, owner)
    group(db, owner, status="resolved")
    group(db, owner, quiet=True)
    other = model(db, "other")
    group(db, other)

    assert list(open_groups(db, [owner.id or 0])) == [firing]
    assert len(open_groups(db, [owner.id or 0, other.id or 0])) == 2


def test_a_shared_incident_is_an_incident_of_each_of_its_models(db: Session) -> None:
    one, two = model(db, "one"), model(db, "two")
    own = incident(db, one, severity="sev3")
    shared = incident(db, None, severity="sev1", shared=True)
    group(db, one, incident_id=shared.id)
    incident(db, two, status="resolved")

    assert models_in_trouble(db) == {one.id: [shared, own]}
    assert list(open_incidents(db, one.id)) == [shared, own]
    assert list(open_incidents(db, two.id)) == []


def test_a_merged_incident_leads_to_where_it_went(db: Session) -> None:
    last = incident(db, None)
    middle = incident(db, None, status="merged", merged_into=last.id)
    first = incident(db, None, status="merged", merged_into=middle.id)

    assert final_incident(db, first.id) == last
    assert final_incident(db, None) is None


def test_a_reply_of_the_log_ends_where_the_next_begins(db: Session) -> None:
    of = incident(db, None)
    for n in range(12):
        add(db, TimelineEntry(incident_id=of.id or 0, at=NOW, kind="alerts", text=str(n)))
    for start in (1, 9, 10):
        touch(db, NOW, f"slack/incident/1/log/{start}")
    touch(db, NOW, "slack/incident/11/log/2")

    assert [next_log(db, 1, n) for n in (1, 9, 10)] == [9, 10, None]
    assert [e.text for e in timeline(db, 1, 9, 10)] == ["8"]
    assert len(timeline(db, 1, 10)) == 3


def test_people_and_channels_are_found_by_name_or_id(db: Session) -> None:
    add(db, Directory(id="U01", kind="user", name="alice"))
    add(db, Directory(id="C01", kind="channel", name="alice"))

    assert user_ids(db, ["@alice", "alice", "U01", "@bob", None, ""]) == dict.fromkeys(
        ["@alice", "alice", "U01"], "U01"
    )
    assert channel_ids(db, ["#alice"]) == {"#alice": "C01"}
    assert user_ids(db, []) == {}


def test_a_source_is_heard_silent_or_was_never_heard(db: Session) -> None:
    for source, at in (("slack", NOW - 9 * DAY), ("alertmanager", NOW), ("mlflow", NOW - 4 * DAY)):
        add(db, Heartbeat(source=source, last_at=at))

    found = hearing(db, ["alertmanager", "events"], NOW)

    assert found.heard == ("alertmanager",)
    assert found.silent == (("mlflow", NOW - 4 * DAY),)
    assert found.never == ("events",)
    assert not found.whole
    assert hearing(db, ["alertmanager"]).silent == found.silent


def test_what_could_not_be_read_is_told_once_for_each_source(db: Session) -> None:
    for n, (source, count, why) in enumerate([("a", 1, "old"), ("a", 1, "new"), ("b", 0, ""), ("slack", 1, "x")]):
        at = NOW + n * HOUR
        add(db, Delivery(source=source, digest=str(n), received_at=at, last_at=at, unmapped=count, reason=why))

    assert unmapped(db) == [("a", "new")]
