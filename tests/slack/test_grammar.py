"""One grammar for commands, mentions and buttons: what people type, as phones and habits make it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.grammar import Command, parse

VERBS = ("models", "status", "changes", "incidents", "oncall", "help")
MODELS = ("fraud-scorer", "fraud-rules", "churn", "Ads CTR")


def asked(text: str, default: str = "models") -> Command:
    return parse(text, verbs=VERBS, models=MODELS, default=default)


@pytest.mark.parametrize(
    ("text", "verb", "model"),
    [
        ("", "models", None),
        ("   ", "models", None),
        ("churn", "status", "churn"),
        ("status churn", "status", "churn"),
        ("churn status", "status", "churn"),
        ("STATUS Churn", "status", "churn"),
        ("chu", "status", "churn"),
        ("changes fraud-s", "changes", "fraud-scorer"),
        ('"Ads CTR"', "status", "Ads CTR"),
        ("“Ads CTR” changes", "changes", "Ads CTR"),
        ("`churn`", "status", "churn"),
        ("*churn*", "status", "churn"),
        ("status\u00a0churn", "status", "churn"),
        ("stauts churn", "status", "churn"),
        ("chnages", "changes", None),
        ("help", "help", None),
    ],
)
def test_verb_and_model_are_found_however_they_are_typed(text: str, verb: str, model: str | None) -> None:
    found = asked(text)

    assert (found.verb, found.model, found.unknown) == (verb, model, None)


def test_a_prefix_of_two_models_names_neither() -> None:
    assert (asked("status fraud").model, asked("status fraud").unknown) == (None, "fraud")


def test_a_whole_name_wins_over_the_longer_one_that_begins_with_it() -> None:
    found = parse("status geo", verbs=VERBS, models=("geo", "geo-features"))

    assert found.model == "geo"


def test_a_word_that_fits_nothing_is_named_for_did_you_mean() -> None:
    assert asked("status frod-scorer") == Command("status", None, ("frod-scorer",), {}, "frod-scorer")


def test_a_word_alone_that_fits_nothing_is_taken_for_a_model() -> None:
    assert (asked("zebra").verb, asked("zebra").unknown) == ("status", "zebra")


def test_what_comes_after_the_model_is_kept() -> None:
    assert asked("status churn of last week").words == ("of", "last", "week")


def test_an_empty_alias_means_its_own_verb() -> None:
    assert asked("", default="oncall").verb == "oncall"


@pytest.mark.parametrize("text", ["changes churn --since 3d", "changes --since=3d churn", "changes churn —since 3d"])
def test_flags_are_read_wherever_they_stand_and_whatever_the_phone_made_of_the_dashes(text: str) -> None:
    found = asked(text)

    assert (found.model, dict(found.flags)) == ("churn", {"since": "3d"})


def test_a_flag_without_a_value_does_not_eat_the_next_flag() -> None:
    assert dict(asked("changes churn --all --since 3d").flags) == {"all": "", "since": "3d"}


def test_a_flag_at_the_end_has_no_value() -> None:
    assert dict(asked("changes churn --since").flags) == {"since": ""}


def test_an_apostrophe_is_no_open_quote() -> None:
    found = asked("status churn what's up")

    assert (found.model, found.unknown) == ("churn", None)


@given(st.text(max_size=60))
def test_whatever_is_typed_is_understood_or_said_to_be_unknown(text: str) -> None:
    found = asked(text)

    assert found.verb in VERBS
    assert found.model is None or found.model in MODELS


@given(st.permutations(["changes", "churn"]), st.sampled_from(["", " ", "  "]))
def test_the_order_of_verb_and_model_does_not_matter(words: list[str], space: str) -> None:
    assert asked(space + f" {space}".join(words) + space) == Command("changes", "churn")
