from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bot.domain import limits
from bot.slack.answers import changes, everyone, helping, models, problems, status, unknown
from bot.slack.blocks import Message
from bot.slack.cards import Look
from bot.store.projection import touch
from bot.store.tables import Decision, Version

PRODUCT = {"good_payments_declined": {"unit": "%", "slo": "<= 2.5", "family": "product"}, "auc": {"role": "primary"}}


def degraded(story: Any) -> Any:
    """The model of message M1: product metric over its objective, drift alerts, an incident that is being fixed."""
    model, rollout, group = story.bad_release()
    model.metrics = PRODUCT
    group.category = "drift"
    labels = {"labelled_fraction": 0.88, "labels_until": story.now - timedelta(days=3), "n": 41200}
    for days, auc, declined in ((8, 0.933, 0.021), (1, 0.912, 0.029)):
        at = story.now - timedelta(days=days)
        story.measured(model, "auc", auc, at, **labels)
        story.measured(model, "good_payments_declined", declined, at, evaluation_type="product", unit="ratio")
    incident = story.opened(model, suspect_change_id=rollout.id, lead="U02BOB", status="fixing")
    group.incident_id = incident.id
    story.ticket(incident)
    story.heard("alertmanager")
    story.heard("events")
    return model


def checked(answer: Message) -> Message:
    assert limits.message_problems(answer.content) == []
    return answer


def test_status_gives_state_product_metric_version_and_incident(
    story: Any, look: Look, words: Any, controls: Any
) -> None:
    degraded(story)

    answer = checked(status.status(story.db, "fraud-scorer", story.now, look))

    shown = words(answer)
    assert "🟠 *fraud-scorer*  degraded in `production`" in shown
    assert "Good payments declined *2.9 %* ▴ 0.8 pt worse, misses its objective · SLO ≤ 2.5 % · to 22 Nov" in shown
    assert "`v42` 100 %, 22 min · AUC *0.912* ▾ 0.021 worse · labels to 20 Nov (88 % labelled), 3 days" in shown
    assert "3 days unseen · n 41\u202f200" in shown
    assert "|INC-1> SEV2 fixing · <@U02BOB> · <https://jira.example.com/browse/ML-431|ML-431> In Progress" in shown
    assert "🔴 3 alerts firing · FeatureDrift `merchant_country`, `device_id` + 1" in shown
    assert "fall-back `v41`, last served 22 min ago · evaluated 1 d ago · owner <@U01ALICE>" in shown
    assert "on call <@U02BOB> · as of <!date^" in shown
    assert answer.text.startswith(
        "fraud-scorer degraded in production: v42, Good payments declined 2.9 % up 0.8 pt worse"
    )
    buttons = controls(answer)
    assert buttons["status_share"]["value"] == "fraud-scorer"
    assert buttons["run_1"]["value"] == "changes fraud-scorer --since 3d"
    assert buttons["incident_rollback"]["value"] == "1:1"
    assert buttons["incident_rollback"]["confirm"]["confirm"]["text"] == "Roll back"


def test_what_was_never_heard_of_is_named(story: Any, look: Look, words: Any) -> None:
    story.model(owner=None, on_call=None)
    story.heard("alertmanager")

    shown = words(status.status(story.db, "Fraud-Scorer", story.now, look))

    assert "⚪ *fraud-scorer*  no data in `production`" in shown
    assert "no version known to serve" in shown
    assert "no fall-back known · no owner · not connected: deployments, live metric, product metric, data" in shown
    assert "data quality, events (never heard)" in shown


