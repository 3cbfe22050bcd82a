"""What people type that changes something: refused with an example, or done with a receipt."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.actions import LogChange, MarkVersion, MergeModels, RenameModel, RetireModel
from bot.domain.errors import UserError
from bot.domain.facts import ChangeType
from bot.slack.answers import status
from bot.slack.commands import VERBS
from bot.slack.grammar import parse
from bot.slack.questions import Asker, Deed, Question
from bot.store.tables import Decision, Model, Version


@pytest.fixture
def typed(story: Any, look: Any) -> Any:
    """Type a command as bob in #ml-fraud, where fraud-scorer lives; returns the act and the receipt."""
    model = story.model()
    for name in ("11", "12"):
        story.add(Version(model_id=model.id, name=name))

    def do(text: str, bound: str | None = "fraud-scorer") -> Deed:
        deed = ask(story, look, text, bound)
        assert isinstance(deed, Deed)
        return deed

    return do


@pytest.fixture
def typed_or_said(story: Any, look: Any) -> Any:
    """Type a command as bob, with two models; returns the act, or what he is asked."""
    story.model()
    story.model("churn")
    return lambda text: ask(story, look, text, None)


def ask(story: Any, look: Any, text: str, bound: str | None) -> Any:
    command = parse(text, verbs=VERBS, models=["fraud-scorer", "fraud-rules"])
    question = Question(command, Asker("U02BOB", "C02MLFRAUD"), story.now, look, bound)
    return VERBS[command.verb].answers(story.db, question)


@pytest.mark.parametrize(
    ("text", "kind", "summary"),
    [
        ('log fraud-s "filter: hide closed shops"', ChangeType.FILTER, "hide closed shops"),
        ("log filter: hide closed shops", ChangeType.FILTER, "hide closed shops"),
        ("log “metric: conversion counts returns”", ChangeType.METRIC_DEFINITION, "conversion counts returns"),
        ("log Metric-Definition: returns count", ChangeType.METRIC_DEFINITION, "returns count"),
        ("log note to self: nothing", ChangeType.OTHER, "note to self: nothing"),
        ("log model: v43 is here", ChangeType.OTHER, "model: v43 is here"),
        ("log moved the threshold", ChangeType.OTHER, "moved the threshold"),
        ("log don't show closed shops", ChangeType.OTHER, "don't show closed shops"),
    ],
)
def test_a_typed_change_has_the_kind_before_its_colon(typed: Any, text: str, kind: ChangeType, summary: str) -> None:
    act = typed(text).action

    assert act == LogChange(model="fraud-scorer", change_type=kind, summary=summary, by="U02BOB")


def test_a_change_may_be_typed_afterwards(typed: Any, story: Any, words: Any) -> None:
    deed = typed("log rule: block BR --ago 2h")

    assert deed.action.at == story.now - timedelta(hours=2)
    assert "📌 Noted: rule change of *fraud-scorer*: block BR" in words(deed.said)


@pytest.mark.parametrize(
    ("text", "version", "bad", "reason"),
    [
        ('mark fraud-s v12 bad "label leak"', "12", True, "label leak"),
        ("fraud-s mark 12 BAD label leak", "12", True, "label leak"),
        ("mark v11 good", "11", False, ""),
    ],
)
def test_a_version_is_marked_bad_with_a_reason_or_good_again(
    typed: Any, text: str, version: str, bad: bool, reason: str
) -> None:
    act = typed(text).action

    assert act == MarkVersion(model="fraud-scorer", version=version, bad=bad, by="U02BOB", reason=reason)


