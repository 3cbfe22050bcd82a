from datetime import timedelta
from typing import Any

import pytest

from bot.slack.cards import Look


def test_the_root_says_what_it_is_who_has_it_and_what_is_suspected(story: Any, show: Any, words: Any) -> None:
    model, rollout, group = story.bad_release()
    incident = story.incident(model, suspect_change_id=rollout.id, lead="U02BOB")
    incident.next_update_at = story.now + timedelta(minutes=30)
    group.incident_id = incident.id
    story.ticket(incident)

    card = show("slack/incident/1")

    shown = words(card)
    assert card["channel"] == "#ml-fraud"
    assert card["text"] == "INC-1 SEV2 investigating: fraud-scorer declines payments"
    assert card["attachments"][0]["color"] == "#daa038"
    assert "🔥 *INC-1*  SEV2 · *Investigating* · *fraud-scorer* · v42 served · since " in shown
    assert "*Lead*\n<@U02BOB>" in shown
    assert "*Ticket*\n<https://jira.example.com/browse/ML-431|ML-431> In Progress" in shown
    assert "*Suspect*\n`v42` deployed 11 min before" in shown
    assert "*Next update*\n<!date^" in shown
    assert "🔴 fraud-scorer · *FeatureDrift* · 4 alerts, 3 firing · `merchant_country` 2, `device_id` 1" in shown


def test_its_buttons_carry_the_revision_and_roll_back_asks_first(story: Any, show: Any, controls: Any) -> None:
    model, rollout, _ = story.bad_release()
    story.incident(model, suspect_change_id=rollout.id, revision=3)

    buttons = controls(show("slack/incident/1"))

    assert set(buttons) == {"incident_update", "incident_rollback", "incident_resolve"}
    assert {b["value"] for b in buttons.values()} == {"1:3"}
    assert buttons["incident_update"]["style"] == "primary"
    assert buttons["incident_rollback"]["text"]["text"] == "Roll back to v41…"
    assert buttons["incident_rollback"]["style"] == "danger"
    dialog = buttons["incident_rollback"]["confirm"]
    assert dialog["title"]["text"] == "Roll back fraud-scorer?"
    assert "production: v42 to v41" in dialog["text"]["text"]


def test_after_somebody_asked_to_roll_back_the_card_says_who(story: Any, show: Any, words: Any, controls: Any) -> None:
    model, rollout, _ = story.bad_release()
    story.incident(model, suspect_change_id=rollout.id, rollback_by="U02BOB", rollback_at=story.now)

    card = show("slack/incident/1")

    assert "↩️ <@U02BOB> asked to roll back `v42` → `v41`" in words(card)
    assert "incident_rollback" not in controls(card)


def test_there_is_nothing_to_roll_back_once_the_version_is_gone(story: Any, show: Any, controls: Any) -> None:
    model = story.model()
    rollout = story.rollout(model)
    story.serving(model, "42", story.deployed, story.now)
    story.serving(model, "41", story.now)
    story.incident(model, suspect_change_id=rollout.id)

    assert "incident_rollback" not in controls(show("slack/incident/1"))


@pytest.mark.parametrize(
    ("tickets", "error", "said"),
    [
        (True, "", "*Ticket*\nbeing created"),
        (True, "503 from Jira", "*Ticket*\nfollows; Jira: 503 from Jira"),
        (False, "", "*Ticket*\nJira not connected"),
    ],
)
def test_the_card_says_why_there_is_no_ticket(
    tickets: bool, error: str, said: str, story: Any, show: Any, words: Any
) -> None:
    story.incident(story.model())
    if error:
        story.posted("jira/incident/1", None, error=error)

    assert said in words(show("slack/incident/1", Look(tickets=tickets)))


def test_a_sev1_is_red(story: Any, show: Any) -> None:
    story.incident(story.model(), severity="sev1")

    assert show("slack/incident/1")["attachments"][0]["color"] == "#a30200"


