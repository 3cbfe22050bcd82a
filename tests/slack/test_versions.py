"""Versions, deployments and comparisons as tables: unknown, zero and fine are three different words."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bot.domain import limits
from bot.domain.errors import UserError
from bot.slack.commands import VERBS
from bot.slack.grammar import parse
from bot.slack.questions import Asker, Question
from bot.store.tables import Decision, Version


@pytest.fixture
def ask(story: Any, look: Any) -> Any:
    """Type a command as bob; returns the answer."""

    def typed(text: str) -> Any:
        command = parse(text, verbs=VERBS, models=["fraud-scorer"])
        question = Question(command, Asker("U02BOB", "C02MLFRAUD"), story.now, look, "fraud-scorer")
        answer: Any = VERBS[command.verb].answers(story.db, question)
        assert limits.message_problems(answer.content) == []
        return answer

    return typed


@pytest.fixture
def released(story: Any) -> Any:
    """v42 took the place of v41; both were measured."""
    model, rollout, _ = story.bad_release()
    rollout.started_at = story.deployed - timedelta(minutes=6)
    for name, actor, days in (("41", "U01ALICE", 30), ("42", "ci", 1)):
        story.add(Version(model_id=model.id, name=name, actor=actor, registered_at=story.now - timedelta(days=days)))
    return model


def rows(answer: Any) -> list[list[str]]:
    """Return the cells of the answer's table, without its head."""
    (table,) = [b for b in answer.blocks if b["type"] == "data_table"]
    return [[str(cell["text"]) for cell in row] for row in table["rows"][1:]]


def test_versions_say_where_they_serve_and_how_they_measure(story: Any, released: Any, ask: Any) -> None:
    story.measured(released, "auc", 0.934, evaluation_type="offline", version="42")
    story.add(Decision(model_id=released.id, kind="marked_bad", version="41", by="U02BOB", at=story.now, reason="leak"))

    answer = ask("versions fraud")

    assert rows(answer) == [
        ["v42", "production 100 %", "1 d", "AUC 0.934 (offline)", "–", "ci"],
        ["v41", "–", "30 d", "not measured", "⚠️ bad: leak", "@alice"],
    ]
    assert answer.text == "2 versions of fraud-scorer: v42 in production"


def test_many_versions_are_listed_by_as_many_queries_as_two(story: Any, released: Any, ask: Any) -> None:
    asked: list[str] = []
    event.listen(story.db.get_bind(), "before_cursor_execute", lambda *a: asked.append(a[2]))
    ask("versions fraud")
    few = len(asked)
    for n in range(1, 9):
        story.add(Version(model_id=released.id, name=f"5{n}"))
        for past in range(25):
            story.measured(released, "auc", n / 100, story.now - timedelta(days=past), version=f"5{n}")
    story.measured(released, "auc", 0.5, story.now - timedelta(days=99), version="41")
    story.db.expire_all()
    asked.clear()

    answer = ask("versions fraud")

    assert len(asked) == few
    assert [row[3] for row in rows(answer)] == [
        *(f"AUC 0.0{n}0 (live)" for n in range(8, 0, -1)),
        "not measured",
        "AUC 0.500 (live)",
    ]


def test_deployments_say_what_became_of_them(story: Any, released: Any, ask: Any) -> None:
    story.rollout(released, "43", "42", status="in_progress", traffic_percent=10.0, occurred_at=story.now, target="eu")
    story.rollout(released, "39", "38", occurred_at=story.now - timedelta(days=200))

    assert rows(ask("deploys fraud"))[:2] == [
        ["v42 → v43", "production on eu", "in progress 10 %", "0 s", "–", "alice"],
        ["v41 → v42", "production", "succeeded", "22 min", "6 min", "alice"],
    ]
    assert len(rows(ask("deploys fraud --since 365d"))) == 3


def test_two_versions_are_compared_on_what_both_were_measured_by(story: Any, released: Any, ask: Any) -> None:
    for version, auc, worst in (("41", 0.90, 0.87), ("42", 0.95, 0.70)):
        given = {"evaluation_type": "offline", "version": version, "n": 10_000}
        story.measured(released, "accuracy", auc, **given)
        story.measured(released, "accuracy", worst, slice="country=BR", **given)
        story.measured(released, "auc", worst, slice=f"country={version}", **given)
    story.measured(released, "f1", 0.5, evaluation_type="offline", version="42", n=10)

    answer = ask("compare fraud v41 v42")

    assert [row[:2] + row[2:5] for row in rows(answer)] == [
        ["Accuracy", "offline", "0.900", "0.950", "improved"],
        ["Accuracy · country=BR", "offline", "0.870", "0.700", "regressed"],
    ]
    assert answer.text == "fraud-scorer: v42 against v41: 1 better, 1 worse"
    only = "only `v41` offline: AUC · country=41 · only `v42` offline: F1, AUC · country=42"
    assert only in answer.blocks[-2]["elements"][0]["text"]


def test_what_is_called_after_its_split_is_compared(story: Any, released: Any, ask: Any, words: Any) -> None:
    story.measured(released, "auc", 0.93, evaluation_type="offline", version="41")
    story.measured(released, "val_auc", 0.94, evaluation_type="offline", version="42")

    answer = ask("compare fraud v41 v42")

    assert [row[:4] for row in rows(answer)] == [["Val AUC", "offline", "0.930", "0.940"]]
    assert "only" not in words(answer)


def test_what_has_nothing_in_common_is_not_compared(story: Any, released: Any, ask: Any, words: Any) -> None:
    story.measured(released, "auc", 0.9, evaluation_type="offline", version="41")
    story.measured(released, "auc", 0.8, evaluation_type="live", version="42")

    assert "nothing that both were measured by" in words(ask("compare fraud 41 42"))


def test_a_value_without_n_has_no_verdict(story: Any, released: Any, ask: Any) -> None:
    for version, auc in (("41", 0.90), ("42", 0.95)):
        story.measured(released, "auc", auc, evaluation_type="offline", version=version)

    (row,) = rows(ask("compare fraud v41 v42"))

    assert row[-1] == "not stated"
    assert "no verdict" in row[-2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("compare fraud v41", "Which two versions?"),
        ("compare fraud v41 v41", "Which two versions?"),
        ("compare fraud v41 v99", "I never heard of `v99`"),
    ],
)
def test_what_cannot_be_compared_is_asked_for(released: Any, ask: Any, text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        ask(text)

    assert said in str(refused.value)


def test_a_model_without_versions_says_so(story: Any, ask: Any, words: Any) -> None:
    story.model()

    assert "No version of fraud-scorer is known." in words(ask("versions fraud"))
    assert "No deployment of fraud-scorer is known in the last 30 d." in words(ask("deploys fraud"))