def test_the_newest_notes_of_people_stand_on_the_status(story: Any, look: Look, words: Any) -> None:
    model = story.model()
    story.serving(model, "42", story.deployed)
    for days, summary in ((40, "before my time"), (9, "third last"), (2, "hide closed shops")):
        story.change(
            model, "filter", summary, source="slack", actor="U02BOB", occurred_at=story.now - timedelta(days=days)
        )
    story.change(model, "filter", "told by a source")
    for kind, version, days in (("marked_bad", "42", 1), ("marked_good", "41", 4)):
        story.add(
            Decision(
                model_id=model.id,
                kind=kind,
                version=version,
                by="U02BOB",
                at=story.now - timedelta(days=days),
                reason="",
            )
        )

    shown = words(checked(status.status(story.db, "fraud-scorer", story.now, look)))

    assert "📌 filter: hide closed shops, <@U02BOB>, 2 d ago" in shown
    assert "📌 `v41` marked good, <@U02BOB>, 4 d ago" in shown
    assert "third last" not in shown
    assert "told by a source" not in shown
    assert shown.count("`v42` is marked bad") == 1
    assert "`v42` marked bad" not in shown


def test_a_healthy_model_is_two_lines_and_small_print(story: Any, look: Look, words: Any) -> None:
    model = story.model("churn", metrics=PRODUCT)
    story.serving(model, "17", story.now - timedelta(days=3))
    story.measured(model, "auc", 0.78)

    answer = status.status(story.db, "churn", story.now, look)

    assert "🟢 *churn*  good in `production`" in words(answer)
    assert len(answer.blocks) == 3


def test_a_value_whose_labels_have_not_arrived_is_provisional_and_breaks_no_objective(
    story: Any, look: Look, words: Any
) -> None:
    model = story.model(metrics={"auc": {"slo": ">= 0.9"}})
    story.serving(model, "42", story.deployed)
    story.measured(model, "auc", 0.95, story.now - timedelta(days=9), labelled_fraction=0.95)
    story.measured(model, "auc", 0.8, labelled_fraction=0.3, labels_until=story.now - timedelta(days=1))
    early = words(status.status(story.db, "fraud-scorer", story.now, look))
    story.measured(model, "auc", 0.8, story.now + timedelta(hours=1), labelled_fraction=0.85)

    late = words(status.status(story.db, "fraud-scorer", story.now, look))

    assert "🟢 *fraud-scorer*  good" in early
    assert "provisional: labels to 22 Nov (30 % labelled)" in early
    assert "last matured *0.950* · 95 % labelled" in early
    assert "🟠 *fraud-scorer*  degraded" in late
    assert "last matured" not in late


@pytest.mark.parametrize(
    ("alert_class", "state"), [("hard", "🔴 *fraud-scorer*  firing"), ("soft", "🟡 *fraud-scorer*  watch")]
)
def test_the_class_of_what_fires_decides_the_state(
    alert_class: str, state: str, story: Any, look: Look, words: Any
) -> None:
    story.group(story.model(), alert_class=alert_class)

    assert state in words(status.status(story.db, "fraud-scorer", story.now, look))


def test_a_model_whose_sources_all_fell_silent_is_not_called_good(story: Any, look: Look, words: Any) -> None:
    story.serving(story.model(), "42", story.deployed)
    story.heard("alertmanager", story.now - timedelta(days=4))

    shown = words(status.status(story.db, "fraud-scorer", story.now, look))

    assert "⚪ *fraud-scorer*  no data" in shown
    assert "alertmanager silent for 4 d" in shown


def test_a_shared_status_is_signed_and_not_shared_again(story: Any, look: Look, words: Any, controls: Any) -> None:
    degraded(story)

    answer = checked(status.shared(story.db, "fraud-scorer", story.now, look, by="U01ALICE"))

    assert "shared by <@U01ALICE>" in words(answer)
    assert "status_share" not in controls(answer)


def test_status_costs_a_handful_of_queries_however_long_the_history(story: Any, look: Look) -> None:
    model = degraded(story)
    for n in range(300):
        story.measured(model, f"metric_{n % 10}", 0.9, story.now - timedelta(hours=n))
    asked: list[str] = []
    event.listen(story.db.get_bind(), "before_cursor_execute", lambda *a: asked.append(a[2]))

    status.status(story.db, "fraud-scorer", story.now, look)

    assert len(asked) <= 30


