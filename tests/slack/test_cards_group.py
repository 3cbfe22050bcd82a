from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot.store.tables import Serving

SILENT_VERDICTS = {"group_acted", "group_real_later", "group_noise", "group_open_incident"}


def test_a_firing_group_says_what_how_bad_and_since_which_change(story: Any, show: Any, words: Any) -> None:
    story.bad_release()

    card = show("slack/group/1")

    shown = words(card)
    assert card["channel"] == "#ml-fraud"
    assert card["attachments"][0]["color"] == "#a30200"
    assert "🔴 *Firing*  FeatureDrift · *fraud-scorer* `production`" in shown
    assert "*0.31* &gt; 0.2 · `merchant_country`, `device_id` + 1" in shown
    assert "4 alerts, 3 firing · began *11 min after* `v42` · v42 served · <https://example.com/rb|runbook>" in shown
    assert card["text"] == "Firing: FeatureDrift on fraud-scorer, 4 alerts, 3 firing"


def test_its_buttons_carry_the_group_and_what_was_shown(story: Any, show: Any, controls: Any) -> None:
    _, _, group = story.bad_release()
    group.revision = 7

    buttons = controls(show("slack/group/1"))

    assert set(buttons) == SILENT_VERDICTS
    assert {b["value"] for b in buttons.values()} == {"1:7"}
    assert buttons["group_acted"]["style"] == "primary"


def test_a_verdict_replaces_its_button_by_who_said_it(story: Any, show: Any, words: Any, controls: Any) -> None:
    _, _, group = story.bad_release()
    group.verdict, group.verdict_by, group.verdict_at = "acted", "U02BOB", story.now

    card = show("slack/group/1")

    assert "acted by <@U02BOB>" in words(card)
    assert set(controls(card)) == SILENT_VERDICTS - {"group_acted"}
    assert card["attachments"][0]["color"] == "#daa038"


def test_a_resolved_group_is_green_and_without_buttons(story: Any, show: Any, words: Any, controls: Any) -> None:
    _, _, group = story.bad_release()
    group.status, group.resolved_at, group.firing = "resolved", story.onset + timedelta(minutes=41), 0
    group.verdict, group.verdict_by = "acted", "U02BOB"

    card = show("slack/group/1")

    assert words({"blocks": card["blocks"]}) == "✅ *Resolved*  FeatureDrift · fraud-scorer"
    assert words({"attachments": card["attachments"]}) == "41 min · 4 alerts · acted by <@U02BOB>"
    assert controls(card) == {}
    assert card["attachments"][0]["color"] == "#2eb886"


def test_alerts_that_the_source_cut_off_keep_it_open_and_are_counted(story: Any, show: Any, words: Any) -> None:
    _, _, group = story.bad_release()
    group.status, group.unlisted = "unknown", 120

    card = show("slack/group/1")

    assert "120 more not sent by the source, so this stays open" in words(card)
    assert card["attachments"][0]["color"] == "#dddddd"


def test_the_last_three_times_are_told_as_they_were_known_when_it_opened(story: Any, show: Any, words: Any) -> None:
    model = story.model()
    for verdict in ("noise", "noise", "acted"):
        earlier = story.group(model, status="resolved", opened_at=story.now - timedelta(days=9))
        story.said(earlier, verdict, story.now - timedelta(days=9))
    story.group(model)
    before = words(show("slack/group/4"))
    story.said(earlier, "noise", story.now)

    after = words(show("slack/group/4"))

    assert "last 3 times: 1 acted, 2 noise" in before
    assert before == after


def test_a_soft_group_in_an_open_incident_has_no_card_of_its_own(story: Any, show: Any) -> None:
    model, _, group = story.bad_release()
    group.incident_id = story.incident(model, symptom="HighErrorRate").id

    assert show("slack/group/1") is None


