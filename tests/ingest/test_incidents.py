"""Incidents: which alerts open them, what joins them, when they end, and what people do to them."""

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.actions import (
    AskRollback,
    Cause,
    DeclareIncident,
    GiveVerdict,
    IncidentStatus,
    ReopenIncident,
    ResolveIncident,
    StaleAction,
    UpdateIncident,
    Verdict,
)
from bot.domain.errors import UserError
from bot.domain.facts import ChangeFact, ChangeType, Trigger
from bot.store.tables import AlertGroup, Audit, Decision, Incident, TimelineEntry, Triage


def hard(world: Any, **more: Any) -> Any:
    return world.alert("PaymentsSLO", kind="hard", **more)


def models(world: Any, first: int, last: int, **more: Any) -> list[Any]:
    return [hard(world, model=f"m{n:02}", **more) for n in range(first, last)]


def roots(world: Any) -> list[str]:
    return sorted(k for k in world.shown if re.fullmatch(r"slack/incident/\d+", k))


# Which alerts open an incident


@pytest.mark.parametrize("kind", ["soft", "drift", "infra"])
def test_only_a_hard_alert_opens_an_incident(world: Any, kind: str) -> None:
    world.record(world.alert(kind=kind, severity="critical"))

    assert world.rows(Incident) == []


def test_a_hard_alert_opens_one(world: Any) -> None:
    world.record(hard(world, summary="declines 4.1 % of payments"))

    incident = world.incident()
    assert incident.title == "fraud-scorer: declines 4.1 % of payments"
    assert (incident.severity, incident.status, incident.opened_by) == ("sev2", "investigating", None)
    assert world.group().incident_id == incident.id


def test_a_second_hard_alert_joins_the_open_incident_of_its_model(world: Any) -> None:
    world.record(hard(world))

    world.record(world.alert("Latency", kind="hard"))

    assert [g.incident_id for g in world.rows(AlertGroup)] == [1, 1]
    assert len(world.rows(Incident)) == 1


def test_a_hard_alert_joins_what_a_person_declared_for_its_model(world: Any) -> None:
    world.act(DeclareIncident(by="U02BOB", title="it smells", model="fraud-scorer"))

    world.record(hard(world))

    assert world.incident().title == "it smells"
    assert world.group().incident_id == 1


@pytest.mark.parametrize("before", [True, False])
def test_softer_alerts_fold_into_the_incident_of_their_model(world: Any, before: bool) -> None:
    drift = world.alert("Drift", kind="drift")
    if before:
        world.record(drift)
    world.record(hard(world))
    if not before:
        world.record(drift)

    world.draw()

    assert [g.incident_id for g in world.rows(AlertGroup)] == [1, 1]
    assert "Drift" in world.says("slack/incident/1")
    assert world.says(f"slack/group/{world.group(symptom='Drift').id}") == '""'


def test_alerts_of_other_models_stay_out(world: Any) -> None:
    world.record(hard(world))

    world.record(world.alert("Drift", model="churn"))

    assert world.group(symptom="Drift").incident_id is None


def test_an_alert_of_no_model_opens_an_incident_of_its_own(world: Any) -> None:
    world.record(hard(world, model=None, summary="the cluster is gone"))

    assert (world.incident().title, world.incident().model_id) == ("the cluster is gone", None)


def test_the_change_nearest_before_is_named_as_suspect(world: Any) -> None:
    world.record(world.rollout("41", occurred_at=world.now - timedelta(days=9)))
    world.record(world.rollout("42"))
    world.later(minutes=13)

    world.record(hard(world, lookback=timedelta(minutes=2)))
    world.draw()

    assert world.incident().suspect == "v42 deployed 11 min before onset"
    assert "11 min before" in world.says("slack/incident/1")


