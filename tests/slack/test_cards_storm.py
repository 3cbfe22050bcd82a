from typing import Any

import pytest

from bot.slack.cards import Look


def seven(story: Any, count: int = 7) -> Any:
    storm = story.storm()
    for n in range(count):
        model = story.model(f"model-{n}")
        hard = "hard" if n == 3 else "soft"
        story.group(model, symptom=f"Latency{n}", storm_id=storm.id, alert_class=hard, total=2)
    return storm


def test_a_storm_lists_every_group_with_its_model(story: Any, show: Any, words: Any) -> None:
    seven(story)

    card = show("slack/storm/1")

    shown = words(card)
    assert "*7 alert groups opened at once in this channel*" in shown
    assert all(f"model-{n}\nLatency{n}" in shown for n in range(7))
    assert shown.index("model-3\nLatency3") < shown.index("model-0\nLatency0")
    assert "Latency3 on model-3" in card["text"]


def test_a_storm_whose_groups_are_all_resolved_is_done(story: Any, show: Any, words: Any) -> None:
    storm = seven(story, 2)
    for group in story.db.exec(story.groups_of_storm(storm.id)):
        group.status = "resolved"

    assert "✅ *All 2 alert groups of this storm are resolved*" in words(show("slack/storm/1"))


def test_a_storm_that_is_over_says_where_its_open_groups_are(story: Any, show: Any, words: Any) -> None:
    seven(story).closed_at = story.now

    assert "groups that are still open have cards of their own" in words(show("slack/storm/1"))


def test_groups_beyond_the_table_are_still_named(story: Any, show: Any, words: Any) -> None:
    seven(story, 140)

    shown = words(show("slack/storm/1"))

    assert all(f"Latency{n}" in shown for n in range(140))


@pytest.mark.parametrize("refused", [{"data_table"}, {"data_table", "table"}])
def test_a_workspace_that_takes_no_tables_gets_the_names_all_the_same(
    refused: set[str], story: Any, show: Any, words: Any
) -> None:
    seven(story)

    shown = words(show("slack/storm/1", Look(refused=frozenset(refused))))

    assert all(f"Latency{n}" in shown for n in range(7))


def test_a_storm_without_groups_shows_nothing(story: Any, show: Any) -> None:
    story.storm()

    assert show("slack/storm/1") is None
