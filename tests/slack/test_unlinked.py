"""What names no model, as the asker reads it: by the label that would link it, with whose it may be."""

from datetime import timedelta
from typing import Any

from bot.domain import limits
from bot.slack.answers.setup import setup
from bot.slack.answers.unlinked import unlinked
from bot.slack.cards import Look
from bot.store.tables import Link, Unlinked


def orphan(story: Any, labels: dict[str, str], symptom: str = "LatencyHigh") -> None:
    group = story.group(None, symptom)
    story.alert(group, labels=labels)


def test_what_came_most_stands_first_with_the_models_that_it_may_be(
    story: Any, look: Look, words: Any, controls: Any
) -> None:
    story.model()
    churn = story.model("churn-scorer")
    story.alert(story.group(churn, "Other"), labels={"service": "api-7"})
    orphan(story, {"service": "fraud-api", "namespace": "ml"})
    for symptom in ("LatencyHigh", "NullRate"):
        orphan(story, {"service": "api-7"}, symptom)
    story.add(
        Unlinked(source="jobs", dedup_key="1", kind="evaluation", labels={"service": "api-7"}, received_at=story.now)
    )

    answer = unlinked(story.db, story.now, look)

    shown = words(answer)
    assert limits.message_problems(answer.content) == []
    assert "`service=api-7` · 2 alerts, 1 evaluation · LatencyHigh, NullRate" in shown
    assert shown.index("service=api-7") < shown.index("service=fraud-api")
    assert [(c["text"]["text"], c["value"]) for c in controls(answer).values()] == [
        ("Link to churn-scorer", "link service=api-7 churn-scorer"),
        ("Link to fraud-scorer", "link service=fraud-api fraud-scorer"),
    ]


def test_whatever_labels_say_the_answer_can_be_sent(story: Any, look: Look, words: Any) -> None:
    for n in range(9):
        story.model(f"model-{n}-{'x' * 110}")
        orphan(story, {"service": f"model {n} <!channel> {'y' * 90}"}, "A" * 128)
    orphan(story, {"service": "'" * 5000})

    answer = unlinked(story.db, story.now, look)

    assert limits.message_problems(answer.content) == []
    assert "and 4 more" in words(answer)
    assert "<!channel>" not in words(answer)


def test_nothing_of_old_stands_there(story: Any, look: Look, words: Any) -> None:
    story.model()
    story.alert(story.group(None, opened_at=story.now - timedelta(days=31)), labels={"service": "fraud-api"})
    story.change(None, "data", "touches every model")

    assert "Everything of the last 30 days is of a model" in words(unlinked(story.db, story.now, look))


def test_two_names_of_one_model_are_offered_to_be_merged(story: Any, look: Look, words: Any, controls: Any) -> None:
    story.model(configured=True)
    story.model("Fraud_Scorer")

    answer = unlinked(story.db, story.now, look)

    assert "*Fraud_Scorer* may be *fraud-scorer*" in words(answer)
    assert [c["value"] for c in controls(answer).values()] == ["merge Fraud_Scorer fraud-scorer"]


def test_a_model_of_the_configuration_is_suggested_before_its_twin(
    story: Any, look: Look, words: Any, controls: Any
) -> None:
    story.model(configured=True)
    story.model("Fraud_Scorer")
    story.model("fraud-eu")
    orphan(story, {"service": "fraud-api"})

    answer = unlinked(story.db, story.now, look)

    assert [c["value"] for c in controls(answer).values()] == [
        "link service=fraud-api fraud-scorer",
        "link service=fraud-api fraud-eu",
        "merge Fraud_Scorer fraud-scorer",
    ]


def test_the_setup_of_a_model_names_its_links(story: Any, look: Look, words: Any) -> None:
    model = story.model()
    story.add(Link(model_id=model.id, labels={"service": "fraud-api"}, by="U02BOB", at=story.now))
    story.add(Link(model_id=model.id, labels={"namespace": "ml", "pod": "^fraud-"}, at=story.now))

    shown = words(setup(story.db, "fraud-scorer", story.now, look))

    assert "`service=fraud-api` · <@U02BOB>" in shown
    assert "`namespace=ml`, `pod=^fraud-` · `match` in `bellwether.yml`" in shown