def test_a_rollout_to_where_no_users_are_is_no_suspect(world: Any) -> None:
    world.model("fraud-scorer", stages=["lab", "fleet"])
    world.record(world.rollout("41", stage="fleet", occurred_at=world.now - timedelta(minutes=20)))
    world.record(world.rollout("42", stage="lab"))
    world.later(minutes=13)

    world.record(hard(world, stage=None, lookback=timedelta(minutes=2)))
    world.draw()

    assert world.incident().suspect == "v41 deployed 31 min before onset"
    assert "v41 served" in world.says("slack/incident/1")


@pytest.mark.parametrize(("stage", "chance"), [("staging", ""), ("production", " (7 changes a day: 13% by chance)")])
def test_what_changes_where_no_users_are_makes_no_coincidence_likely(world: Any, stage: str, chance: str) -> None:
    tuned = {"change_type": ChangeType.CONFIG, "summary": "tuned", "model": "fraud-scorer", "stage": stage}
    days = (world.now - timedelta(days=20, hours=n) for n in range(186))
    world.record(*(ChangeFact(occurred_at=at, **tuned) for at in days))
    world.record(world.rollout("42"))
    world.later(minutes=33)

    world.record(hard(world, lookback=timedelta(minutes=2)))

    assert world.incident().suspect == f"v42 deployed 31 min before onset{chance}"


def test_a_rollout_that_is_told_after_the_alert_is_named_all_the_same(world: Any) -> None:
    world.record(world.rollout("41", occurred_at=world.now - timedelta(days=9)))
    deployed = world.rollout("42")
    world.later(minutes=13)
    world.record(hard(world, lookback=timedelta(minutes=2)))
    world.settle()
    assert "no change known near before" in world.says("slack/incident/1")

    world.record(deployed)
    world.settle()

    assert world.incident().suspect == "v42 deployed 11 min before onset"
    assert "11 min before" in world.says("slack/incident/1")
    assert "Roll back to v41" in world.says("slack/incident/1")
    assert "v42 deployed 11 min before onset" in world.says("jira/incident/1")


def test_a_suspect_that_was_named_stays(world: Any) -> None:
    world.record(world.rollout("42"))
    world.later(minutes=13)
    world.record(hard(world, lookback=timedelta(minutes=2)))

    near = ChangeFact(change_type=ChangeType.CONFIG, summary="x", occurred_at=world.now, model="fraud-scorer")
    world.record(near)

    assert world.incident().suspect == "v42 deployed 11 min before onset"


# One cause, many models


def test_fifty_models_in_one_delivery_are_one_incident(world: Any) -> None:
    world.record(*models(world, 0, 50))
    world.draw()

    assert world.incident().title == "PaymentsSLO on 50 models: shared cause suspected"
    assert {g.incident_id for g in world.rows(AlertGroup)} == {world.incident().id}
    assert len(roots(world)) == 1


def test_fifty_models_in_fifty_deliveries_are_one_incident(world: Any) -> None:
    for fact in models(world, 0, 50):
        world.record(fact)
        world.later(milliseconds=10)
    world.draw()

    assert world.incident().title == "PaymentsSLO on 50 models: shared cause suspected"
    assert {g.incident_id for g in world.rows(AlertGroup)} == {world.incident().id}
    assert len(roots(world)) == 1
    assert [k for k in world.shown if "log" in k] == []


def test_incidents_that_were_shown_already_say_where_they_went(world: Any) -> None:
    for fact in models(world, 0, 4):
        world.record(fact)
    world.draw()
    assert len(roots(world)) == 4

    for fact in models(world, 4, 50):
        world.record(fact)
    world.draw()

    shared = world.row(Incident, shared=True)
    merged = world.rows(Incident, status="merged")
    assert [i.merged_into for i in merged] == [shared.id] * 3
    assert {g.incident_id for g in world.rows(AlertGroup)} == {shared.id}
    assert "50 models" in world.says(f"slack/incident/{shared.id}")
    for incident in merged:
        assert f"is part of INC-{shared.id}" in world.says(f"slack/incident/{incident.id}")
    assert len(world.rows(Incident)) == 4


def test_four_models_are_four_incidents(world: Any) -> None:
    world.record(*models(world, 0, 4))

    assert len(world.rows(Incident)) == 4


