"""Why a metric is where it is: values, changes, incidents and data alerts in order; guesses are called guesses."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain import limits
from bot.slack.answers import why
from bot.slack.cards.look import Look
from bot.store.tables import Decision

MONTH = timedelta(days=30)


@pytest.fixture
def ask(story: Any, look: Look) -> Any:
    def asked(metric: str | None = None, span: timedelta = MONTH, with_look: Look = look) -> Any:
        answer = why.why(story.db, "fraud-scorer", metric, story.now, story.now - span, with_look)
        assert limits.message_problems(answer.content) == []
        return answer

    return asked


def weekly(story: Any, model: Any, *values: float, metric: str = "auc", **more: Any) -> None:
    """Write a value a week, the last one today."""
    for weeks, value in zip(range(len(values) - 1, -1, -1), values, strict=True):
        given = {"labelled_fraction": 0.9, "labels_until": story.now - timedelta(weeks=weeks, days=2), **more}
        story.measured(model, metric, value, story.now - timedelta(weeks=weeks), **given)


def test_a_fall_is_told_with_what_changed_in_between_as_a_hypothesis(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    weekly(story, model, 0.93, 0.93, 0.85)
    story.rollout(model, occurred_at=story.now - timedelta(days=3), started_at=story.now - timedelta(days=3))
    story.change(model, "filter", "hide closed shops", occurred_at=story.now - timedelta(days=2))
    story.change(model, "rule", "long before", occurred_at=story.now - timedelta(days=20))

    shown = words(ask())

    assert "AUC 0.930 → *0.850*, ▾ 0.080 worse" in shown
    assert "AUC *0.850* ▾ 0.080 worse · *hypothesis:* filter hide closed shops, `v42` deployed in between" in shown
    assert "📌 <!date^" in shown
    assert "rule: long before" in shown
    assert "labels to 21 Nov (90 % labelled), 2 days unseen" in shown
    assert "Not connected:" in shown


def test_what_was_decided_stands_where_it_was_decided(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    for kind, days in (("hold", 6), ("promote", 5), ("marked_bad", 2), ("rollback", 1)):
        at = story.now - timedelta(days=days)
        story.add(Decision(model_id=model.id, kind=kind, version="43", by="U02BOB", at=at, reason=f"reason of {days}"))
    story.change(model, "filter", "hide closed shops", occurred_at=story.now - timedelta(days=3))

    shown = words(ask())

    told = (
        "↩️ roll-back to `v43` in production decided · reason of 1 · <@U02BOB>",
        "⚠️ `v43` marked bad · reason of 2 · <@U02BOB>",
        "hide closed shops",
        "✅ promotion of `v43` to production approved · reason of 5 · <@U02BOB>",
        "⏸ `v43` to production held · reason of 6 · <@U02BOB>",
    )
    places = [shown.index(line) for line in told]
    assert places == sorted(places)


def test_the_chart_falls_back_where_the_workspace_refuses_it(story: Any, ask: Any, words: Any) -> None:
    weekly(story, story.model(), 0.93, 0.92, 0.85)

    (chart,) = [b for b in ask().blocks if b["type"] == "data_visualization"]

    assert [p["value"] for p in chart["chart"]["series"][0]["data"]] == [0.93, 0.92, 0.85]
    assert "`█▇▁` AUC" in words(ask(with_look=Look(refused=frozenset({"data_visualization"}))))


def test_a_new_definition_breaks_the_line(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    weekly(story, model, 0.5, 0.5, 0.93, 0.92)
    story.change(model, "metric_definition", "auc counts returns", occurred_at=story.now - timedelta(days=10))

    answer = ask()

    (chart,) = [b for b in answer.blocks if b["type"] == "data_visualization"]
    assert [p["value"] for p in chart["chart"]["series"][0]["data"]] == [0.93, 0.92]
    assert "AUC was redefined: no trend across it" in words(answer)


@pytest.mark.parametrize(
    "said", ["null_rate counts blanks too", "Null rate counts blanks", "Good payments declined now"]
)
def test_a_new_definition_of_another_metric_breaks_nothing(story: Any, ask: Any, words: Any, said: str) -> None:
    model = story.model(metrics={"gpd": {"title": "Good payments declined"}})
    weekly(story, model, 0.93, 0.92)
    for other in ("null_rate", "gpd"):
        story.measured(model, other, 0.02)
    story.change(model, "metric_definition", said, occurred_at=story.now - timedelta(hours=30))

    shown = words(ask("auc"))

    assert "AUC 0.930 → *0.920*" in shown
    assert "was redefined" not in shown


def test_a_definition_is_of_the_longest_name_that_it_says(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    weekly(story, model, 0.93, 0.92)
    weekly(story, model, 0.73, 0.72, metric="roc_auc")
    story.change(model, "metric_definition", "ROC AUC leaves tests out", occurred_at=story.now - timedelta(hours=30))

    assert "was redefined" not in words(ask("auc"))
    assert "Roc AUC was redefined" in words(ask("roc_auc"))


@pytest.mark.parametrize("model", ["fraud-scorer", None])
def test_a_new_definition_of_what_no_user_sees_breaks_nothing(
    model: str | None, story: Any, ask: Any, words: Any
) -> None:
    fraud = story.model(metrics={"ndcg": {"title": "Ranking"}})
    weekly(story, fraud, 0.93, 0.92)
    story.measured(fraud, "recall_at_5", 0.4, evaluation_type="offline", version="42")
    for said in ("recall_at_5 without tests", "Ranking without tests"):
        when = story.now - timedelta(hours=30)
        story.change(fraud if model else None, "metric_definition", said, occurred_at=when)

    assert "was redefined" not in words(ask("auc"))


def test_where_nothing_was_measured_since_a_new_definition_it_is_said(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    story.measured(model, "auc", 0.93, story.now - timedelta(days=3))
    story.change(model, "metric_definition", "auc counts returns", occurred_at=story.now - timedelta(hours=30))

    assert "AUC: no matured value since it was redefined" in words(ask())


def test_notes_push_out_neither_incidents_nor_deployments_nor_definitions(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    weekly(story, model, 0.93, 0.92)
    week = story.now - timedelta(days=7)
    story.incident(model, onset_at=week, opened_at=week)
    story.rollout(model, occurred_at=week, started_at=week)
    story.change(model, "metric_definition", "ndcg counts all", occurred_at=week)
    for hours in range(60):
        story.change(model, "config", f"note {hours}", occurred_at=story.now - timedelta(hours=hours), source="slack")

    shown = words(ask())

    assert "fraud-scorer declines payments" in shown
    assert "`v42` deployed to production" in shown
    assert "ndcg counts all" in shown
    assert "note 0" in shown
    assert shown.index("note 18") < shown.index("ndcg counts all")
    assert "and 41 more" in shown


def test_an_older_value_without_its_labels_is_not_a_newer_one(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    story.measured(model, "auc", 0.2, story.now - timedelta(days=5), labelled_fraction=0.3)
    weekly(story, model, 0.93)

    assert "left out" not in words(ask())


def test_a_value_whose_labels_have_not_arrived_is_left_out_and_said(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    weekly(story, model, 0.93, 0.92)
    story.measured(model, "auc", 0.2, labelled_fraction=0.3, labels_until=story.now - timedelta(days=1))

    shown = words(ask())

    assert "→ *0.920*" in shown
    assert "1 newer value left out: provisional: labels to 22 Nov (30 % labelled)" in shown


def test_a_cause_is_a_hypothesis_until_somebody_confirmed_it(story: Any, ask: Any, words: Any) -> None:
    model, rollout, group = story.bad_release()
    group.category = "drift"
    incident = story.incident(model, suspect_change_id=rollout.id)

    assert "fraud-scorer declines payments · *hypothesis:* `v42` deployed 11 min before" in words(ask())
    assert "FeatureDrift · 4 alerts · firing" in words(ask())

    incident.status, incident.cause, incident.cause_by = "resolved", "data_upstream", "U02BOB"

    assert "fraud-scorer declines payments · data upstream, *confirmed by* <@U02BOB>" in words(ask())


def test_one_asks_for_a_metric_by_a_part_of_its_name(story: Any, ask: Any, words: Any, controls: Any) -> None:
    model = story.model(metrics={"declined": {"title": "Good payments declined"}})
    weekly(story, model, 0.9, 0.8)
    weekly(story, model, 0.02, 0.03, metric="declined", evaluation_type="product")

    assert "Good payments declined 2 % → *3 %*" in words(ask("payments"))
    assert "AUC 0.900 → *0.800*" in words(ask("auc"))
    assert "was never measured by `f1`. Known are `declined`, `auc`." in words(ask("f1"))
    assert controls(ask("f1"))["run_2"]["value"] == "why fraud-scorer auc"


def test_a_year_of_daily_values_is_thinned_and_keeps_its_ends(story: Any, ask: Any) -> None:
    model = story.model()
    for day in range(150):
        story.measured(model, "auc", 0.9 - day / 1000, story.now - timedelta(days=day))

    (chart,) = [b for b in ask(span=timedelta(days=365)).blocks if b["type"] == "data_visualization"]

    points = [p["value"] for p in chart["chart"]["series"][0]["data"]]
    assert len(points) == 20
    assert (points[0], points[-1]) == (0.751, 0.9)


def test_offline_values_of_two_versions_are_said_to_be_of_two(story: Any, ask: Any, words: Any) -> None:
    model = story.model()
    for version, value in (("41", 0.933), ("42", 0.936)):
        story.measured(model, "auc", value, story.now, evaluation_type="offline", version=version)
    story.change(model, "rule", "block cards", occurred_at=story.now)

    answer = ask()

    assert "AUC *0.936* ▴ 0.003 better · of `v42`, the one before of `v41`" in words(answer)
    assert "hypothesis" not in words(answer)


def test_the_chart_tells_values_of_one_day_and_of_one_minute_apart(story: Any, ask: Any) -> None:
    model = story.model()
    for value, at in ((0.93, timedelta(hours=2)), (0.94, timedelta()), (0.95, timedelta())):
        story.measured(model, "auc", value, story.now - at)

    (chart,) = [b for b in ask().blocks if b["type"] == "data_visualization"]

    labels = chart["chart"]["axis_config"]["categories"]
    assert labels == ["23 Nov 06:13", "23 Nov 08:13 (2)", "23 Nov 08:13 (3)"]


def test_without_a_metric_the_changes_are_told(story: Any, ask: Any, words: Any) -> None:
    story.bad_release()

    shown = words(ask())

    assert "no metric is connected" in shown
    assert "model `v41` → `v42` deployed to production" in shown
