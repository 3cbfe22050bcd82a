"""Eight points, and the next one to connect."""

from datetime import timedelta
from typing import Any

from bot.domain import limits
from bot.slack.answers.setup import setup


def test_what_is_there_is_ticked_and_the_next_step_is_told(story: Any, look: Any, words: Any) -> None:
    story.bad_release()
    story.heard("events", story.now - timedelta(days=4))

    answer = setup(story.db, "fraud-scorer", story.now, look)

    shown = words(answer)
    assert limits.message_problems(answer.content) == []
    assert "*fraud-scorer* is connected at *4 of 8* points" in shown
    assert "✅ deployments\n⚪ a live metric\n⚪ an objective\n✅ an owner" in shown
    assert "*Next: a live metric.* After each evaluation on live data post to `/hooks/events`" in shown
    assert "events silent since <!date^" in shown
    assert "alertmanager never heard" in shown


def test_a_model_with_everything_lacks_nothing(story: Any, look: Any, words: Any) -> None:
    model, _, group = story.bad_release()
    group.category = "drift"
    model.metrics = {"declined": {"slo": "<= 2.5", "family": "product"}}
    story.measured(model, "auc", 0.9)
    story.measured(model, "declined", 2.0, evaluation_type="product", unit="%")

    shown = words(setup(story.db, "fraud-scorer", story.now, look))

    assert "connected at *8 of 8* points" in shown
    assert "⚪" not in shown
    assert "Nothing is missing." in shown


def test_a_model_that_only_has_a_name_starts_with_its_deployments(story: Any, look: Any, words: Any) -> None:
    story.model("new", owner=None, on_call=None)

    shown = words(setup(story.db, "new", story.now, look))

    assert "connected at *0 of 8* points" in shown
    assert '*Next: deployments.* Have your pipeline post to `/hooks/events` `{"kind": "deployment"' in shown
