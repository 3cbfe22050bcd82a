from datetime import timedelta
from typing import Any

import pytest

from bot.slack.cards import Look, render


def last_line(shown: str) -> str:
    return shown.splitlines()[-1]


def test_changes_of_every_kind_are_listed_newest_first(story: Any, show: Any, words: Any) -> None:
    model, _, _ = story.bad_release()
    feed = story.model("geo-feed")
    model.depends_on = ["geo-feed"]
    story.change(feed, "data", "geo-2", occurred_at=story.deployed - timedelta(minutes=1), before="1", after="2")
    story.change(None, "infrastructure", "new nodes", occurred_at=story.deployed - timedelta(hours=2))
    story.change(model, "rule", "too old", occurred_at=story.onset - timedelta(hours=80))
    story.change(story.model("other"), "rule", "not ours")
    story.opened(model)

    card = show("slack/incident/1/changes")

    shown = words(card)
    assert (card["channel"], card["thread_ts"]) == ("C02MLFRAUD", "1795420800.000100")
    assert "📌 *Changes in the 72 h before " in shown
    order = [
        "model `v41` → `v42` deployed to production · <@U01ALICE>",
        "dependency *geo-feed* · data: geo-2 `1` → `2`",
    ]
    places = [shown.index(words_) for words_ in [*order, "any model · infrastructure: new nodes"]]
    assert places == sorted(places)
    assert "too old" not in shown
    assert "not ours" not in shown


def test_of_changes_with_long_words_and_links_none_is_cut_away(story: Any, show: Any, words: Any) -> None:
    model, _, _ = story.bad_release()
    for n in range(19):
        url = f"https://git.acme.example/payments/fraud/-/merge_requests/{n}?{'q' * 150}"
        at = story.deployed - timedelta(minutes=n + 1)
        story.change(model, "config", f"{n:02} " + "x" * 140, occurred_at=at, before="b" * 40, after="a" * 40, url=url)
    story.opened(model)

    shown = words(show("slack/incident/1/changes"))

    assert all(f"config: {n:02} x" in shown for n in range(19))
    assert "…" not in shown


def test_the_last_line_names_what_is_not_heard_of(story: Any, show: Any, words: Any) -> None:
    model, _, _ = story.bad_release()
    story.heard("alertmanager")
    story.heard("mlflow", story.now - timedelta(days=4))
    story.opened(model)

    shown = last_line(words(show("slack/incident/1/changes")))

    assert shown.startswith("Connected: alertmanager; deployments. Not connected: mlflow (silent since ")
    assert "events (never heard); config/rule/filter changes, feature/data changes" in shown
    assert shown.endswith("live evaluations.")


def test_nothing_changed_is_never_said_while_something_is_not_heard(story: Any, show: Any, words: Any) -> None:
    story.heard("alertmanager")
    story.opened(story.model())

    shown = words(show("slack/incident/1/changes"))

    assert "No change is known in the 72 h before" in shown
    assert "Nothing changed" not in shown


def test_nothing_changed_is_said_when_everything_is_heard(story: Any, show: Any, words: Any) -> None:
    model = story.model()
    old = {"occurred_at": story.now - timedelta(days=30), "received_at": story.now - timedelta(days=30)}
    story.rollout(model, **old)
    for kind in ("config", "feature", "slo", "code", "upstream_model"):
        story.change(model, kind, "old", **old)
    story.measured(model, "auc", 0.9, story.now - timedelta(days=2))
    story.heard("alertmanager")
    story.heard("events")
    story.opened(model)

    shown = words(show("slack/incident/1/changes"))

    assert "Nothing changed in the 72 h before" in shown
    assert last_line(shown).endswith("Not connected: none.")


