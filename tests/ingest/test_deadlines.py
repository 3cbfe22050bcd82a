"""What should have come by now and did not: late evaluations and retrainings, silent sources, unmeasured versions."""

from datetime import timedelta
from typing import Any

import pytest

from bot import catalogue
from bot.config import parse
from bot.domain.actions import RenameModel
from bot.domain.facts import ChangeFact, ChangeType, EvaluationFact, EvaluationType, MetricFact, Trigger, VersionFact
from bot.ingest.deadlines import look
from bot.ingest.rules import Rules
from bot.store.tables import Alert, AlertGroup, Heartbeat, Incident

CONFIGURED = "models: {fraud-scorer: {evaluate_every: 7d, retrain_every: 28d, label_lag: 3d}}"
LIVE = "slack/deployment/1/live"


@pytest.fixture
def configured(world: Any) -> Any:
    world.run(catalogue.apply, parse(CONFIGURED), world.now)
    world.rules = Rules(admins=("@dana",))
    return world


def due(world: Any, *sources: str) -> bool:
    """Look for what is overdue; return whether anything shows something else since."""
    before = world.generations()
    world.run(look, world.now, world.rules, sources)
    return bool(world.generations() != before)


def evaluated(world: Any, **more: Any) -> None:
    given: dict[str, Any] = {"model": "fraud-scorer", "version": "42", "occurred_at": world.now}
    given["evaluation_type"] = EvaluationType.OFFLINE
    world.record(EvaluationFact(metrics=(MetricFact(name="auc", value=0.95, n=800),), **given | more))


def late(world: Any) -> dict[str, str]:
    return {g.symptom: g.status for g in world.rows(AlertGroup)}


def test_a_weekly_evaluation_is_late_after_a_quarter_more(configured: Any) -> None:
    evaluated(configured)
    configured.later(days=8)
    early = due(configured)
    configured.later(days=1)

    assert not early
    assert due(configured)
    assert late(configured) == {"Evaluation late": "firing"}
    configured.settle()
    assert "No evaluation for more than 7 d" in configured.says("slack/group/1")
    assert "the last one was of 23 Nov 08:00 UTC" in configured.says("slack/group/1")
    assert configured.rows(Incident) == []


def test_looking_again_says_nothing_new(configured: Any) -> None:
    evaluated(configured)
    configured.later(days=9)
    due(configured)
    before = configured.generations()

    assert not due(configured)
    assert configured.generations() == before


def test_it_is_over_when_the_evaluation_comes(configured: Any) -> None:
    evaluated(configured)
    configured.later(days=9)
    due(configured)

    evaluated(configured)

    assert due(configured)
    assert late(configured) == {"Evaluation late": "resolved"}


def test_it_is_over_when_nobody_waits_for_it_any_more(configured: Any) -> None:
    configured.later(days=9)
    due(configured)

    configured.run(catalogue.apply, parse("models: {fraud-scorer: {}}"), configured.now)

    assert due(configured)
    assert set(late(configured).values()) == {"resolved"}


def test_a_model_that_was_never_evaluated_is_late_from_when_it_is_known(configured: Any) -> None:
    configured.later(days=9)

    due(configured)
    configured.settle()

    assert "there was none yet" in configured.says("slack/group/1")


@pytest.mark.parametrize("how", ["registered", "told"])
def test_a_retraining_is_a_new_version_or_what_says_so(configured: Any, how: str) -> None:
    configured.later(days=27)
    evaluated(configured)
    at = configured.now
    if how == "registered":
        configured.record(VersionFact(model="fraud-scorer", version="43", occurred_at=at))
    else:
        given = {"summary": "nightly", "trigger": Trigger.SCHEDULED_RETRAIN, "occurred_at": at}
        configured.record(ChangeFact(change_type=ChangeType.CODE, model="fraud-scorer", **given))
    configured.later(days=8)
    in_time = due(configured)
    evaluated(configured)
    configured.later(days=28)
    evaluated(configured)

    assert not in_time
    assert due(configured)
    assert late(configured) == {"Retraining late": "firing"}


def test_a_version_that_is_dated_into_the_future_does_not_put_the_next_one_off(configured: Any) -> None:
    ahead = configured.now + timedelta(days=300)
    configured.record(VersionFact(model="fraud-scorer", version="43", occurred_at=ahead))
    configured.later(days=60)

    due(configured)

    assert late(configured)["Retraining late"] == "firing"


