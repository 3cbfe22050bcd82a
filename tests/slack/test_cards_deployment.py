from datetime import timedelta
from typing import Any

import pytest

from bot.slack.cards import Look


def test_a_finished_rollout_says_who_moved_what_where_and_whether_it_is_better(
    story: Any, show: Any, words: Any
) -> None:
    model, rollout, _ = story.bad_release()
    rollout.started_at = story.deployed - timedelta(minutes=6)
    for version, auc in (("41", 0.912), ("42", 0.934)):
        story.measured(model, "auc", auc, evaluation_type="offline", version=version)

    card = show("slack/deployment/1")

    shown = words(card)
    assert card["channel"] == "#ml-fraud"
    assert "🟢 *fraud-scorer*  `v41` → `v42` deployed to `production`" in shown
    assert "AUC *0.934* ▴ 0.022 better · 100 % traffic" in shown
    assert "6 min · <@U01ALICE>" in shown
    assert card["text"] == "🟢 fraud-scorer v41 → v42 deployed to production"


def test_a_canary_shows_its_share_and_step(story: Any, show: Any, words: Any) -> None:
    model = story.model()
    story.rollout(model, status="in_progress", traffic_percent=10.0, strategy="canary", step=1, steps=3)

    shown = words(show("slack/deployment/1"))

    assert "🔵 *fraud-scorer*  `v41` → `v42` deploying to `production`" in shown
    assert "canary 10 % · step 1 of 3" in shown


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("queued", "⏳ *fraud-scorer*  `v41` → `v42` waits to be deployed"),
        ("paused", "⏸ *fraud-scorer*  `v41` → `v42` deployment paused"),
        ("failed", "🔴 *fraud-scorer*  `v41` → `v42` failed to deploy to"),
        ("cancelled", "⚪ *fraud-scorer*  `v41` → `v42` deployment cancelled"),
        ("removed", "⚪ *fraud-scorer*  `v41` → `v42` removed from"),
        ("rolled_back", "↩️ *fraud-scorer*  `v42` → `v41` rolled back in"),
    ],
)
def test_each_status_has_its_sign_and_word(status: str, said: str, story: Any, show: Any, words: Any) -> None:
    story.rollout(story.model(), status=status)

    assert said in words(show("slack/deployment/1"))


def test_a_later_roll_back_turns_the_card_where_it_stands(story: Any, show: Any, words: Any) -> None:
    model, rollout, _ = story.bad_release()
    rollout.status = "rolled_back"
    story.rollout(model, "41", "42", occurred_at=story.now, started_at=story.now, trigger="rollback", actor="bob")

    shown = words(show("slack/deployment/1"))

    assert "↩️ *fraud-scorer*  `v42` → `v41` rolled back in `production` by <@U02BOB>" in shown
    assert "served 22 min" in shown


def test_after_a_roll_back_the_card_says_whose_values_it_shows(story: Any, show: Any, words: Any) -> None:
    model, rollout, _ = story.bad_release()
    rollout.status = "rolled_back"
    for version, auc in (("41", 0.912), ("42", 0.934)):
        story.measured(model, "auc", auc, evaluation_type="offline", version=version)
    story.rollout(model, "41", "42", occurred_at=story.now, started_at=story.now, trigger="rollback", actor="bob")

    shown = words(show("slack/deployment/1"))

    assert "`v42` → `v41` rolled back" in shown
    assert "Offline of `v42`: AUC *0.934* ▴ 0.022 better" in shown


def test_a_live_value_is_held_against_the_offline_one_when_its_labels_have_arrived(
    story: Any, show: Any, words: Any
) -> None:
    model, _, _ = story.bad_release()
    story.measured(model, "auc", 0.952, evaluation_type="offline", version="42")
    story.measured(model, "auc", 0.7, version="42", labelled_fraction=0.3)
    early = words(show("slack/deployment/1"))
    story.measured(model, "auc", 0.812, version="42", labelled_fraction=0.85, labels_until=story.deployed)

    late = words(show("slack/deployment/1"))

    assert "📏" not in early
    assert "📏 AUC offline 0.952 → live 0.812, gap 0.140 (tolerance 0.03) · labels to 23 Nov (85 % labelled)" in late


def test_what_may_be_chance_is_not_called_better(story: Any, show: Any, words: Any) -> None:
    model, _, _ = story.bad_release()
    for version, accuracy in (("41", 0.810), ("42", 0.812)):
        story.measured(model, "accuracy", accuracy, evaluation_type="offline", version=version, n=800)

    assert "Accuracy *0.812* ▴ 0.002, inconclusive" in words(show("slack/deployment/1"))


def test_the_first_version_of_a_model_comes_from_nowhere(story: Any, show: Any, words: Any) -> None:
    story.rollout(story.model(), previous=None)

    assert "🟢 *fraud-scorer*  `v42` deployed to `production`" in words(show("slack/deployment/1"))


def test_history_and_other_changes_have_no_card(story: Any, show: Any) -> None:
    model = story.model()
    story.rollout(model, quiet=True)
    story.change(model, "feature", "geo feed")

    assert show("slack/deployment/1") is None
    assert show("slack/deployment/2") is None
    assert show("slack/deployment/99") is None


def test_a_model_without_a_channel_speaks_in_the_default_one(story: Any, show: Any) -> None:
    story.rollout(story.model(channel=None))

    assert show("slack/deployment/1", Look(channel="#general"))["channel"] == "#general"