def test_the_same_alert_on_five_models_over_an_hour_is_no_shared_cause(world: Any) -> None:
    for fact_number in range(5):
        world.record(*models(world, fact_number, fact_number + 1))
        world.later(minutes=12)

    assert len(world.rows(Incident, shared=False)) == 5


def test_a_model_that_joins_late_joins_the_shared_incident(world: Any) -> None:
    world.record(*models(world, 0, 6))
    world.later(minutes=20)

    world.record(*models(world, 6, 7))

    assert len(world.rows(Incident)) == 1
    assert world.incident().title.startswith("PaymentsSLO on 7 models")


def test_what_a_person_declared_is_not_taken_into_a_shared_incident(world: Any) -> None:
    world.record(world.alert("PaymentsSLO", model="m00"))
    world.act(DeclareIncident(by="U02BOB", title="m00 is mine", group_id=1))

    world.record(*models(world, 0, 9))

    assert world.incident(1).title == "m00 is mine"
    assert not world.incident(1).shared
    assert world.row(Incident, shared=True).title.startswith("PaymentsSLO on 9 models")


def test_a_shared_incident_reopens_when_its_alerts_flap(world: Any) -> None:
    world.record(*models(world, 0, 9))
    world.later(minutes=1)
    world.record(*models(world, 0, 9, status="resolved", starts_at=world.now - timedelta(minutes=1)))
    assert world.incident().status == "resolved"
    world.later(minutes=1)

    world.record(*models(world, 0, 9))

    assert world.incident().status == "investigating"
    assert world.incident().shared


def test_a_shared_incident_ends_with_its_last_alert(world: Any) -> None:
    world.record(*models(world, 0, 9))
    world.record(*models(world, 0, 8, status="resolved"))
    assert world.incident().status == "investigating"

    world.record(*models(world, 8, 9, status="resolved"))

    assert world.incident().status == "resolved"


# How they end


def test_an_incident_of_the_bot_closes_when_all_its_alerts_are_over(world: Any) -> None:
    world.record(hard(world), world.alert("Drift"))
    world.record(hard(world, status="resolved"))
    assert world.incident().status == "investigating"

    world.record(world.alert("Drift", status="resolved"))
    world.draw()

    incident = world.incident()
    assert (incident.status, incident.resolved_by) == ("resolved", None)
    assert "all 2 alerts are resolved" in [e.text for e in world.rows(TimelineEntry)]
    assert "resolved in" in world.says("slack/incident/1")


def test_it_stays_open_while_alerts_were_cut_off(world: Any) -> None:
    world.record(hard(world, upstream_group="g", unlisted=3))

    world.record(hard(world, upstream_group="g", unlisted=3, status="resolved"))

    assert world.incident().status == "investigating"


def test_what_a_person_declared_a_person_closes(world: Any) -> None:
    world.record(world.alert())
    world.act(DeclareIncident(by="U02BOB", title="it smells", group_id=1))

    world.record(world.alert(status="resolved"))

    assert world.incident().status == "investigating"


def test_it_reopens_when_its_alert_fires_again_soon(world: Any) -> None:
    world.record(hard(world))
    world.record(hard(world, status="resolved"))
    world.draw()
    world.later(minutes=10)

    world.record(hard(world))
    world.draw()

    incident = world.incident()
    assert (incident.status, incident.resolved_at, incident.mitigated_at) == ("investigating", None, None)
    assert "Investigating" in world.says("slack/incident/1")
    assert "fires again" in " ".join(world.says(k) for k in world.shown if "/log/" in k)


def test_it_is_a_new_one_when_its_alert_fires_again_much_later(world: Any) -> None:
    world.record(hard(world))
    world.record(hard(world, status="resolved"))
    world.later(hours=3)

    world.record(hard(world))

    assert [i.status for i in world.rows(Incident)] == ["resolved", "investigating"]


# People