def test_a_silent_source_is_told_to_the_admins_and_so_is_its_return(configured: Any) -> None:
    configured.record(source="events")
    configured.record(source="forgotten")
    configured.later(days=3, minutes=1)

    assert due(configured, "events")
    configured.settle()
    said = configured.says("slack/dm/dana/silent")
    assert "I hear nothing any more." in said
    assert "`events`: nothing since" in said
    assert "forgotten" not in said

    configured.record(source="events")
    assert due(configured, "events")
    configured.settle()
    assert "✅ *Every source is heard again.*" in configured.says("slack/dm/dana/silent")
    assert configured.run(lambda db: db.get_one(Heartbeat, "events").silent_since) is None


def test_a_version_that_nobody_measured_live_is_said_so_in_its_thread(configured: Any) -> None:
    configured.record(configured.rollout("42"))
    evaluated(configured)
    configured.settle()
    configured.later(days=16)
    due(configured)
    early = [key for key in configured.generations() if key == LIVE]
    configured.later(days=2)

    due(configured)
    configured.settle()

    assert early == []
    assert "`v42` has never been measured live since it was deployed on 23 Nov" in configured.says(LIVE)

    evaluated(configured, evaluation_type=EvaluationType.LIVE, labelled_fraction=0.9)
    configured.settle()
    assert "never been measured" not in configured.says(LIVE)
    assert "offline 0.950 → live 0.950, gap 0.000 (tolerance 0.03)" in configured.says(LIVE)


@pytest.mark.parametrize(("stage", "told"), [("lab", False), ("staging", True), ("canary", True), ("shadow", False)])
@pytest.mark.parametrize("measured", [False, True])
def test_only_where_users_are_is_it_told_how_a_version_does_live(
    configured: Any, stage: str, told: bool, measured: bool
) -> None:
    configured.run(catalogue.apply, parse("models: {fraud-scorer: {stages: [lab, staging]}}"), configured.now)
    configured.record(configured.rollout("42", stage=stage))
    evaluated(configured)
    if measured:
        evaluated(configured, evaluation_type=EvaluationType.LIVE, labelled_fraction=0.9)
    configured.later(days=18)

    due(configured)

    assert (LIVE in configured.generations()) is told


def test_a_version_that_serves_no_more_or_was_measured_is_not_said_to_be_missing(configured: Any) -> None:
    configured.record(configured.rollout("42"))
    evaluated(configured)
    evaluated(configured, evaluation_type=EvaluationType.LIVE, labelled_fraction=0.9)
    configured.later(days=1)
    configured.record(configured.rollout("43"))
    configured.settle()
    before = configured.writes.get(LIVE)
    configured.later(days=40)

    due(configured)
    configured.settle()

    assert configured.writes.get(LIVE) == before
    assert "never" in configured.says("slack/deployment/2/live")


@pytest.mark.parametrize("measured", ["live", "offline"])
def test_many_models_are_looked_at_by_as_many_queries_as_one(configured: Any, measured: str) -> None:
    took = []
    for number in (1, 6):
        names = [f"model-{number}-{n}" for n in range(number)]
        sections = ", ".join(f"{name}: {{evaluate_every: 30d, retrain_every: 40d}}" for name in names)
        configured.run(catalogue.apply, parse(f"models: {{{sections}}}"), configured.now)
        for name in names:
            configured.record(configured.rollout("42", model=name))
            evaluated(configured, model=name)
            given = {"evaluation_type": EvaluationType(measured), "labelled_fraction": 0.9}
            evaluated(configured, model=name, occurred_at=configured.now + timedelta(days=1), **given)
        configured.later(days=18)
        before = configured.generations()
        asked = configured.statements(look, configured.now, configured.rules, ())
        took.append(sum(statement.startswith("SELECT") for statement in asked))
        told = configured.generations().keys() - before.keys()

    assert len([key for key in told if key.endswith("/live")]) == (6 if measured == "offline" else 0)
    assert took[0] == took[1]


def test_a_model_that_was_renamed_is_late_once(configured: Any) -> None:
    configured.later(days=9)
    due(configured)

    configured.act(RenameModel(model="fraud-scorer", name="fraud", by="U02BOB"))
    due(configured)

    assert [a.status for a in configured.rows(Alert)] == ["firing"]


def test_labels_that_cannot_be_here_yet_make_a_value_provisional(configured: Any) -> None:
    live = {"evaluation_type": EvaluationType.LIVE, "window_end": configured.now - timedelta(days=1)}
    configured.record(configured.rollout("42"))
    evaluated(configured, **live)
    configured.settle()
    early = configured.says(LIVE)

    evaluated(configured, **live | {"window_end": configured.now - timedelta(days=4)})
    configured.settle()

    assert early == '""'
    assert "AUC *0.950* live" in configured.says(LIVE)
