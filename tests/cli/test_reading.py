import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from bot.store.database import Database
from bot.store.tables import Delivery, Directory, Heartbeat, Model, Serving
from tests.cli.conftest import LONG_AGO, NOW, Bellwether


def test_reading_makes_no_database(bellwether: Bellwether, here: Path) -> None:
    for command in (["db", "stats"], ["why", "incident/1"], ["status", "x"]):
        ran = bellwether(*command)

        assert ran.code == 2
        assert "there is no database bellwether.db yet" in ran.err
    assert list(here.iterdir()) == []


def test_reading_a_newer_schema_is_refused(bellwether: Bellwether, database: Database) -> None:
    database.submit(
        lambda db: db.connection().exec_driver_sql("UPDATE alembic_version SET version_num='9999'")
    ).result()

    ran = bellwether("db", "stats")

    assert ran.code == 2
    assert "has schema 9999, this program knows" in ran.err


def test_reading_something_else_is_refused(bellwether: Bellwether, here: Path) -> None:
    (here / "bellwether.db").write_bytes(b"nonsense" * 1000)

    ran = bellwether("db", "stats")

    assert ran.code == 2
    assert "file is not a database" in ran.err


def test_stats_count_every_table_and_what_lags(
    bellwether: Bellwether, add: Callable[..., Any], project: Callable[..., None]
) -> None:
    project("slack/group/1")
    project("slack/group/2", generation=3)
    project("slack/group/3", error="not_in_channel")
    add(
        Delivery(source="events", digest="a", received_at=NOW, last_at=NOW, recorded=3, duplicate=1, unmapped=2),
        Delivery(source="slack", digest="b", received_at=NOW, last_at=NOW, recorded=1),
    )

    found = json.loads(bellwether("db", "stats", "--json").out)

    assert found.keys() == {*SQLModel.metadata.tables, "projections", "deliveries"}
    assert found["delivery"] == 2
    assert found["deliveries"] == {"recorded": 3, "duplicate": 1, "unmapped": 2}
    oldest = found["projections"].pop("oldest_s")
    assert found["projections"] == {"total": 3, "lagging": 1, "error": 1}
    assert oldest > 1000


def test_stats_of_an_empty_database(bellwether: Bellwether, database: Database) -> None:
    ran = bellwether("db", "stats")

    assert ran.code == 0
    assert "projections      0 total, 0 lagging, 0.0 oldest_s, 0 error\n" in ran.out


def test_why_says_how_each_copy_of_a_subject_is(bellwether: Bellwether, project: Callable[..., None]) -> None:
    project("slack/incident/7", remote_id="C1:1.2")
    project("jira/incident/7", generation=3)
    project("slack/incident/70")

    ran = bellwether("why", "incident/7")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "jira/incident/7: waiting. It does not exist yet; due now.",
        "slack/incident/7: up to date. It shows the newest state (C1:1.2).",
    ]


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"generation": 3, "error": "channel_not_found", "attempts": 4}, "failing"),
        ({"error": "invalid_blocks"}, "refused"),
    ],
)
def test_why_of_a_copy_in_trouble_is_1(
    bellwether: Bellwether, project: Callable[..., None], row: dict[str, Any], state: str
) -> None:
    project("slack/group/1", **row)

    ran = bellwether("why", "slack/group/1", "--json")

    assert ran.code == 1
    (reason,) = json.loads(ran.out)
    assert (reason["key"], reason["state"], reason["error"]) == ("slack/group/1", state, row["error"])


def test_why_of_nothing_is_1_and_shows_how_keys_look(bellwether: Bellwether, database: Database) -> None:
    ran = bellwether("why", "incident/99")

    assert ran.code == 1
    assert "Keys look like incident/42" in ran.out


@pytest.fixture
def fraud(add: Callable[..., Any]) -> None:
    add(Model(id=1, name="fraud-scorer", created_at=LONG_AGO, owner="@alice"))
    add(
        Serving(model_id=1, stage="production", version="42", traffic_percent=100, since=LONG_AGO),
        Heartbeat(source="events", last_at=NOW, deliveries=1),
    )


@pytest.mark.usefixtures("fraud")
def test_status_is_text_without_marks(bellwether: Bellwether) -> None:
    ran = bellwether("status", "fraud-scorer")

    assert ran.code == 0
    first, second, *rest = ran.out.splitlines()
    assert first == "⚪ fraud-scorer  no data in production"
    assert second.startswith("v42 100 %, ")
    assert "owner @alice" in rest[-1]
    assert not set(ran.out) & set("*`<>")


@pytest.mark.usefixtures("fraud")
def test_status_says_people_by_their_names(bellwether: Bellwether, add: Callable[..., Any]) -> None:
    add(Directory(id="U01ALICE", kind="user", name="alice"))

    said = bellwether("status", "fraud-scorer").out

    assert "owner @alice" in said
    assert "U01ALICE" not in said


@pytest.mark.usefixtures("fraud")
def test_status_as_json_has_the_sentence_and_the_blocks(bellwether: Bellwether) -> None:
    content = json.loads(bellwether("status", "Fraud-Scorer", "--json").out)

    assert content["model"] == "fraud-scorer"
    assert content["text"].startswith("fraud-scorer no data in production")
    assert content["blocks"][0]["type"] == "section"


@pytest.mark.usefixtures("fraud")
def test_status_of_an_unknown_model_is_1_and_names_the_known_ones(bellwether: Bellwether) -> None:
    ran = bellwether("status", "froud")

    assert (ran.code, ran.out) == (1, "No model 'froud'. Known models: fraud-scorer.\n")


def test_digest_preview_prints_the_digest(bellwether: Bellwether, fraud: None, here: Path) -> None:
    (here / "bellwether.yml").write_text('digests: {weekly: {channels: ["#ml-weekly"], tz: Europe/Paris}}')

    ran = bellwether("digest", "preview", "weekly")

    assert ran.code == 0
    assert "fraud-scorer" in ran.out


def test_digest_preview_of_an_unknown_one_is_2(bellwether: Bellwether, here: Path) -> None:
    ran = bellwether("digest", "preview", "weekly")

    assert (ran.code, ran.out) == (2, "No digest 'weekly' is configured. Configured: none.\n")
