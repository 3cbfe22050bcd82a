"""What a digest says of a week, in the words that people read."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.config import Decisions, DigestSection, Settings
from bot.digests.render import preview, render
from bot.domain import limits
from bot.domain.digest import DigestView, Health
from bot.slack.cards.digest import digest, digest_thread
from bot.store.projection import touch
from bot.store.tables import (
    AlertGroup,
    Decision,
    Heartbeat,
    MetricName,
    Model,
    ModelName,
    Projection,
    Serving,
    Version,
)

WEEKLY = DigestSection(channels=("#ml-weekly",), at="Mon 09:00", tz="Europe/Paris")
PRODUCT = "good payments declined 2.2 % (SLO ≤ 2.5 %, n 54\u202f000, of 22 Nov)"

Told = Callable[..., DigestView]
At = Callable[..., datetime]
Six = dict[str, Model]


def row(view: DigestView, model: str) -> tuple[str, ...]:
    found = next(r for r in view.rows if r.model == model)
    return (found.health, found.product_metric, found.versus_last, found.shipped, found.incidents)


def details(view: DigestView, title: str) -> tuple[str, ...]:
    return next((d.lines for d in view.details if title in d.title), ())


def test_the_verdict_leads_with_the_product_and_blames_nothing(golden: Six, told: Told) -> None:
    view = told()

    assert view.title == "ML weekly · 16 – 22 Nov"
    assert view.verdict == "1 of 6 models needs attention."
    assert view.story == (
        "fraud-scorer: good payments declined 2.2 % (SLO ≤ 2.5 %); v42 of Monday rolled back after 41 min. "
        "Four are good, one sends no data."
    )
    assert "because" not in preview(view)


def test_the_table_has_the_worst_first_and_three_words_for_unknown_zero_and_fine(golden: Six, told: Told) -> None:
    view = told()

    assert [r.model for r in view.rows] == ["fraud-scorer", "support-triage", "eta", "ads-ctr", "churn", "search-rank"]
    assert row(view, "fraud-scorer") == (
        "watch",
        "good payments declined 2.2 %",
        "▴ 0.1 pt worse",
        "v42, back to v41",
        "1",
    )
    assert row(view, "support-triage") == ("no data", "not connected", "–", "not connected", "0")
    assert row(view, "eta") == ("good", "late 4.1 %", "▾ 0.3 pt better", "v9", "1")
    assert row(view, "churn") == ("good", "saved 311", "▴ 12 better", "v18", "0")
    assert row(view, "ads-ctr") == ("good", "CTR 1.9 %", "=", "6 configs", "0")
    assert row(view, "search-rank") == ("good", "click 31 %", "=", "–", "0")


def test_the_counts_have_their_n(golden: Six, told: Told) -> None:
    view = told()

    assert view.facts == (
        "9 changes",
        "1 rolled back",
        "2 incidents, fixed in 48 min (median of 2)",
        "4 alerts, 3 judged, 2 useful",
        "next: Mon 30 Nov 09:00",
    )


def test_decisions_name_what_people_have_to_settle(golden: Six, told: Told, db: Session) -> None:
    engineers = WEEKLY.model_copy(update={"audience": "engineers"})
    touch(db, datetime(2026, 11, 16, tzinfo=UTC), "slack/incident/1")
    db.get_one(Projection, "slack/incident/1").remote_id = "C01:1.2"

    view = told(digest=engineers)

    assert [(w.question, w.who) for w in view.decisions] == [
        ("What caused INC-1?", "U01ALICE"),
        ("Who owns support-triage?", None),
        ("Keep the alert null_rate on churn?", "U01ALICE"),
    ]
    assert view.decisions[0].copy == "C01:1.2"
    assert view.decisions[1].reason == "no evaluation for 11 days"


def test_nobody_is_asked_about_alerts_that_an_incident_took_up(golden: Six, told: Told, db: Session) -> None:
    engineers = WEEKLY.model_copy(update={"audience": "engineers"})
    group = db.exec(select(AlertGroup).where(AlertGroup.symptom == "null_rate")).one()
    asked = [w.reason for w in told(digest=engineers).decisions if "null_rate" in w.question]
    group.incident_id = 1
    db.add(group)

    view = told(digest=engineers)

    assert asked == [
        "fired 9 times, nobody said whether it mattered; if not, change its rule, else say so on its next card"
    ]
    assert [w.question for w in view.decisions] == ["What caused INC-1?", "Who owns support-triage?"]


def test_the_chart_shows_eight_weeks_beside_the_objective(golden: Six, told: Told) -> None:
    chart = told().chart

    assert chart is not None
    assert (chart.title, chart.name) == ("Good payments declined, % by week", "fraud-scorer")
    assert [(p.label, p.value) for p in chart.points][-2:] == [("9 Nov", 2.1), ("16 Nov", 2.2)]
    assert len(chart.points) == 8
    assert {p.value for p in chart.objective} == {2.5}


def test_one_value_is_no_line(golden: Six, rows: Any, told: Told, at: At) -> None:
    young = rows.model("a-new-one", score={"role": "primary", "slo": ">= 0.9"})
    rows.measured(young, "score", 0.5, at(20))

    view = told()

    assert view.rows[0].model == "a-new-one"
    assert view.chart is None


def test_the_thread_has_three_lines_a_model_and_names_what_is_missing(golden: Six, told: Told) -> None:
    view = told(sources=("alertmanager", "grafana"))

    assert details(view, "fraud-scorer") == (
        "v41 100 % in production since 16 Nov · owner @alice",
        PRODUCT + " · auc 0.912 (n 41\u202f200, labels to 20 Nov (88 % labelled), 2 days unseen)",
        "1 change, 1 rolled back · INC-1 fixed in 55 min, cause not stated · 2 alerts, 2 judged, 1 useful",
    )
    assert details(view, "Noisiest") == (
        "feature_drift on fraud-scorer: fired 15 times, ignored 1 of 2 judged",
        "null_rate on churn: fired 9 times, nobody judged it",
    )
    assert details(view, "Not connected") == (
        "Product metric: 1 of 6 models (support-triage).",
        "Deployments: 1 of 6 models (support-triage).",
        "Alerts: 3 of 6 models (support-triage, eta and ads-ctr).",
        "Never heard: grafana.",
    )


def test_a_good_week_comes_too_in_its_short_form(rows: Any, told: Told, at: At) -> None:
    for name in ("churn", "eta"):
        model = rows.model(name, saved={"family": "product"})
        rows.measured(model, "saved", 7, at(22))
        rows.rollout(model, "1", at(2))

    view = told()

    assert view.calm
    assert (view.verdict, view.story) == ("All 2 models good.", "")
    assert view.summary == ("ML weekly · 16 – 22 Nov: All 2 models good; nothing to decide; 0 changes, 0 incidents.")
    assert view.facts[:2] == ("0 changes", "0 incidents")


def test_an_empty_installation_says_so(told: Told) -> None:
    view = told()

    assert view.health is Health.NO_DATA
    assert view.verdict == "No model is known yet."
    assert not view.calm
    assert view.rows == view.details == ()


@pytest.mark.parametrize("count", [1, 3])
def test_models_without_data_are_never_called_good(rows: Any, told: Told, count: int) -> None:
    for n in range(count):
        rows.model(f"m{n}")

    view = told()

    assert view.health is Health.NO_DATA
    assert view.verdict == ("No data from any of the 3 models." if count > 1 else "No data from the only model.")
    assert "good" not in view.verdict + view.story


def test_nothing_shipped_and_nothing_heard_of_are_different(rows: Any, told: Told, at: At) -> None:
    quiet, unknown = rows.model("quiet"), rows.model("unknown")
    rows.rollout(quiet, "1", at(2))

    view = told()

    assert row(view, "quiet")[3] == "–"
    assert row(view, "unknown")[3] == "not connected"
    assert "alerts not connected" in view.facts
    assert unknown.id


def test_labels_that_did_not_arrive_are_said_and_judge_nothing(rows: Any, told: Told, at: At) -> None:
    model = rows.model("fraud", auc={"title": "AUC", "role": "primary", "slo": ">= 0.9"})
    rows.measured(model, "auc", 0.95, at(14), labelled_fraction=0.9, labels_until=at(14))
    rows.measured(model, "auc", 0.7, at(21), labelled_fraction=0.3, labels_until=at(15))

    early = told()
    rows.measured(model, "auc", 0.7, at(22), labelled_fraction=0.85, labels_until=at(21))
    later = told()

    assert early.health is Health.GOOD
    assert early.notes == ("fraud AUC 0.7 provisional, labels to 15 Nov (30 % labelled), 7 days unseen.",)
    assert "newer: 0.7 provisional" in details(early, "fraud")[1]
    assert later.health is Health.DEGRADED
    assert later.story == "fraud: AUC 0.7 misses SLO ≥ 0.9."


def test_a_product_metric_without_a_value_this_week_is_not_carried_forward(rows: Any, told: Told, at: At) -> None:
    model = rows.model("churn", saved={"family": "product"})
    rows.measured(model, "saved", 7, at(10))
    rows.measured(model, "auc", 0.9, at(20))

    view = told()

    assert row(view, "churn")[1:3] == ("saved 7 (of 10 Nov)", "–")


def test_weeks_without_a_value_have_no_point_and_are_named(golden: Six, rows: Any, told: Told, at: At) -> None:
    model = rows.model("a-gap", score={"role": "primary", "slo": ">= 0.9"})
    for day, value in ((22, 0.5), (8, 0.95), (1, 0.95)):
        rows.measured(model, "score", value, at(day))
    rows.measured(model, "score", 0.1, at(15), labelled_fraction=0.2)

    view = told()

    assert view.chart is not None
    assert [(p.label, p.value) for p in view.chart.points] == [("26 Oct", 0.95), ("2 Nov", 0.95), ("16 Nov", 0.5)]
    assert "No value for the week of 9 Nov." in view.notes


def test_a_redefined_metric_has_no_trend_across_the_date(golden: Six, rows: Any, told: Told, at: At) -> None:
    rows.change(golden["fraud-scorer"], "metric_definition", at(12), summary="declined: without test cards")
    rows.change(golden["churn"], "metric_definition", at(18), summary="saved counts upgrades")
    rows.change(golden["eta"], "metric_definition", at(18), summary="late is measured at the door")

    view = told()

    assert row(view, "churn")[2] == "redefined 18 Nov"
    assert row(view, "eta")[2] == "redefined 18 Nov"
    assert view.chart is not None
    assert [p.label for p in view.chart.points] == ["9 Nov", "16 Nov"]
    assert view.notes[0] == (
        "good payments declined was redefined on 12 Nov: values before are not comparable, "
        "so there is no trend across it."
    )


def test_a_new_definition_of_another_metric_breaks_no_trend(golden: Six, rows: Any, told: Told, at: At) -> None:
    rows.change(golden["fraud-scorer"], "metric_definition", at(18), summary="auc on settled payments only")

    view = told()

    assert row(view, "fraud-scorer")[2] == "▴ 0.1 pt worse"
    assert view.chart is not None
    assert len(view.chart.points) == 8


def test_a_new_definition_of_what_no_user_sees_breaks_no_trend(golden: Six, rows: Any, told: Told, at: At) -> None:
    fraud = golden["fraud-scorer"]
    rows.add(MetricName(model_id=fraud.id, metric="recall_at_5"))
    rows.change(fraud, "metric_definition", at(18), summary="recall_at_5 without tests")

    assert row(told(), "fraud-scorer")[2] == "▴ 0.1 pt worse"


def test_a_redefinition_in_the_last_week_leaves_no_line_to_draw(golden: Six, rows: Any, told: Told, at: At) -> None:
    rows.change(None, "metric_definition", at(18), summary="every share is now per session")

    view = told()

    assert row(view, "fraud-scorer")[2] == "redefined 18 Nov"
    assert view.chart is None
    assert "redefined on 18 Nov" in view.notes[0]


def test_what_happens_before_the_last_of_its_own_stages_is_not_told(rows: Any, told: Told, at: At) -> None:
    model = rows.model("fraud", auc={"slo": ">= 0.9"})
    model.stages = ["lab", "staging"]
    rows.measured(model, "auc", 0.95, at(20), stage="staging")
    rows.measured(model, "auc", 0.5, at(21), stage="lab")
    rows.rollout(model, "42", at(17), stage="lab")
    rows.rollout(model, "41", at(16), stage="staging")

    view = told()

    assert row(view, "fraud")[0] == "good"
    assert view.facts[0] == "1 change"


def test_what_changed_for_all_at_a_stage_that_only_one_model_calls_its_own_is_told(
    rows: Any, told: Told, at: At
) -> None:
    rows.model("fraud").stages = ["lab", "fleet"]
    rows.change(None, "config", at(17), stage="lab")

    assert told().facts[0] == "1 change"


def test_what_nearly_keeps_its_objective_is_not_written_as_if_it_did(rows: Any, told: Told, at: At) -> None:
    model = rows.model("payments", success_rate={"family": "product", "slo": ">= 0.9998"})
    rows.measured(model, "success_rate", 0.9996, at(22))

    view = told()

    assert row(view, "payments")[1] == "success rate 99.96 %"
    assert view.story == "payments: success rate 99.96 % misses SLO ≥ 99.98 %."


def test_a_difference_that_chance_explains_has_no_arrow(rows: Any, told: Told, at: At) -> None:
    few, many = rows.model("few", ctr={"family": "product"}), rows.model("many", ctr={"family": "product"})
    tiny = rows.model("tiny", ctr={"family": "product"})
    for model, n in ((few, 200), (many, 200_000), (tiny, 5)):
        rows.measured(model, "ctr", 0.20, at(22), n=n)
        rows.measured(model, "ctr", 0.22, at(15), n=n)

    view = told()

    assert row(view, "few")[2] == "inconclusive"
    assert row(view, "many")[2] == "▾ 2 pt, regressed"
    assert row(view, "tiny")[2] == "too few (n 5)"


def test_a_rollback_that_was_asked_for_and_not_seen_is_asked_about(rows: Any, told: Told, at: At) -> None:
    model = rows.model("fraud")
    asked = {"rollback_at": at(18), "rollback_by": "U02BOB"}
    rows.incident(model, "too many declines", at(17), **asked)

    before = told()
    rows.rollout(model, "41", at(18, 13), trigger="rollback", previous_version="42")
    after = told()

    assert before.decisions[0].question == "Is fraud rolled back?"
    assert before.decisions[0].reason == "asked Wednesday in INC-1, not seen deployed"
    assert before.decisions[0].who == "U02BOB"
    assert not any("rolled back?" in w.question for w in after.decisions)


def test_only_so_many_decisions_stand_in_the_message(rows: Any, told: Told, at: At) -> None:
    model = rows.model("fraud")
    for day in range(16, 21):
        rows.incident(model, f"trouble {day}", at(day), timedelta(hours=1))

    view = told()

    assert (len(view.decisions), view.more_decisions) == (2, 3)
    assert details(view, "More decisions")[-1] == "What caused INC-5? trouble 20"


def test_an_open_incident_is_degraded_and_a_closed_one_is_only_counted(rows: Any, told: Told, at: At) -> None:
    opened, closed = rows.model("opened"), rows.model("closed")
    for model in (opened, closed):
        rows.measured(model, "auc", 0.9, at(22))
    rows.incident(opened, "it is slow", at(12))
    rows.incident(closed, "it was slow", at(17), timedelta(hours=2), cause="unknown")

    view = told()

    assert row(view, "opened")[0::4] == ("degraded", "0, 1 open")
    assert row(view, "closed")[0::4] == ("good", "1")
    assert view.story == ("opened: INC-1 (it is slow) is open since Thu 12 Nov. The other one is good.")


def test_the_state_is_the_one_that_model_says(rows: Any, told: Told, at: At) -> None:
    hard, bad, late, early = (rows.model(name, auc={"slo": ">= 0.9"}) for name in ("hard", "bad", "late", "early"))
    for model in (hard, bad):
        rows.measured(model, "auc", 0.95, at(22))
    rows.alert(hard, "down", at(22), alert_class="hard", status="firing", resolved_at=None)
    for target in ("eu", "us"):
        given = {"stage": "production", "version": "42", "since": at(2), "traffic_percent": 100.0}
        rows.add(Serving(model_id=bad.id, target=target, **given))
    rows.add(Decision(model_id=bad.id, kind="marked_bad", version="42", by="U02BOB", at=at(20)))
    rows.measured(late, "auc", 0.8, at(10))
    for model in (late, early):
        rows.measured(model, "auc", 0.95, at(22), labelled_fraction=0.3)

    view = told()

    states = {r.model: str(r.health) for r in view.rows}
    assert states == {"hard": "firing", "late": "degraded", "bad": "watch", "early": "no data"}
    assert "late: auc 0.8 of 10 Nov misses SLO ≥ 0.9." in view.story
    assert told(digest=WEEKLY.model_copy(update={"models": ("bad",)})).story == "bad: v42 serves and is marked bad."


def test_a_model_of_which_nobody_is_heard_is_not_good(rows: Any, told: Told, at: At) -> None:
    rows.measured(rows.model("quiet"), "auc", 0.95, at(17))
    rows.add(Heartbeat(source="evals", last_at=at(17), deliveries=1))

    assert row(told(), "quiet")[0] == "no data"


def test_what_came_out_on_odd_or_old_evidence_is_told(rows: Any, told: Told, at: At) -> None:
    model = rows.model("fraud")
    for version, suite in (("40", "std-3"), ("41", "std-3"), ("42", "std-3"), ("43", "my notebook")):
        found = rows.measured(model, "auc", 0.95, at(1), evaluation_type="offline", version=version)
        found.version, found.suite = version, suite
    part = rows.measured(model, "auc", 0.91, at(1), evaluation_type="offline", version="42", slice="country=BR")
    part.version, part.suite = "42", "std-br"
    rows.rollout(model, "42", at(17))
    rows.rollout(model, "43", at(18))
    rows.add(Version(model_id=model.id, name="43", data_until=at(1) + timedelta(days=61)))

    view = told()

    assert view.facts[:2] == ("2 changes", "1 of 2 released versions was evaluated on another suite, or on none stated")
    assert view.notes == ("fraud v43: evaluation data ends 61 days before training data.",)

    other = rows.measured(model, "auc", 0.95, at(1), evaluation_type="offline", version="44")
    other.version = "44"
    rows.rollout(model, "44", at(19))

    assert told().facts[1] == "2 of 3 released versions were evaluated on another suite, or on none stated"


def test_a_shared_incident_counts_for_each_of_its_models_and_once_in_all(rows: Any, told: Told, at: At) -> None:
    one, two = rows.model("one"), rows.model("two")
    shared = rows.incident(one, "feature store down", at(18), model_id=None, shared=True, severity="sev1")
    for model in (one, two):
        rows.alert(model, "down", at(18), incident_id=shared.id, alert_class="hard")

    view = told()

    assert [r.health for r in view.rows] == [Health.DOWN, Health.DOWN]
    assert [r.incidents for r in view.rows] == ["1, 1 open", "1, 1 open"]
    assert "1 incident, 1 open" in view.facts


def test_drift_alone_colours_nothing_and_a_loud_alert_does(rows: Any, told: Told, at: At) -> None:
    drifting, loud = rows.model("drifting"), rows.model("loud")
    for model, kind in ((drifting, "drift"), (loud, "soft")):
        rows.measured(model, "auc", 0.9, at(22))
        rows.alert(model, "psi", at(21), status="firing", resolved_at=None, alert_class=kind)

    view = told()

    assert row(view, "drifting")[0] == "good"
    assert row(view, "loud")[0] == "watch"
    assert "loud: 1 alert still fires." in view.story


def test_what_happens_after_its_hour_does_not_change_a_digest(golden: Six, rows: Any, told: Told, at: At) -> None:
    before = told()
    rows.incident(golden["churn"], "new trouble", at(24))
    rows.rollout(golden["churn"], "19", at(24))
    rows.measured(golden["churn"], "saved", 1, at(24))

    assert told() == before


def test_the_same_rows_give_the_same_digest(golden: Six, told: Told) -> None:
    assert told() == told()


def test_a_silent_source_is_named_and_its_quiet_is_not_good_news(golden: Six, told: Told, rows: Any, at: At) -> None:
    rows.add(Heartbeat(source="mlflow", last_at=at(19)))
    rows.add(Heartbeat(source="digest:weekly", last_at=at(1)))

    view = told()

    assert view.notes == ("Silent: mlflow (since 19 Nov); what happened there is unknown.",)


def test_a_digest_of_some_models_is_about_them_only(golden: Six, told: Told) -> None:
    some = WEEKLY.model_copy(update={"models": ("churn", "chrun")})

    view = told(digest=some)

    assert [r.model for r in view.rows] == ["churn"]
    assert view.facts[:2] == ("1 change", "0 incidents")
    assert "Asked for in the configuration, never heard of: chrun." in details(view, "Not connected")


def test_a_digest_that_names_its_models_goes_on_when_they_are_called_otherwise(rows: Any, told: Told, at: At) -> None:
    renamed, retired = rows.model("fraud-scorer"), rows.model("old")
    rows.add(ModelName(name="fraud", model_id=renamed.id))
    retired.retired_at = at(10)

    view = told(digest=WEEKLY.model_copy(update={"models": ("fraud", "old")}))

    assert [one.model for one in view.rows] == ["fraud-scorer"]
    assert not any("never heard of" in line for line in details(view, "Not connected"))


def test_a_retired_model_is_left_out(golden: Six, told: Told, db: Session, at: At) -> None:
    golden["churn"].retired_at = at(10)
    db.add(golden["churn"])
    db.flush()

    assert "churn" not in [r.model for r in told().rows]


def test_a_daily_digest_is_about_yesterday(golden: Six, told: Told) -> None:
    daily = DigestSection(channels=("#x",), at="09:15", tz="Europe/Paris", audience="engineers")

    view = told(date(2026, 11, 17), daily)

    assert view.title == "ML weekly · Mon 16 Nov"
    assert view.versus == "vs day before"
    assert view.facts[:2] == ("2 changes", "1 rolled back")
    assert view.facts[-1] == "next: Wed 18 Nov 09:15"


def test_scheduled_retrains_are_counted_apart(rows: Any, told: Told, at: At) -> None:
    model = rows.model("eta")
    for day in range(16, 23):
        rows.rollout(model, f"2026.{day}", at(day), trigger="scheduled_retrain")
    rows.change(model, "rule", at(17), summary="hide closed shops")

    view = told()

    assert view.facts[0] == "1 change + 7 scheduled retrains"
    assert row(view, "eta")[3] == "7 versions, now v2026.22 + 1 rule"


def test_a_copy_is_found_by_its_key(golden: Six, db: Session) -> None:
    settings = Settings(decisions=Decisions(digests={"weekly": WEEKLY}))

    root = render(db, "slack/digest/weekly/2026-11-23/ml-weekly", settings)
    thread = render(db, "slack/digest/weekly/2026-11-23/ml-weekly/thread", settings)

    assert root is not None
    assert thread is not None
    assert (root.channel, root.thread, thread.thread) == ("ml-weekly", False, True)
    assert root.view == thread.view
    assert render(db, "slack/digest/gone/2026-11-23/ml-weekly", settings) is None
    assert render(db, "slack/incident/1", settings) is None


def test_the_preview_reads_in_a_terminal(golden: Six, told: Told) -> None:
    text = preview(told())

    assert text.startswith("ML weekly · 16 – 22 Nov\n🟡 1 of 6 models needs attention.")
    assert "1. What caused INC-1?" in text
    assert "churn           🟢 good     saved 311" in text


def test_no_digest_ranks_people(golden: Six, told: Told) -> None:
    view = told()

    said = " ".join([view.story, view.summary, *view.facts, *view.notes])

    assert "alice" not in said.lower()


def test_the_golden_week_is_a_message_that_slack_takes(golden: Six, told: Told) -> None:
    view = told(sources=("alertmanager", "grafana"))

    message, thread = digest(view), digest_thread(view)

    assert thread is not None
    assert limits.message_problems(message.content) == limits.message_problems(thread.content) == []
    assert {"data_table", "data_visualization"} <= {block["type"] for block in message.blocks}


def test_a_release_of_last_week_that_was_taken_back_in_this_one_is_told(rows: Any, told: Told, at: At) -> None:
    model = rows.model("fraud")
    rows.rollout(model, "42", at(13), status="rolled_back", finished_at=at(17), previous_version="41")
    rows.rollout(model, "41", at(17), trigger="rollback", previous_version="42")
    rows.rollout(model, "43", at(20), previous_version="41")

    view = told()

    assert row(view, "fraud")[3] == "v43 + back to v41"
    assert view.facts[:2] == ("1 change", "1 rolled back")
    assert "v42 of Fri 13 Nov rolled back after 4 d" in view.story


def test_a_rollback_of_which_only_the_going_back_is_known_counts(rows: Any, told: Told, at: At) -> None:
    model = rows.model("fraud")
    rows.rollout(model, "42", at(17, 9))
    rows.rollout(model, "41", at(17, 11), trigger="rollback", previous_version="42")

    view = told()

    assert row(view, "fraud")[3] == "v42, back to v41"
    assert view.facts[:2] == ("1 change", "1 rolled back")
    assert "v42 of Tuesday rolled back after 2 h" in view.story


def test_numbers_in_percent_and_shares_of_one_are_the_same_metric(rows: Any, told: Told, at: At) -> None:
    share = rows.model("share", declined_rate={"family": "product", "unit": "%", "slo": "<= 2.5"})
    rows.measured(share, "declined_rate", 0.029, at(22), unit="ratio")
    rows.measured(share, "declined_rate", 0.02, at(15), unit="ratio")

    view = told()

    assert row(view, "share")[:3] == ("degraded", "declined rate 2.9 %", "▴ 0.9 pt worse")
    assert "declined rate 2.9 % misses SLO ≤ 2.5 %" in view.story
    assert view.chart is not None
    assert [p.value for p in view.chart.points] == [2.0, 2.9]
    assert [p.value for p in view.chart.objective] == [2.5, 2.5]