def test_the_group_that_opened_the_incident_keeps_its_card_and_links_the_thread(
    story: Any, show: Any, words: Any, controls: Any
) -> None:
    model, _, group = story.bad_release()
    group.incident_id = story.opened(model).id

    card = show("slack/group/1")

    assert "<https://slack.com/archives/C02MLFRAUD/p1795420800000100|INC-1>" in words(card)
    assert "group_open_incident" not in controls(card)


def test_a_card_that_exists_is_kept_true_whatever_folds_it(story: Any, show: Any, words: Any) -> None:
    model, _, group = story.bad_release()
    story.posted("slack/group/1", "C02MLFRAUD:1.1")
    group.incident_id = story.incident(model, symptom="HighErrorRate").id
    group.storm_id = story.storm().id

    assert "FeatureDrift" in words(show("slack/group/1"))


def test_a_group_gets_its_card_when_the_storm_is_over_unless_it_resolved_meanwhile(story: Any, show: Any) -> None:
    _, _, group = story.bad_release()
    storm = story.storm()
    group.storm_id = storm.id
    during = show("slack/group/1")
    storm.closed_at = story.now

    after = show("slack/group/1")
    group.status, group.resolved_at = "resolved", story.now

    assert during is None
    assert after is not None
    assert show("slack/group/1") is None


def test_a_group_in_a_merged_incident_belongs_to_the_one_it_was_merged_into(story: Any, show: Any, words: Any) -> None:
    model, _, group = story.bad_release()
    target = story.opened(None, symptom="FeatureDrift", shared=True)
    group.incident_id = story.incident(model, status="merged", merged_into=target.id).id
    story.posted("slack/group/1", "C02MLFRAUD:1.1")

    assert "INC-1" in words(show("slack/group/1"))


def test_a_group_that_only_filled_history_has_no_card(story: Any, show: Any) -> None:
    story.group(story.model(), quiet=True)

    assert show("slack/group/1") is None


@pytest.mark.parametrize(("status", "word"), [("suppressed", "⏸ *Silenced*"), ("unknown", "⚪ *Unknown*")])
def test_other_states_are_grey_and_named(status: str, word: str, story: Any, show: Any, words: Any) -> None:
    story.group(story.model(), status=status)

    card = show("slack/group/1")

    assert word in words(card)
    assert card["attachments"][0]["color"] == "#dddddd"


def test_an_alert_of_no_model_says_so(story: Any, show: Any, words: Any) -> None:
    story.group(None, symptom="NodeDown")

    assert "NodeDown · no model `production`" in words(show("slack/group/1"))


def test_a_group_of_a_thousand_alerts_is_counted_in_the_database(story: Any, show: Any, words: Any) -> None:
    group = story.group(story.model(), firing=1000, total=1000)
    for n in range(1000):
        story.alert(group, feature=f"column_{n % 300}")

    assert "`column_0`, `column_1` + 298" in words(show("slack/group/1"))


@pytest.mark.parametrize(
    ("label", "split", "said"),
    [
        (None, False, "v42 served"),
        (None, True, "v41 90 %, v42 10 % served"),
        ("41", False, "label says v41, but v42 served"),
        ("42", False, "v42"),
        ("42", True, "v42"),
    ],
)
def test_the_version_at_onset_is_named_and_none_is_picked_of_two(
    label: str | None, split: bool, said: str, story: Any, show: Any, words: Any
) -> None:
    model = story.model()
    story.serving(model, "41", story.now - timedelta(days=30), None if split else story.deployed - timedelta(hours=2))
    story.serving(model, "42", story.deployed - timedelta(hours=2), traffic_percent=10.0 if split else 100.0)
    for row in story.db.exec(select(Serving).where(Serving.version == "41")):
        row.traffic_percent = 90.0 if split else 100.0
    group = story.group(model, version=label)
    group.incident_id = story.incident(model).id

    assert f"1 alert · {said}" in words(show("slack/group/1"))
    assert f"*fraud-scorer* · {said} · since" in words(show("slack/incident/1"))


def test_what_nobody_knows_of_the_version_is_not_said(story: Any, show: Any, words: Any) -> None:
    story.group(story.model())

    assert "served" not in words(show("slack/group/1"))
