"""Whose an event is that names no model, by its labels."""

import pytest

from bot.domain.links import Rule, model_of, suggested, telling, twins

BOB = "U02BOB"
LABELS = {"service": "churn-api", "namespace": "ml", "alertname": "LatencyHigh", "source": "am"}


@pytest.mark.parametrize(
    ("rules", "model"),
    [
        ((), None),
        ((Rule("churn", {"service": "churn-api"}, BOB),), "churn"),
        ((Rule("churn", {"service": "churn"}, BOB),), None),
        ((Rule("churn", {"service": "^churn"}, BOB),), None),
        ((Rule("churn", {"service": "^churn"}),), "churn"),
        ((Rule("churn", {"service": "churn"}),), None),
        ((Rule("churn", {"service": "^churn", "namespace": "web"}),), None),
        ((Rule("churn", {"service": "^churn"}), Rule("shop", {"namespace": "ml"})), None),
        ((Rule("churn", {"service": "^churn"}), Rule("shop", {"namespace": "ml"}, BOB)), "shop"),
        ((Rule("churn", {"service": "churn-api"}, BOB), Rule("shop", {"namespace": "ml"}, BOB)), None),
        ((Rule("churn", {"service": "churn-api"}, BOB), Rule("shop", {"alertname": "LatencyHigh"}, BOB)), "churn"),
        ((Rule("churn", {"alertname": "LatencyHigh"}, BOB), Rule("shop", {"source": "am"}, BOB)), "churn"),
    ],
)
def test_narrow_words_of_people_go_first_and_a_disagreement_picks_none(
    rules: tuple[Rule, ...], model: str | None
) -> None:
    assert model_of(LABELS, rules) == model


@pytest.mark.parametrize(
    ("labels", "pair"),
    [
        (LABELS, ("service", "churn-api")),
        ({"pod": "churn-7d9f-x1", "alertname": "LatencyHigh"}, ("alertname", "LatencyHigh")),
        ({"service": 'a "quoted" one', "source": "am"}, ("source", "am")),
        ({"service": "x" * 200, "job": "two words"}, ("job", "two words")),
        ({"pod": "churn-7d9f-x1"}, None),
    ],
)
def test_the_label_that_links_is_one_that_lasts_and_can_be_typed(
    labels: dict[str, str], pair: tuple[str, str] | None
) -> None:
    assert telling(labels) == pair


def test_models_with_a_word_of_the_value_are_suggested() -> None:
    assert suggested("churn-api", ["churn-scorer", "fraud-scorer", "shop"]) == ["churn-scorer"]
    assert suggested("model-700-api", [f"model-{n}" for n in range(1000)])[0] == "model-700"
    assert suggested("a-1", ["a-2", "b-1"]) == []


def test_names_that_differ_in_punctuation_only_are_twins() -> None:
    assert twins(["fraud_scorer", "Fraud.Scorer", "shop"], ["fraud-scorer", "churn"]) == [
        ("Fraud.Scorer", "fraud-scorer"),
        ("fraud_scorer", "fraud-scorer"),
    ]
    assert twins(["fraud_scorer", "fraud-scorer"], []) == [("fraud_scorer", "fraud-scorer")]