def test_status_says_when_the_channels_are_behind(story: Any, look: Look, words: Any) -> None:
    degraded(story)
    touch(story.db, story.now - timedelta(minutes=1), "slack/group/1")
    in_time = words(status.status(story.db, "fraud-scorer", story.now, look))
    touch(story.db, story.now - timedelta(minutes=4), "slack/group/2")
    late = words(status.status(story.db, "fraud-scorer", story.now, look))

    assert "behind" not in in_time
    assert "in Slack up to 4 min behind" in late


def test_the_list_has_the_worst_first_and_a_button_each(story: Any, look: Look, words: Any, controls: Any) -> None:
    degraded(story)
    for n in range(12):
        story.serving(story.model(f"model-{n:02}", owner=None, on_call=None), "1", story.deployed)

    answer = checked(models.models(story.db, story.now, look))

    shown = words(answer)
    assert shown.index("fraud-scorer*  degraded") < shown.index("model-00*  no data")
    assert "and 5 more" in shown
    assert controls(answer)["run_1"]["value"] == "status fraud-scorer"
    assert {f"run_{n}" for n in range(1, 9)} | {"run_all"} == set(controls(answer))


def test_the_list_is_of_ones_own_models_where_there_are_any(story: Any, look: Look, words: Any) -> None:
    story.people()
    story.model("churn", owner="@alice")
    story.model("search", owner="@dana", on_call=None)

    shown = words(models.models(story.db, story.now, look, user="U01ALICE"))

    assert "churn" in shown
    assert "search" not in shown
    assert "1 model of others" in shown


def test_an_empty_list_says_how_models_come(story: Any, look: Look, words: Any) -> None:
    assert "the first event that names one creates it" in words(models.models(story.db, story.now, look))


def test_changes_end_with_what_is_not_connected(story: Any, look: Look, words: Any) -> None:
    degraded(story)

    shown = words(checked(changes.changes(story.db, "fraud-scorer", story.now, story.now - timedelta(days=7), look)))

    assert "model `v41` → `v42` deployed to production · <@U01ALICE>" in shown
    assert "Connected: alertmanager, events; deployments, live evaluations. Not connected: config" in shown


def decided(story: Any, model: Any, version: str, ago: timedelta, kind: str = "promote") -> None:
    at = story.now - ago
    story.add(Decision(model_id=model.id, kind=kind, version=version, by="U02BOB", at=at, reason=f"why {version}"))


@pytest.mark.parametrize(
    ("decisions", "more"), [(20, "and 5 more;"), (40, "and 25 more;"), (60, "and at least 35 more;")]
)
def test_changes_and_decisions_are_one_list_with_one_end(
    decisions: int, more: str, story: Any, look: Look, words: Any
) -> None:
    model = story.model()
    for n in range(10):
        story.change(model, "filter", f"change {n}", occurred_at=story.now - timedelta(hours=2 * n + 1))
    for n in range(decisions):
        decided(story, model, f"{n}", timedelta(hours=2 * n))

    shown = words(checked(changes.changes(story.db, "fraud-scorer", story.now, story.now - timedelta(days=7), look)))

    assert shown.index("promotion of `v0`") < shown.index("change 0") < shown.index("promotion of `v1`")
    assert shown.count("promotion of") + shown.count("filter: change") == 25
    assert more in shown


def test_many_changes_are_counted_and_not_guessed(story: Any, look: Look, words: Any) -> None:
    model = story.model()
    for n in range(120):
        story.change(None if n % 3 else model, "filter", f"change {n}", occurred_at=story.now - timedelta(hours=n))

    answer = checked(changes.changes(story.db, "fraud-scorer", story.now, story.now - timedelta(days=4), look))

    assert answer.text.startswith("97 changes of fraud-scorer in the last 4 d")
    assert "and 72 more;" in words(answer)