def test_a_verdict_is_kept_with_name_and_time(world: Any) -> None:
    world.record(world.alert())
    world.draw()

    world.act(GiveVerdict(group_id=1, verdict=Verdict.NOISE, by="U02BOB", seen=1))
    world.draw()

    group = world.group()
    assert (group.verdict, group.verdict_by, group.revision) == ("noise", "U02BOB", 2)
    assert [(t.verdict, t.by) for t in world.rows(Triage)] == [("noise", "U02BOB")]
    assert "U02BOB" in world.says("slack/group/1")


def test_a_verdict_on_an_old_card_changes_nothing_and_says_who_was_first(world: Any) -> None:
    world.record(world.alert())
    world.act(GiveVerdict(group_id=1, verdict=Verdict.ACTED, by="U02BOB", seen=1))
    world.later(minutes=5)

    with pytest.raises(StaleAction, match=r"<@U02BOB> already marked it \*acted\*. Nothing done"):
        world.act(GiveVerdict(group_id=1, verdict=Verdict.NOISE, by="U01ALICE", seen=1))

    assert world.group().verdict == "acted"
    assert len(world.rows(Triage)) == len(world.rows(Audit)) == 1


def test_a_verdict_can_be_changed_on_the_card_that_shows_it(world: Any) -> None:
    world.record(world.alert())
    world.act(GiveVerdict(group_id=1, verdict=Verdict.ACTED, by="U02BOB", seen=1))

    world.act(GiveVerdict(group_id=1, verdict=Verdict.NOISE, by="U01ALICE", seen=2))

    assert world.group().verdict == "noise"
    assert [t.verdict for t in world.rows(Triage)] == ["acted", "noise"]


def test_a_verdict_on_a_card_that_only_joined_an_incident_counts(world: Any) -> None:
    world.record(world.alert())
    world.record(hard(world))

    world.act(GiveVerdict(group_id=1, verdict=Verdict.REAL_LATER, by="U02BOB", seen=1))

    assert world.group(id=1).verdict == "real_later"


def test_a_verdict_on_a_group_that_is_gone_is_refused(world: Any) -> None:
    with pytest.raises(UserError, match="gone"):
        world.act(GiveVerdict(group_id=7, verdict=Verdict.NOISE, by="U02BOB"))


def test_an_incident_is_declared_from_an_alert(world: Any) -> None:
    world.record(world.alert(lookback=timedelta(minutes=5)), world.alert("Drift"))
    world.draw()

    number = world.act(DeclareIncident(by="U02BOB", title="nulls hurt", severity="sev1", group_id=1, lead="U01ALICE"))
    world.draw()

    incident = world.incident(number)
    assert (incident.opened_by, incident.lead, incident.severity) == ("U02BOB", "U01ALICE", "sev1")
    assert incident.onset_at == world.group(id=1).opened_at - timedelta(minutes=5)
    assert [g.incident_id for g in world.rows(AlertGroup)] == [number, number]
    assert "NullRate" in world.says("slack/incident/1")


def test_one_model_has_one_open_incident(world: Any) -> None:
    world.record(hard(world))

    with pytest.raises(StaleAction, match="INC-1 is open for fraud-scorer already"):
        world.act(DeclareIncident(by="U02BOB", title="again", model="fraud-scorer"))
    with pytest.raises(StaleAction, match="INC-1 is open for this alert already"):
        world.act(DeclareIncident(by="U02BOB", title="again", group_id=1))

    assert len(world.rows(Incident)) == 1


@pytest.mark.parametrize("of", [{"model": "fraud-scorer"}, {"group_id": 1}])
def test_whoever_is_refused_reads_the_title_as_it_is(world: Any, of: dict[str, Any]) -> None:
    title = "p99 < 250 ms, <!channel>"
    first = world.act(DeclareIncident(by="U02BOB", title=title, model="fraud-scorer"))
    world.record(hard(world))

    with pytest.raises(StaleAction, match=rf"INC-{first} is .*: p99 &lt; 250 ms, &lt;!channel&gt;\."):
        world.act(DeclareIncident(by="U02BOB", title="again", **of))


