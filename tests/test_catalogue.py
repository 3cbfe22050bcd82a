"""A changed configuration reaches the cards that stand, and those that wait for a channel."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from bot import catalogue
from bot.config import parse
from bot.domain import keys
from bot.store.projection import claim, settle_shown, touch
from bot.store.tables import AlertGroup, Incident, Model, Projection

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BEFORE = """
slack: {channel: "#general"}
models: {fraud-scorer: {owner: "@alice", channel: "#ml-fraud"}, churn: {metrics: {auc: {slo: ">= 0.9"}}}}
"""


@pytest.fixture(autouse=True)
def configured(db: Session) -> None:
    catalogue.apply(db, parse(BEFORE), NOW)


def shown(db: Session, key: str) -> None:
    """A card that stands in Slack and shows the newest state."""
    touch(db, NOW, key, urgent=True)
    held = claim(db, NOW, key)
    assert held is not None
    settle_shown(db, NOW, held, remote_id="C1:1.1", shown="d")


def lagging(db: Session) -> list[str]:
    db.expire_all()
    return list(db.exec(select(Projection.key).where(Projection.lagging)))


@pytest.mark.parametrize(
    ("old", "new"), [("@alice", "@bob"), (">= 0.9", ">= 0.95"), ("churn: {metrics", "left: {metrics")]
)
def test_what_stands_is_drawn_again_when_a_model_is_configured_otherwise(db: Session, old: str, new: str) -> None:
    shown(db, keys.deployment(1))

    catalogue.apply(db, parse(BEFORE.replace(old, new)), NOW + timedelta(hours=1))

    assert lagging(db) == [keys.deployment(1)]


def test_the_same_configuration_draws_nothing(db: Session) -> None:
    shown(db, keys.deployment(1))

    catalogue.apply(db, parse(BEFORE), NOW + timedelta(hours=1))

    assert lagging(db) == []


@pytest.mark.parametrize(
    ("old", "new", "channels"),
    [("#ml-fraud", "#ml-risk", ["#ml-risk", "#general"]), ("#general", "#ops", ["#ml-fraud", "#ops"])],
)
def test_what_is_open_goes_to_the_channel_of_now(db: Session, old: str, new: str, channels: list[str]) -> None:
    for name, channel in (("fraud-scorer", "#ml-fraud"), ("churn", "#general")):
        opened(db, name, channel)
    opened(db, "fraud-scorer", "#ml-fraud", status="resolved")
    opened(db, "fraud-scorer", "#war-room", opened_by="U02BOB")

    catalogue.apply(db, parse(BEFORE.replace(old, new)), NOW + timedelta(hours=1))

    assert [i.channel for i in db.exec(select(Incident).order_by(Incident.id))] == [*channels, "#ml-fraud", "#war-room"]
    assert [g.channel for g in db.exec(select(AlertGroup).order_by(AlertGroup.id))][:3] == [*channels, "#ml-fraud"]


def opened(db: Session, name: str, channel: str, *, status: str = "firing", opened_by: str | None = None) -> None:
    model_id = db.exec(select(Model.id).where(Model.name == name)).one()
    of: dict[str, Any] = {"model_id": model_id, "channel": channel, "opened_at": NOW}
    state = "resolved" if status == "resolved" else "investigating"
    db.add(Incident(title="x", severity="sev2", status=state, onset_at=NOW, opened_by=opened_by, **of))
    db.add(AlertGroup(symptom="x", alert_class="hard", severity="error", status=status, recorded_at=NOW, **of))
    db.flush()


DECIDED = """
people: {"@leads": ["@dana", "@erin"]}
deployers: {cd: {type: outgoing, url: https://cd.example.com}}
models:
  fraud-scorer:
    stages: [lab, prod]
    approvers: {prod: {group: "@leads", users: ["@dana", "@bob"], expires: 2h}}
    deploy_within: 1h
  churn: {deploy_url: "https://cd.example.com/{model}"}
"""


def test_who_decides_and_who_carries_it_out_is_written_to_rows(db: Session) -> None:
    catalogue.apply(db, parse(DECIDED), NOW)

    models = {m.name: m for m in db.exec(select(Model))}
    who = models["fraud-scorer"].approvers["production"]
    assert (who["users"], who["group"], who["expires_s"]) == (["@dana", "@bob", "@erin"], "@leads", 7200)
    assert (models["fraud-scorer"].stages, models["churn"].stages) == (["lab", "production"], [])
    assert models["fraud-scorer"].deploys == {"deployer": "cd", "url": None, "within_s": 3600}
    assert models["churn"].deploys["deployer"] is None


def test_of_several_deployers_each_model_names_its_own(db: Session) -> None:
    more = DECIDED.replace("{cd: {", "{other: {type: outgoing, url: https://x.example.com}, cd: {")

    catalogue.apply(db, parse(more.replace("deploy_within: 1h", "deployer: cd")), NOW)

    models = {m.name: m for m in db.exec(select(Model))}
    assert [models[name].deploys["deployer"] for name in ("fraud-scorer", "churn")] == ["cd", None]


def test_a_model_that_is_taken_out_has_no_approvers_any_more(db: Session) -> None:
    catalogue.apply(db, parse(DECIDED), NOW)

    catalogue.apply(db, parse(""), NOW)

    model = db.exec(select(Model).where(Model.name == "fraud-scorer")).one()
    assert (model.approvers, model.deploys, model.stages) == ({}, {}, [])