def test_what_only_a_silent_source_told_of_is_not_connected(story: Any, look: Look, words: Any) -> None:
    model = story.model()
    story.rollout(model, source="github")
    story.change(model, "filter", "hide closed shops", source="github")
    story.change(model, "feature", "one more", source="events")
    story.measured(model, "auc", 0.9)
    story.heard("github", story.now - timedelta(days=5))
    story.heard("evals", story.now - timedelta(days=5))
    story.heard("events")

    shown = words(changes.changes(story.db, "fraud-scorer", story.now, story.now - timedelta(days=7), look))

    assert "Connected: events; feature/data changes. Not connected: evals (silent since " in shown
    assert "; deployments (silent), config/rule/filter changes (silent), metric/suite/SLO changes, " in shown
    assert "live evaluations (silent)." in shown


def test_what_was_decided_is_told_where_nothing_changed(story: Any, look: Look, words: Any) -> None:
    decided(story, story.model(), "43", timedelta(days=1), "hold")

    shown = words(changes.changes(story.db, "fraud-scorer", story.now, story.now - timedelta(days=7), look))

    assert shown.index("No change is known") < shown.index("⏸ `v43` to production held · why 43 · <@U02BOB>")


def test_no_change_lately_is_told_with_its_doubt(story: Any, look: Look, words: Any) -> None:
    story.model()

    shown = words(changes.changes(story.db, "fraud-scorer", story.now, story.now - timedelta(days=7), look))

    assert "No change is known in the last 7 d; not everything is heard" in shown


@pytest.mark.parametrize("typed", ["fruad", "fraud_scorer", "scorer", "FRAUD"])
def test_a_mistyped_model_is_offered_by_a_button(typed: str, story: Any, look: Look, words: Any, controls: Any) -> None:
    story.model()
    story.model("churn")

    answer = checked(unknown.unknown_model(story.db, typed, look, verb="changes"))

    assert f"No model `{typed}`. Did you mean *fraud-scorer*" in words(answer)
    assert controls(answer)["run_1"]["value"] == "changes fraud-scorer"


def test_a_model_like_no_other_leaves_the_list(story: Any, look: Look, words: Any, controls: Any) -> None:
    story.model()

    answer = unknown.unknown_model(story.db, "zzzzzz", look)

    assert words(answer).startswith("No model `zzzzzz`.")
    assert [b["value"] for b in controls(answer).values()] == ["models"]


def test_status_of_an_unknown_model_asks_which_was_meant(story: Any, look: Look, words: Any) -> None:
    story.model()

    assert "Did you mean *fraud-scorer*?" in words(status.status(story.db, "fruad", story.now, look))


def test_help_uses_their_own_model_and_the_configured_word(story: Any, words: Any) -> None:
    story.people()
    story.model("churn", owner="@alice")

    answer = checked(helping.help_for(story.db, Look(command="/oracle", bot="@ml"), user="U01ALICE"))

    shown = words(answer)
    assert "*churn* is yours, so try:\n`/oracle churn`  how is it?" in shown
    assert "write `@ml churn`" in shown
    assert len(shown.split("\nMy models")[0].splitlines()) == 6


def test_open_incidents_and_who_is_on_call(story: Any, look: Look, words: Any) -> None:
    degraded(story)

    incidents = words(checked(everyone.open_incidents(story.db, story.now, look)))
    people = words(checked(everyone.on_call(story.db, look)))

    assert "|*INC-1*> SEV2 · fixing · fraud-scorer · fraud-scorer declines payments · <@U02BOB>" in incidents
    assert "for 11 min" in incidents
    assert "<@U02BOB>  *fraud-scorer*" in people