def test_a_source_that_speaks_again_later_does_not_change_the_list(story: Any, show: Any) -> None:
    model, _, _ = story.bad_release()
    story.heard("alertmanager")
    story.opened(model)
    before = show("slack/incident/1/changes")
    story.measured(model, "auc", 0.9, story.now + timedelta(hours=1))
    story.change(model, "rule", "later", occurred_at=story.now, received_at=story.now)

    assert show("slack/incident/1/changes") == before


def test_more_changes_than_fit_are_counted(story: Any, show: Any, words: Any) -> None:
    model = story.model()
    for n in range(30):
        story.change(model, "rule", f"rule {n}")
    story.opened(model)

    assert "and 10 more: `/oracle changes fraud-scorer`" in words(
        show("slack/incident/1/changes", Look(command="/oracle"))
    )


@pytest.mark.parametrize("key", ["slack/incident/1/changes", "slack/incident/1/ticket", "slack/incident/1/log/1"])
def test_a_reply_waits_for_its_thread(key: str, story: Any, show: Any) -> None:
    incident = story.incident(story.model())
    story.ticket(incident)
    story.told(incident, "hello")

    assert show(key) is None


def test_the_ticket_line_shows_key_title_status_and_who(story: Any, show: Any, words: Any) -> None:
    story.people()
    story.ticket(story.opened(story.model()))

    card = show("slack/incident/1/ticket")

    line = (
        "🎫 <https://jira.example.com/browse/ML-431|ML-431>  *fraud-scorer declines payments*  ·  In Progress  ·  High"
    )
    assert line + "  ·  <@U02BOB>" in words(card)
    assert card["text"] == "ML-431 In Progress: fraud-scorer declines payments"


def test_there_is_no_ticket_line_without_a_ticket(story: Any, show: Any) -> None:
    story.opened(story.model())

    assert show("slack/incident/1/ticket") is None


def test_a_reply_of_the_log_folds_entries_up_to_the_next_reply(story: Any, show: Any, words: Any) -> None:
    incident = story.opened(story.model())
    story.told(incident, "drift comes from the geo feed\ninvestigating → fixing")
    story.told(incident, "v42 → v41 in production finished", kind="rollback", by=None)
    story.told(incident, "all 4 alerts are resolved", kind="resolved", by=None)
    story.posted("slack/incident/1/log/1", "C02MLFRAUD:1795420801.000100")
    story.posted("slack/incident/1/log/3", None)

    first, second = (words(show(f"slack/incident/1/log/{n}")) for n in (1, 3))

    assert "📝 <@U02BOB>  drift comes from the geo feed\ninvestigating → fixing" in first
    assert "↩️ v42 → v41 in production finished · <!date^" in first
    assert "resolved" not in first
    assert "✅ all 4 alerts are resolved · <!date^" in second


def test_a_reply_of_the_log_waits_for_the_one_before_it(story: Any, show: Any) -> None:
    incident = story.opened(story.model())
    for text in ("first", "second"):
        story.told(incident, text)
    story.posted("slack/incident/1/log/1", None)
    story.posted("slack/incident/1/log/2", None)

    assert show("slack/incident/1/log/1") is not None
    assert show("slack/incident/1/log/2") is None


def test_who_resolves_is_named(story: Any, show: Any, words: Any) -> None:
    story.told(story.opened(story.model()), "cause: deploy", kind="resolved")

    assert "✅ <@U02BOB> resolved it: cause: deploy" in words(show("slack/incident/1/log/1"))


def test_a_flood_of_entries_is_cut_and_counted(story: Any, show: Any, words: Any) -> None:
    incident = story.opened(story.model())
    for n in range(60):
        story.told(incident, f"news {n}", kind="alerts", by=None)

    assert "and 20 more entries" in words(show("slack/incident/1/log/1"))


@pytest.mark.parametrize("key", ["slack/digest/weekly/2026-11-23/ml", "jira/incident/1", "slack/group/x"])
def test_a_key_that_names_no_card_is_an_error(key: str, story: Any) -> None:
    with pytest.raises(ValueError):
        render(story.db, key, Look())
