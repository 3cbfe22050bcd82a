from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.cli.sending import EVENTS
from bot.store.database import Database
from bot.store.tables import AlertGroup, Change, Evaluation, Incident, MetricValue
from tests.cli.conftest import CONFIGURATION, Bellwether, Serving


def counts(db: Session) -> dict[str, int]:
    return {t.__name__: len(db.exec(select(t)).all()) for t in (Change, Evaluation, MetricValue, AlertGroup, Incident)}


def test_every_kind_is_recorded_by_a_running_bot(bellwether: Bellwether, intake: Serving, database: Database) -> None:
    with intake():
        ran = {kind: bellwether("send-test", kind) for kind in EVENTS}

    assert {kind: one.code for kind, one in ran.items()} == dict.fromkeys(EVENTS, 0)
    assert all(', "recorded":1,'.replace(" ", "") in one.out for one in ran.values())
    assert database.submit(counts).result() == {
        "Change": 2,
        "Evaluation": 1,
        "MetricValue": 1,
        "AlertGroup": 1,
        "Incident": 0,
    }
    assert "✓ its card appears in #ml" in ran["deployment"].out


def test_an_alert_is_ended_by_resolved_and_fires_anew(
    bellwether: Bellwether, intake: Serving, database: Database
) -> None:
    def status(db: Session) -> str:
        return db.exec(select(AlertGroup)).one().status

    seen = []
    with intake():
        for kind in ("alert", "resolved", "alert"):
            bellwether("send-test", kind)
            seen.append(database.submit(status).result())

    assert seen == ["firing", "resolved", "firing"]


def test_sent_twice_it_is_two_rollouts(bellwether: Bellwether, intake: Serving, database: Database) -> None:
    with intake():
        bellwether("send-test", "deployment")
        bellwether("send-test", "deployment")

    assert database.submit(counts).result()["Change"] == 2


@pytest.mark.parametrize("kind", ["basic", "hmac", "none"])
def test_other_ways_to_authenticate_work_too(
    bellwether: Bellwether, intake: Serving, configured: Path, kind: str
) -> None:
    (configured / "bellwether.yml").write_text(CONFIGURATION % kind)

    with intake():
        ran = bellwether("send-test", "change")

    assert ran.code == 0


def test_a_bot_that_does_not_run_is_1(bellwether: Bellwether, configured: Path) -> None:
    ran = bellwether("send-test", "alert")

    assert ran.code == 1
    assert "the bot does not answer at http://127.0.0.1:" in ran.out
    assert "`bellwether run`" in ran.out


def test_another_secret_than_the_bots_is_1(
    bellwether: Bellwether, intake: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    with intake():
        monkeypatch.setenv("EVENTS_TOKEN", "wrong")
        ran = bellwether("send-test", "alert")

    assert ran.code == 1
    assert "another secret for sources.intake than this shell" in ran.out
    assert "wrong" not in ran.out


def test_an_unknown_kind_is_2(bellwether: Bellwether, configured: Path) -> None:
    ran = bellwether("send-test", "party")

    assert ran.code == 2
    assert "it may be deployment, alert, resolved, change, evaluation" in ran.out


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no source of type `events`"), (CONFIGURATION % "bearer", "sources.intake: EVENTS_TOKEN is not set")],
)
def test_without_a_source_or_its_secret_is_2(
    bellwether: Bellwether, here: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str
) -> None:
    monkeypatch.delenv("EVENTS_TOKEN", raising=False)
    (here / "bellwether.yml").write_text(content)

    ran = bellwether("send-test", "alert")

    assert ran.code == 2
    assert said in ran.err