def test_of_many_open_incidents_none_is_cut_away(story: Any, look: Look, words: Any) -> None:
    for n in range(16):
        model = story.model(f"payments-fraud-scorer-europe-{n:02}", owner=None, on_call=None)
        incident = story.opened(model, title=f"{n:02} " + "more good payments are declined than ever before " * 2)
        story.posted(f"slack/incident/{incident.id}")
        story.ticket(incident)

    shown = words(checked(everyone.open_incidents(story.db, story.now, look)))

    assert shown.count("for 11 min") == 15
    assert "and 1 more" in shown


def test_of_many_people_on_call_none_is_passed_over(story: Any, look: Look, words: Any) -> None:
    for n in range(30):
        story.model(f"model-{n:02}", owner=f"@person-{n:02}", on_call=None)
    for n in range(25):
        story.model(f"orphan-{n:02}", owner=None, on_call=None)
    for n in range(90):
        story.model(f"a-model-of-the-busy-team-{n:02}", owner="@busy", on_call=None)

    shown = words(checked(everyone.on_call(story.db, look)))

    assert all(f"@person-{n:02}  *model-{n:02}*" in shown for n in range(30))
    assert "@busy  *a-model-of-the-busy-team-00*" in shown
    assert "and 70 more" in shown
    assert "and 5 more" in shown


def test_no_open_incident_is_said(story: Any, look: Look, words: Any) -> None:
    assert "No incident is open." in words(everyone.open_incidents(story.db, story.now, look))


def test_our_own_failure_says_that_nothing_was_changed_and_where_to_look(words: Any) -> None:
    failed = checked(problems.our_fault("7f3a"))

    assert "Nothing was changed. Reference `7f3a`" in words(failed)


def test_a_fall_back_that_kept_a_part_of_the_traffic_serves_now(story: Any, look: Look, words: Any) -> None:
    model = degraded(story)
    story.serving(model, "41", story.deployed, traffic_percent=10.0)

    shown = words(status.status(story.db, "fraud-scorer", story.now, look))

    assert "fall-back `v41`, serves now" in shown


def test_ages_stand_against_what_is_expected(story: Any, look: Look, words: Any) -> None:
    model = story.model(evaluate_every_s=86_400, retrain_every_s=7 * 86_400, fallback="40")
    story.serving(model, "42", story.deployed)
    story.measured(model, "auc", 0.9, story.now - timedelta(days=5))

    shown = words(status.status(story.db, "fraud-scorer", story.now, look))

    assert "fall-back `v40`, never served" in shown
    assert "evaluated 5 d ago (expected every 1 d) · age of `v42` unknown (expected every 7 d)" in shown


def test_values_without_their_labels_alone_are_not_good(story: Any, look: Look, words: Any) -> None:
    model = story.model(metrics={"auc": {"slo": ">= 0.85"}})
    story.measured(model, "auc", 0.80, labelled_fraction=0.3)
    story.measured(model, "conversion", 0.3, evaluation_type="offline", family="product")
    story.heard("events")

    shown = words(status.status(story.db, "fraud-scorer", story.now, look))
    assert "⚪ *fraud-scorer*  no data" in shown
    assert "AUC *0.800* · SLO ≥ 0.850 · provisional: 30 % labelled" in shown
    assert "no data" in words(models.models(story.db, story.now, look))

    story.measured(model, "auc", 0.86, story.now - timedelta(days=9))

    assert "🟢 *fraud-scorer*  good" in words(status.status(story.db, "fraud-scorer", story.now, look))
    assert "🟢 *fraud-scorer*  good" in words(models.models(story.db, story.now, look))


def test_a_value_of_another_version_than_the_one_that_serves_says_so(story: Any, look: Look, words: Any) -> None:
    model = story.model(metrics={"auc": {"slo": ">= 0.85"}})
    story.serving(model, "41", story.deployed)
    story.measured(model, "auc", 0.812, version="42")
    story.measured(model, "conversion", 0.3, family="product")

    answer = status.status(story.db, "fraud-scorer", story.now, look)
    assert "AUC *0.812*, misses its objective on v42 ·" in words(answer)
    assert "Conversion *30 %* ·" in words(answer)
    assert "AUC 0.812, misses its objective on v42" in answer.text
    assert "misses its objective on v42" in words(models.table(story.db, story.now, look))

    story.measured(model, "auc", 0.822, version="41")

    assert "on v4" not in words(status.status(story.db, "fraud-scorer", story.now, look))