def test_a_shared_incident_names_every_model_and_alert(story: Any, show: Any, words: Any) -> None:
    incident = story.incident(None, "HighErrorRate on 90 models", symptom="HighErrorRate", shared=True)
    for n in range(90):
        story.group(story.model(f"model-{n:02}"), symptom="HighErrorRate", incident_id=incident.id)

    shown = words(show("slack/incident/1"))

    assert "*Suspect*\nshared cause suspected" in shown
    assert all(f"model-{n:02} HighErrorRate" in shown for n in range(6, 66))
    assert "and 24 more" in shown


def test_of_many_alerts_with_long_names_those_without_room_are_counted(story: Any, show: Any, words: Any) -> None:
    incident = story.incident(None, shared=True, symptom="PaymentsDeclineRateAboveObjective")
    for n in range(300):
        model = story.model(f"payments-fraud-scorer-europe-west-{n:03}", owner=None, on_call=None)
        story.group(model, "PaymentsDeclineRateAboveObjective", incident_id=incident.id)

    shown = words(show("slack/incident/1"))

    named = shown.count("PaymentsDeclineRateAboveObjective") - 6
    assert named > 30
    assert f"and {294 - named} more" in shown


def test_a_suspect_of_another_kind_is_named_by_its_kind(story: Any, show: Any, words: Any) -> None:
    model = story.model()
    change = story.change(model, "feature", "geo feed 2")
    story.incident(model, suspect_change_id=change.id)

    assert "*Suspect*\nfeature changed: geo feed 2 11 min before" in words(show("slack/incident/1"))


def test_a_resolved_incident_is_green_and_says_why(story: Any, show: Any, words: Any, controls: Any) -> None:
    model, _, group = story.bad_release()
    incident = story.incident(model, status="resolved", cause="data_upstream", eval_case="case 17")
    incident.resolved_at, incident.resolved_by = story.onset + timedelta(minutes=48), "U02BOB"
    incident.cause_by = "U02BOB"
    group.incident_id = incident.id
    story.ticket(incident, status="Done")

    card = show("slack/incident/1")

    shown = words(card)
    assert card["attachments"][0]["color"] == "#2eb886"
    assert "✅ *INC-1* resolved in 48 min\n*fraud-scorer declines payments*" in shown
    assert "cause: data upstream (<@U02BOB>)" in shown
    assert "|ML-431> Done · eval case case 17" in shown
    assert "fraud-scorer FeatureDrift" in shown
    assert set(controls(card)) == {"incident_reopen"}


def test_who_named_the_cause_later_stands_beside_it_and_not_who_resolved(story: Any, show: Any, words: Any) -> None:
    given = {"resolved_at": story.now, "resolved_by": "U02BOB", "cause_by": "U01ALICE"}
    story.incident(story.model(), status="resolved", cause="deploy", **given)

    shown = words(show("slack/incident/1"))

    assert "by <@U02BOB>\n" in shown
    assert "cause: deploy (<@U01ALICE>)" in shown


@pytest.mark.parametrize("cause", [None, "unknown"])
def test_an_unknown_cause_can_still_be_named(
    cause: str | None, story: Any, show: Any, words: Any, controls: Any
) -> None:
    story.incident(story.model(), status="resolved", cause=cause, resolved_at=story.now)

    card = show("slack/incident/1")

    assert "its alerts resolved\n" in words(card)
    assert "cause: unknown" in words(card)
    assert controls(card)["incident_resolve"]["text"]["text"] == "Set cause…"


def test_a_merged_incident_says_where_it_went(story: Any, show: Any, words: Any, controls: Any) -> None:
    target = story.opened(None, shared=True)
    story.incident(story.model(), status="merged", merged_into=target.id)

    card = show("slack/incident/2")

    assert "*INC-2* is part of <https://slack.com/archives/C02MLFRAUD/p1795420800000100|INC-1> now" in words(card)
    assert controls(card) == {}


def test_a_finished_roll_back_is_told_in_place_of_the_button(story: Any, show: Any, words: Any) -> None:
    story.incident(story.model(), status="mitigated", mitigation="rolled back v42 → v41 in production")

    shown = words(show("slack/incident/1"))

    assert "*Mitigated*" in shown
    assert "↩️ rolled back v42 → v41 in production" in shown


def test_an_incident_that_is_gone_shows_nothing(show: Any) -> None:
    assert show("slack/incident/9") is None
