"""What people ask is answered by seeks: no statement searches a table that grows with time (EXPLAIN QUERY PLAN)."""

import re
from typing import Any

import pytest
from sqlalchemy import event

from bot.domain.facts import EvaluationType
from bot.slack.cards import render
from bot.slack.commands import VERBS
from bot.slack.grammar import parse
from bot.slack.questions import Asker, Question
from bot.store.queries.metrics import evaluation_types_known
from bot.store.tables import Version

GROWING = (
    "metric_value",
    "evaluation",
    "change",
    "serving",
    "move",
    "alert",
    "alert_group",
    "delivery",
    "timeline_entry",
    "triage",
    "version",
)
SCANS = re.compile(rf"SCAN (?:{'|'.join(GROWING)})\b")
TYPED = (
    "",
    "status fraud",
    "status --all",
    "changes fraud --since 30d",
    "why fraud",
    "versions fraud",
    "deploys fraud",
    "compare fraud 41 42",
    "setup fraud",
    "help",
)


def plans(db: Any, asked: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Return each step of each plan, with its statement."""
    connection = db.connection().connection.dbapi_connection
    found = []
    for statement, parameters in asked:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        found += [(str(row[3]), statement) for row in rows]
    return found


@pytest.fixture
def asked(story: Any) -> list[tuple[str, Any]]:
    """A release gone bad, with values and an incident; the statements that are run from here on."""
    if story.db.get_bind().dialect.name != "sqlite":
        pytest.skip("how SQLite words its plans; PostgreSQL searches small tables on purpose")
    model, rollout, group = story.bad_release()
    model.metrics = {"auc": {"slo": ">= 0.9"}}
    for version in ("41", "42"):
        story.add(Version(model_id=model.id, name=version))
        story.measured(model, "auc", 0.95, version=version, n=1000)
        story.measured(model, "auc", 0.95, evaluation_type="offline", version=version, n=1000)
    group.incident_id = story.opened(model, suspect_change_id=rollout.id).id
    story.heard("events")
    story.db.flush()
    said: list[tuple[str, Any]] = []
    event.listen(story.db.get_bind(), "before_cursor_execute", lambda *a: said.append((a[2], a[3])))
    return said


@pytest.mark.parametrize("text", TYPED)
def test_no_answer_searches_what_grows(text: str, story: Any, look: Any, asked: list[tuple[str, Any]]) -> None:
    command = parse(text, verbs=VERBS, models=["fraud-scorer"])
    question = Question(command, Asker("U9", "C02MLFRAUD"), story.now, look, None)

    VERBS[command.verb].answers(story.db, question)

    assert asked
    assert [step for step in plans(story.db, list(asked)) if SCANS.search(step[0])] == []


@pytest.mark.parametrize("key", ["slack/group/1", "slack/incident/1", "slack/incident/1/changes", "slack/deployment/1"])
def test_no_card_searches_what_grows(key: str, story: Any, look: Any, asked: list[tuple[str, Any]]) -> None:
    assert render(story.db, key, look) is not None

    assert [step for step in plans(story.db, list(asked)) if SCANS.search(step[0])] == []


def test_what_was_measured_is_known_by_seeks(story: Any, asked: list[tuple[str, Any]]) -> None:
    evaluation_types_known(story.db, [1], story.now)

    steps = [step for step, _ in plans(story.db, list(asked)) if " evaluation " in step]
    assert len(steps) == len(EvaluationType)
    assert all("evaluation_model_type (model_id=? AND evaluation_type=? AND received_at<?)" in step for step in steps)


def test_a_search_would_be_seen(story: Any, asked: list[tuple[str, Any]]) -> None:
    steps = plans(story.db, [("SELECT * FROM metric_value WHERE value > ?", (0.5,))])

    assert [step for step in steps if SCANS.search(step[0])] != []