def test_of_two_versions_that_serve_the_one_that_was_measured_is_named(story: Any, look: Look, words: Any) -> None:
    model = story.model()
    story.serving(model, "41", story.deployed, traffic_percent=90.0)
    story.serving(model, "42", story.deployed, traffic_percent=10.0)
    story.measured(model, "auc", 0.9, version="42")

    assert "AUC *0.900* on v42" in words(status.status(story.db, "fraud-scorer", story.now, look))


def test_fresh_is_what_serves_and_not_what_was_registered_since(story: Any, look: Look, words: Any) -> None:
    model = story.model(retrain_every_s=30 * 86_400)
    made = story.now - timedelta(days=20)
    serves = Version(model_id=model.id, name="42", registered_at=made, data_until=made - timedelta(days=40))
    story.add(serves)
    story.add(Version(model_id=model.id, name="43", registered_at=story.now, data_until=made))
    story.serving(model, "42", made)

    shown = words(status.status(story.db, "fraud-scorer", story.now, look))
    assert "retrained 20 d ago (expected every 30 d) · data to 24 Sep, 60 d old" in shown

    serves.data_until = story.now + timedelta(days=2)
    assert "· data to 25 Nov · " in words(status.status(story.db, "fraud-scorer", story.now, look))

    story.change(model, "data", "fitted again", trigger="scheduled_retrain", occurred_at=story.now - timedelta(days=5))

    assert "retrained 5 d ago (expected" in words(status.status(story.db, "fraud-scorer", story.now, look))


def test_a_version_is_as_old_as_it_serves_however_its_traffic_moved(story: Any, look: Look, words: Any) -> None:
    model = story.model()
    moved, came = story.now - timedelta(seconds=3), story.now - timedelta(days=40)
    middle = story.now - timedelta(days=9)
    story.serving(model, "41", story.now - timedelta(days=90), story.now - timedelta(days=60))
    story.serving(model, "41", came, middle)
    story.serving(model, "41", middle, moved, traffic_percent=90.0)
    story.serving(model, "41", moved, traffic_percent=10.0)
    story.serving(model, "42", middle, moved, traffic_percent=0.0)
    story.serving(model, "42", moved, traffic_percent=90.0)

    shown = words(status.status(story.db, "fraud-scorer", story.now, look))

    assert "`v42` 90 %, 3 s" in shown
    assert "`v41` 10 %, 40 d" in shown


def test_of_the_words_on_a_version_the_last_one_counts(story: Any, look: Look, words: Any) -> None:
    model = story.model()
    story.serving(model, "41", story.deployed)
    for version, kind, days in (("41", "good", 3), ("41", "bad", 2), ("40", "bad", 2), ("40", "good", 1)):
        at = story.now - timedelta(days=days)
        story.add(Decision(model_id=model.id, kind=f"marked_{kind}", version=version, by="U02BOB", at=at, reason="why"))

    shown = words(status.status(story.db, "fraud-scorer", story.now, look))

    assert shown.count("`v41` is marked bad") == 1
    assert "`v41` marked" not in shown
    assert "`v40` marked good: why" in shown
    assert "`v40` marked bad" not in shown


def test_a_metric_of_the_data_connects_its_quality(story: Any, look: Look, words: Any) -> None:
    model = story.model()
    assert "data quality" in words(status.status(story.db, "fraud-scorer", story.now, look))

    story.measured(model, "null_rate", 0.01, family="data")

    assert "data quality" not in words(status.status(story.db, "fraud-scorer", story.now, look))