def test_an_incident_can_be_declared_of_nothing_that_we_know(world: Any) -> None:
    world.act(DeclareIncident(by="U02BOB", title="the office is dark"))
    world.draw()

    assert world.incident().lead == "U02BOB"
    assert "the office is dark" in world.says("slack/incident/1")


def test_an_update_moves_what_it_names_and_stands_in_the_thread(world: Any) -> None:
    world.record(hard(world))
    world.draw()
    soon = world.now + timedelta(minutes=30)

    world.act(
        UpdateIncident(
            incident_id=1,
            by="U02BOB",
            text="going back",
            status=IncidentStatus.FIXING,
            severity="sev1",
            next_update_at=soon,
            seen=1,
        )
    )
    world.draw()

    incident = world.incident()
    assert (incident.status, incident.severity, incident.lead) == ("fixing", "sev1", "U02BOB")
    assert (incident.next_update_at, incident.revision) == (soon, 2)
    (reply,) = [k for k in world.shown if "/log/" in k]
    assert "going back" in world.says(reply)
    assert "investigating → fixing" in world.says(reply)


def test_an_update_that_says_nothing_is_refused(world: Any) -> None:
    world.record(hard(world))

    with pytest.raises(UserError, match="nothing to tell"):
        world.act(UpdateIncident(incident_id=1, by="U02BOB", text="  ", status=IncidentStatus.INVESTIGATING))

    assert world.incident().lead is None
    assert world.rows(Audit) == []


def test_mitigated_is_noted_once(world: Any) -> None:
    world.record(hard(world))
    first = world.later(minutes=4)
    world.act(UpdateIncident(incident_id=1, by="U02BOB", status=IncidentStatus.MITIGATED))
    world.later(minutes=4)

    world.act(ResolveIncident(incident_id=1, by="U02BOB", cause=Cause.DEPLOY))

    assert world.incident().mitigated_at == first


@pytest.fixture
def released(world: Any) -> Any:
    """v41, then v42, then a hard alert, all of it on the wall."""
    world.record(world.rollout("41", occurred_at=world.now - timedelta(days=9)))
    world.record(world.rollout("42"))
    world.later(minutes=12)
    world.record(hard(world))
    world.draw()
    return world


def test_a_rollback_is_a_decision_with_a_name(released: Any) -> None:
    world = released

    world.act(AskRollback(incident_id=1, by="U02BOB", seen=1))
    world.draw()

    decision = world.row(Decision)
    assert (decision.kind, decision.version, decision.previous_version, decision.by) == (
        "rollback",
        "41",
        "42",
        "U02BOB",
    )
    assert (world.incident().status, world.incident().lead) == ("fixing", "U02BOB")
    assert "asked to roll back" in world.says("slack/incident/1")
    assert [k for k in world.shown if "/log/" in k] == []


def test_a_rollback_is_asked_for_once(released: Any) -> None:
    world = released
    world.act(AskRollback(incident_id=1, by="U02BOB", seen=1))

    with pytest.raises(StaleAction, match="<@U02BOB> already asked to roll back v42 → v41"):
        world.act(AskRollback(incident_id=1, by="U01ALICE", seen=1))
    with pytest.raises(StaleAction, match="<@U02BOB> already asked to roll back"):
        world.act(AskRollback(incident_id=1, by="U01ALICE"))

    assert len(world.rows(Decision)) == 1


def test_a_rollback_of_what_does_not_serve_any_more_is_refused(released: Any) -> None:
    world = released
    world.record(world.rollout("43"))

    with pytest.raises(StaleAction, match="v42 does not serve any more"):
        world.act(AskRollback(incident_id=1, by="U02BOB"))

    assert world.rows(Decision) == []


def test_without_an_earlier_version_nobody_can_roll_back(world: Any) -> None:
    world.record(hard(world))

    with pytest.raises(UserError, match="no earlier version"):
        world.act(AskRollback(incident_id=1, by="U02BOB"))


