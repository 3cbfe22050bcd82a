from datetime import timedelta
from typing import Any

from sqlalchemy import event

from bot.slack.cards import Look, render
from bot.store.tables import Delivery


def test_a_home_shows_its_owners_models_and_what_waits_for_them(
    story: Any, show: Any, words: Any, controls: Any
) -> None:
    model, rollout, group = story.bad_release()
    story.model("churn", owner="@dana", on_call=None)
    story.opened(model, suspect_change_id=rollout.id, lead="U02BOB")
    story.posted("slack/group/1", "C02MLFRAUD:1.1")
    story.measured(model, "auc", 0.912)
    story.heard("alertmanager")

    home = show("slack/home/U01ALICE")

    shown = words(home)
    assert home["user"] == "U01ALICE"
    assert "🟠 *fraud-scorer*  degraded · `v42` · AUC *0.912* · 🔥 INC-1 open" in shown
    assert "1 of 2 models" in shown
    assert "churn" not in shown
    assert "⏳ What was *FeatureDrift* on *fraud-scorer*?" in shown
    assert "🔥 *INC-1* SEV2 investigating · fraud-scorer · " in shown
    assert "connected: alertmanager ✅ · events ⚪ never heard · Jira ✅" in shown
    buttons = controls(home)
    assert buttons["run_1"]["value"] == "status fraud-scorer"
    assert buttons["run_1"]["accessibility_label"] == "Open fraud-scorer"
    assert buttons["link_incident_1"]["url"] == "https://slack.com/archives/C02MLFRAUD/p1795420800000100"
    assert buttons["link_group_1"]["url"].endswith("/C02MLFRAUD/p11")
    assert "incident_declare" in buttons
    assert group.id == 1


def test_an_alert_that_has_no_card_is_judged_in_the_home(story: Any, show: Any, controls: Any) -> None:
    _, _, group = story.bad_release()

    buttons = controls(show("slack/home/U01ALICE"))

    assert "link_group_1" not in buttons
    assert [buttons[f"group_{verdict}"]["value"] for verdict in ("acted", "real_later", "noise")] == [
        f"1:{group.revision}"
    ] * 3


def test_what_may_be_decided_waits_for_its_approvers_at_the_cost_of_one(story: Any, show: Any, words: Any) -> None:
    story.people()
    story.heard("events")
    asked: list[str] = []
    event.listen(story.db.get_bind(), "before_cursor_execute", lambda *a: asked.append(a[2]))
    took = []
    for name, user in (("eta", "@dana"), ("churn", "@dana"), ("search", "U03DANA"), ("fraud", "@bob")):
        rule = {"users": [user], "group": None, "not_author": True, "channel": None, "expires_s": 60, "rollback": False}
        story.proposal(story.model(name, approvers={"production": rule}))
        asked.clear()
        home = show("slack/home/U03DANA")
        took.append(sum("directory" in statement for statement in asked))

    assert took == [took[0]] * 4
    assert words(home).count("⏳ Promote") == 3
    assert "⏳ Promote *fraud*" not in words(home)
    assert "⏳ Promote" not in words(show("slack/home/U01ALICE"))


def test_the_first_home_is_a_checklist_with_the_next_step_only(story: Any, show: Any, words: Any) -> None:
    shown = words(show("slack/home/U01ALICE", Look()))

    assert shown.startswith(
        "Set up\n✅ Slack connected\n⚪ First event received\n⚪ A model is yours\n⚪ Jira connected"
    )
    assert shown.count("Next:") == 1


def test_who_owns_nothing_sees_every_model_and_how_to_own_one(story: Any, show: Any, words: Any) -> None:
    story.people()
    story.model("churn", owner=None, on_call=None)
    story.heard("events")

    shown = words(show("slack/home/U03DANA"))

    assert "⚪ *churn*  no data" in shown
    assert "Next: Write `owner:` with your name" in shown


def test_an_incident_without_a_cause_waits_for_who_led_it(story: Any, show: Any, words: Any) -> None:
    story.incident(story.model(), status="resolved", lead="U02BOB", resolved_at=story.now)

    assert "⏳ What caused *INC-1*?" in words(show("slack/home/U02BOB"))


def test_a_source_that_fell_silent_is_marked(story: Any, show: Any, words: Any) -> None:
    story.model()
    story.heard("alertmanager")
    story.heard("grafana", story.now - timedelta(days=4))

    assert "grafana ⚠️ silent since <!date^" in words(show("slack/home/U01ALICE"))


def test_deliveries_that_could_not_be_read_are_named(story: Any, show: Any, words: Any) -> None:
    story.model()
    at = {"received_at": story.now, "last_at": story.now}
    story.add(Delivery(source="grafana", digest="d", unmapped=1, reason="no model in <labels>", **at))

    assert "`grafana` sent something that I could not read: no model in &lt;labels&gt;" in words(
        show("slack/home/U01ALICE")
    )


def test_a_note_to_an_admin_says_what_is_wrong_and_what_to_do(story: Any, show: Any, words: Any) -> None:
    story.posted("jira/incident/1", None, error="401 Unauthorized: check JIRA_API_TOKEN")

    note = show("slack/dm/U03DANA/jira")

    assert note["user"] == "U03DANA"
    assert "Jira says: 401 Unauthorized: check JIRA_API_TOKEN" in words(note)
    assert "bellwether doctor" in note["text"]


def test_there_is_no_note_while_there_is_no_trouble(story: Any) -> None:
    assert render(story.db, "slack/dm/U03DANA/jira", Look()) is None


def test_a_note_that_was_sent_says_when_the_trouble_is_over(story: Any, show: Any, words: Any) -> None:
    story.posted("slack/dm/U03DANA/jira", "D03DANA:1795420800.000100")

    assert "✅ *Jira takes our tickets again.*" in words(show("slack/dm/U03DANA/jira"))
