"""The worst of many models are found by less than their whole health, and are the same; so they are in a digest."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.config import DigestSection
from bot.digests.health import stories
from bot.digests.period import Period
from bot.digests.rows import read
from bot.slack.answers import models
from bot.slack.health import as_heard, health_of
from bot.slack.ranking import ranked, worst
from bot.store.queries.models import all_models
from bot.store.queries.sources import hearing
from bot.store.tables import Decision

DIGEST = DigestSection(channels=("#ml-weekly",), at="Mon 23:00", tz="UTC")
HAPPENINGS = {
    "down": lambda s, m: s.incident(m, severity="sev1"),
    "incident": lambda s, m: s.incident(m),
    "incident over": lambda s, m: s.incident(m, severity="sev1", status="resolved", resolved_at=s.now),
    "hard alert": lambda s, m: s.group(m, alert_class="hard"),
    "drift": lambda s, m: s.group(m, alert_class="drift"),
    "soft alert": lambda s, m: s.group(m),
    "silenced alert": lambda s, m: s.group(m, status="suppressed", alert_class="hard"),
    "alert over": lambda s, m: s.group(m, status="resolved", alert_class="hard", resolved_at=s.now),
    "alert of history": lambda s, m: s.group(m, quiet=True, alert_class="hard"),
    "live": lambda s, m: s.measured(m, "p95", 20.0),
    "offline": lambda s, m: s.measured(m, "auc", 0.5, evaluation_type="offline"),
    "missed": lambda s, m: s.measured(m, "auc", 0.8, s.now - timedelta(days=2)),
    "missed under another name": lambda s, m: s.measured(m, "val_auc", 0.8),
    "kept later": lambda s, m: s.measured(m, "auc", 0.95),
    "provisional": lambda s, m: [
        s.measured(m, "auc", 0.1, s.now + timedelta(hours=n), labelled_fraction=0.2) for n in range(12)
    ],
    "misses what was sent along": lambda s, m: s.measured(m, "null_rate", 0.5, threshold_op="<=", threshold=0.1),
    "one slice is bad": lambda s, m: s.measured(m, "auc", 0.1, slice="country=BR"),
    "serves a bad version": lambda s, m: [s.serving(m, "42", s.deployed), marked(s, m, "42")],
    "tries a bad version": lambda s, m: [s.serving(m, "44", s.deployed, stage="staging"), marked(s, m, "44")],
    "drained a bad version": lambda s, m: [s.serving(m, "45", s.deployed, traffic_percent=0.0), marked(s, m, "45")],
    "a bad canary": lambda s, m: [s.serving(m, "46", s.deployed, stage="canary"), marked(s, m, "46")],
    "a bad version before users": lambda s, m: [s.serving(m, "47", s.deployed, stage="lab"), marked(s, m, "47")],
    "served a bad version": lambda s, m: [s.serving(m, "41", s.deployed, s.onset), marked(s, m, "41")],
}


def marked(story: Any, model: Any, version: str) -> None:
    story.add(Decision(model_id=model.id, kind="marked_bad", version=version, by="U02BOB", at=story.now))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.sampled_from(sorted(HAPPENINGS)), max_size=4), min_size=1, max_size=5), st.booleans())
def test_a_place_among_others_is_what_the_whole_health_says(story: Any, happened: list[set[str]], deaf: bool) -> None:
    begun = story.db.begin_nested()
    for number, names in enumerate(happened):
        model = story.model(f"model-{number}", metrics={"auc": {"slo": ">= 0.9"}} if number % 2 else {})
        for name in sorted(names):
            HAPPENINGS[name](story, model)
    story.heard("events", story.now - timedelta(days=9) if deaf else story.now)
    heard = hearing(story.db, ["events"], story.now)

    ranking = ranked(story.db, 5, hearing=heard)

    whole = sorted((as_heard(h, heard) for h in health_of(story.db, all_models(story.db))), key=lambda h: h.place)
    assert [(p.name, p.state) for p in ranking.places] == [(h.model.name, h.state) for h in whole]
    assert ranking.counts == Counter(h.state for h in whole)
    assert ranked(story.db, 2, hearing=heard).places == ranking.places[:2]
    assert [h.model.name for h in worst(story.db, ranking, hearing=heard)] == [p.name for p in ranking.places]
    begun.rollback()
    story.db.expunge_all()


@pytest.mark.parametrize("happening", sorted(HAPPENINGS))
def test_each_happening_counts_as_the_whole_health_says(story: Any, happening: str) -> None:
    HAPPENINGS[happening](story, story.model(metrics={"auc": {"slo": ">= 0.9"}}, stages=["lab", "shop"]))

    (place,) = ranked(story.db, 1).places

    assert place.state == health_of(story.db, all_models(story.db))[0].state


def test_the_table_has_the_ten_worst_and_counts_the_rest(story: Any, look: Any, words: Any) -> None:
    for n in range(14):
        story.measured(story.model(f"model-{n:02}"), "auc", 0.9)
    bad = story.model("fraud-scorer", metrics={"declined": {"slo": "<= 2.5", "unit": "%", "family": "product"}})
    story.measured(bad, "declined", 2.9, evaluation_type="product", unit="%")
    story.serving(bad, "42", story.deployed)
    story.heard("events")

    answer = models.table(story.db, story.now, look)

    shown = words(answer)
    assert "*15 models*: 1 degraded, 14 good" in shown
    assert "fraud-scorer\n🟠 degraded\nv42\nDeclined 2.9 %" in shown
    (table,) = [b for b in answer.blocks if b["type"] == "data_table"]
    assert table["caption"] == "Models, worst first (5 more not shown)"
    assert len(table["rows"]) == 11


@pytest.mark.parametrize("deaf", [False, True])
def test_a_digest_says_of_each_model_what_the_list_says(story: Any, deaf: bool) -> None:
    pairs = [(one, other) for one in HAPPENINGS for other in HAPPENINGS if one <= other]
    for one, other in pairs:
        model = story.model(f"{one} + {other}", metrics={"auc": {"slo": ">= 0.9"}})
        for name in {one, other}:
            HAPPENINGS[name](story, model)
    story.heard("events", story.now - timedelta(days=6) if deaf else story.now)

    told = stories(read(story.db, Period(DIGEST, story.now.date()), ["events"]))

    ranking = ranked(story.db, len(pairs), hearing=hearing(story.db, ["events"], story.now))
    assert {s.name: s.health for s in told} == {p.name: p.state.replace("_", " ") for p in ranking.places}


@pytest.mark.parametrize(
    ("stage", "share", "state"),
    [
        ("shop", 100.0, "watch"),
        ("shop", None, "watch"),
        ("shop", 0.0, "good"),
        ("canary", 10.0, "watch"),
        ("lab", 100.0, "good"),
        ("staging", 100.0, "good"),
        ("somewhere", 100.0, "watch"),
    ],
)
def test_a_bad_version_matters_where_users_get_it(story: Any, stage: str, share: float | None, state: str) -> None:
    model = story.model(stages=["lab", "shop"])
    story.measured(model, "auc", 0.95, story.now - timedelta(days=1))
    story.serving(model, "42", story.deployed, stage=stage, traffic_percent=share)
    marked(story, model, "42")

    week = Period(DIGEST, story.now.date())
    (told,) = stories(read(story.db, week))

    assert (ranked(story.db, 1).places[0].state, health_of(story.db, [model])[0].state) == (state, state)
    assert told.health == state