def test_a_finished_rollback_mitigates(released: Any) -> None:
    world = released
    world.act(AskRollback(incident_id=1, by="U02BOB"))
    done = world.later(minutes=2)

    world.record(world.rollout("41", trigger=Trigger.ROLLBACK, previous_version="42"))
    world.draw()

    incident = world.incident()
    assert (incident.status, incident.mitigated_at) == ("mitigated", done)
    assert "rolled back v42 → v41" in world.says("slack/incident/1")
    assert sum("finished" in world.says(k) for k in world.shown if "/log/" in k) == 1


@pytest.mark.parametrize("closed", [False, True])
def test_what_was_rolled_back_and_serves_again_is_not_mitigated(released: Any, closed: bool) -> None:
    world = released
    world.act(AskRollback(incident_id=1, by="U02BOB"))
    world.later(minutes=2)
    world.record(world.rollout("41", trigger=Trigger.ROLLBACK, previous_version="42"))
    if closed:
        world.act(ResolveIncident(incident_id=1, by="U02BOB", cause=Cause.UNKNOWN))
    world.later(hours=2)

    world.record(world.rollout("42"))
    if closed:
        world.act(ReopenIncident(incident_id=1, by="U02BOB"))
    world.draw()

    incident = world.incident()
    assert (incident.status, incident.mitigated_at) == ("investigating", None)
    assert "rolled back v42 → v41" not in world.says("slack/incident/1")
    assert "incident_rollback" in world.says("slack/incident/1")


def test_a_person_resolves_with_a_cause(world: Any) -> None:
    world.record(hard(world))
    world.draw()

    world.act(ResolveIncident(incident_id=1, by="U02BOB", cause=Cause.DEPLOY, text="v42", eval_case="cases/7", seen=1))
    world.draw()

    incident = world.incident()
    assert (incident.status, incident.resolved_by, incident.cause) == ("resolved", "U02BOB", "deploy")
    assert incident.eval_case == "cases/7"
    assert "cause: deploy" in world.says("slack/incident/1")
    assert "cause: deploy" in " ".join(world.says(k) for k in world.shown if "/log/" in k)


def test_the_cause_of_one_that_closed_by_itself_can_be_named_later_once(world: Any) -> None:
    world.record(hard(world))
    world.record(hard(world, status="resolved"))

    world.act(ResolveIncident(incident_id=1, by="U02BOB", cause=Cause.DATA_UPSTREAM))
    with pytest.raises(StaleAction, match="<@U02BOB> already resolved it"):
        world.act(ResolveIncident(incident_id=1, by="U01ALICE", cause=Cause.DEPLOY))

    incident = world.incident()
    assert (incident.cause, incident.cause_by, incident.resolved_by) == ("data_upstream", "U02BOB", None)


def test_a_person_reopens(world: Any) -> None:
    world.record(hard(world))
    world.act(ResolveIncident(incident_id=1, by="U02BOB"))
    world.draw()
    assert "Open incident" in world.says("slack/group/1")

    world.act(ReopenIncident(incident_id=1, by="U01ALICE", seen=1))
    world.draw()

    assert (world.incident().status, world.incident().resolved_at) == ("investigating", None)
    assert "Open incident" not in world.says("slack/group/1")
    with pytest.raises(StaleAction, match="<@U01ALICE> already reopened it"):
        world.act(ReopenIncident(incident_id=1, by="U02BOB"))


def test_reopening_what_the_alert_reopened_says_so(world: Any) -> None:
    world.record(hard(world))
    world.record(hard(world, status="resolved"))
    world.act(ResolveIncident(incident_id=1, by="U02BOB", cause=Cause.LABELS))
    world.later(minutes=3)
    world.record(hard(world))

    with pytest.raises(StaleAction, match="its alert fires again"):
        world.act(ReopenIncident(incident_id=1, by="U01ALICE"))