def test_marking_bad_offers_to_take_it_back(typed: Any, controls: Any) -> None:
    undo = controls(typed("mark v12 bad label leak").said)["run_1"]["value"]

    assert typed(undo, bound=None).action.bad is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("log", "What changed? Write `/model log fraud-scorer"),
        ('log "filter:"', "What changed? Write `/model log fraud-scorer"),
        ("log x --ago yesterday", "`--ago yesterday` is not a span"),
        ("log x --ago", "`--ago` is not a span"),
        ("mark v12", "Which version, and is it bad or good?"),
        ("mark bad label leak", "Which version, and is it bad or good?"),
        ("mark v12 bad", "Why is it bad?"),
        ("mark v99 bad typo", "I never heard of `v99` of *fraud-scorer*; the newest are `v12`, `v11`."),
    ],
)
def test_what_is_missing_is_asked_for_with_an_example(typed: Any, text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        typed(text)

    assert said in str(refused.value)


def test_without_a_model_nothing_is_done(typed: Any) -> None:
    with pytest.raises(UserError, match="Of which model"):
        typed("log", bound=None)


def marked(story: Any, model: Model, version: str, kind: str = "marked_bad") -> None:
    story.add(Decision(model_id=model.id, kind=kind, version=version, by="U02BOB", at=story.onset, reason="label leak"))


def test_the_card_of_a_rollout_warns_of_a_version_that_is_marked_bad(story: Any, show: Any, words: Any) -> None:
    model, _, _ = story.bad_release()
    marked(story, model, "42")

    card = show("slack/deployment/1")

    assert "⚠️ `v42` is marked bad: label leak · <@U02BOB> · <!date^" in words(card)
    assert card["text"].endswith("deployed to production, which is marked bad")

    marked(story, model, "42", "marked_good")
    assert "marked bad" not in words(show("slack/deployment/1"))


def test_a_version_that_is_marked_bad_is_no_fall_back(story: Any, look: Any, words: Any) -> None:
    model, _, _ = story.bad_release()
    story.serving(model, "40", story.now - timedelta(days=60), story.now - timedelta(days=30))
    marked(story, model, "41")

    assert "fall-back `v40`" in words(status.status(story.db, "fraud-scorer", story.now, look))


def test_who_goes_back_reads_whether_that_version_serves_still(story: Any, look: Any, words: Any) -> None:
    model, _, _ = story.bad_release()
    for name in ("41", "42"):
        story.add(Version(model_id=model.id, name=name))

    before = words(ask(story, look, "rollback fraud-scorer", None))
    story.serving(model, "41", story.deployed, traffic_percent=10.0)
    after = words(ask(story, look, "rollback fraud-scorer", None))

    assert "`v41` last served <!date^" in before
    assert "`v41` serves now" in after


def test_a_merge_asks_first(typed_or_said: Any, controls: Any) -> None:
    said = typed_or_said("merge fraud-s churn")
    pressed = controls(said)["run_1"]

    assert pressed["confirm"]["title"]["text"] == "Merge for good?"
    assert typed_or_said(pressed["value"]).action == MergeModels(model="fraud-scorer", into="churn", by="U02BOB")


def test_an_example_notifies_nobody_by_the_name_of_a_model(typed_or_said: Any, story: Any) -> None:
    story.model("<!channel>")

    with pytest.raises(UserError, match="Write `/model rename &lt;!channel&gt; NEW-NAME`"):
        typed_or_said("rename <!channel>")


def test_what_a_merge_is_asked_of_notifies_nobody(typed_or_said: Any, story: Any) -> None:
    story.model("<!channel>")

    said = typed_or_said("merge fraud-s <!channel>")

    assert "&lt;!channel&gt;'s: versions" in said.text


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("rename fraud-s fraud", RenameModel(model="fraud-scorer", name="fraud", by="U02BOB")),
        ("retire fraud-s", RetireModel(model="fraud-scorer", over=True, by="U02BOB")),
        ("retire fraud-s --undo", RetireModel(model="fraud-scorer", over=False, by="U02BOB")),
    ],
)
def test_a_model_is_renamed_and_retired(typed: Any, text: str, act: Any) -> None:
    assert typed(text).action == act


def test_a_model_needs_a_new_name(typed: Any) -> None:
    with pytest.raises(UserError, match="How shall it be called"):
        typed("rename fraud-s")