def test_a_form_that_was_opened_before_another_was_sent_changes_nothing(world: Any) -> None:
    world.record(hard(world))
    world.act(UpdateIncident(incident_id=1, by="U02BOB", text="looking", seen=1))

    with pytest.raises(StaleAction, match="<@U02BOB> already updated it"):
        world.act(UpdateIncident(incident_id=1, by="U01ALICE", text="looking too", seen=1))
    with pytest.raises(StaleAction, match="<@U02BOB> already updated it"):
        world.act(ResolveIncident(incident_id=1, by="U01ALICE", seen=1))

    assert world.incident().status == "investigating"
    assert [e.text for e in world.rows(TimelineEntry)] == ["looking"]


def test_whoever_updates_what_closed_by_itself_hears_that_it_did(world: Any) -> None:
    world.record(hard(world))
    world.act(UpdateIncident(incident_id=1, by="U02BOB", text="looking"))
    world.record(hard(world, status="resolved"))

    with pytest.raises(StaleAction, match="all its alerts are over"):
        world.act(UpdateIncident(incident_id=1, by="U01ALICE", text="me too"))


def test_acts_on_a_merged_incident_point_to_the_shared_one(world: Any) -> None:
    world.record(*models(world, 0, 2))
    world.draw()
    world.record(*models(world, 2, 9))

    with pytest.raises(UserError, match="INC-2 is part of INC-1 now"):
        world.act(UpdateIncident(incident_id=2, by="U02BOB", text="x"))


def test_an_incident_that_never_was_cannot_be_resolved(world: Any) -> None:
    with pytest.raises(UserError, match="There is no INC-9"):
        world.act(ResolveIncident(incident_id=9, by="U02BOB"))


def test_every_act_is_in_the_audit(released: Any) -> None:
    world = released
    world.act(GiveVerdict(group_id=1, verdict=Verdict.ACTED, by="U01ALICE"))
    world.act(UpdateIncident(incident_id=1, by="U02BOB", text="looking"))
    world.act(AskRollback(incident_id=1, by="U02BOB"))
    world.act(ResolveIncident(incident_id=1, by="U02BOB", cause=Cause.DEPLOY))
    world.act(ReopenIncident(incident_id=1, by="U01ALICE"))

    world.act(DeclareIncident(by="U03DANA", title="another", model="churn"))

    audit = [(a.who, a.what, a.subject) for a in world.rows(Audit)]
    assert audit == [
        ("U01ALICE", "GiveVerdict", "group/1"),
        ("U02BOB", "UpdateIncident", "incident/1"),
        ("U02BOB", "AskRollback", "incident/1"),
        ("U02BOB", "ResolveIncident", "incident/1"),
        ("U01ALICE", "ReopenIncident", "incident/1"),
        ("U03DANA", "DeclareIncident", "incident/2"),
    ]
    assert world.rows(Audit)[3].detail["cause"] == "deploy"


def test_without_a_ticket_system_there_is_nothing_to_bring_up_to_date_there(world: Any) -> None:
    world.rules = type(world.rules)(tickets=False)

    world.record(hard(world))
    world.act(UpdateIncident(incident_id=1, by="U02BOB", text="looking"))
    world.record(hard(world, status="resolved"))

    assert [k for k in world.generations() if k.startswith("jira/")] == []


def test_a_change_that_is_told_late_stands_in_the_thread(world: Any) -> None:
    world.record(hard(world))
    world.draw()
    change = ChangeFact(
        change_type=ChangeType.DATA,
        summary="feed geo-2",
        occurred_at=world.now - timedelta(hours=1),
        model="fraud-scorer",
    )

    world.record(change)
    world.draw()

    assert "feed geo-2" in world.says("slack/incident/1/changes")


def test_a_change_of_what_the_model_depends_on_stands_in_the_thread(world: Any) -> None:
    world.model("fraud-scorer", depends_on=["geo-features"])
    world.record(hard(world))
    world.draw()
    change = ChangeFact(
        change_type=ChangeType.DATA,
        summary="feed geo-2",
        occurred_at=world.now - timedelta(hours=1),
        model="geo-features",
    )

    world.record(change)
    world.draw()

    assert "feed geo-2" in world.says("slack/incident/1/changes")
