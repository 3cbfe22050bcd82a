"""What names no model: kept, given to one by its labels, and nothing of it lost or told anew."""

from datetime import timedelta
from typing import Any

import pytest

from bot import catalogue
from bot.config import parse
from bot.domain.actions import LinkEvents, UnlinkEvents
from bot.domain.errors import UserError
from bot.domain.facts import ChangeFact, ChangeType
from bot.store.tables import Alert, AlertGroup, Change, Evaluation, Incident, Link, Model, Serving, Unlinked

CHURN = {"service": "churn-api"}


def link(label: str = "service", value: str = "churn-api", model: str = "churn") -> LinkEvents:
    return LinkEvents(label=label, value=value, model=model, by="U02BOB")


def unnamed(world: Any, name: str = "LatencyHigh", n: int = 0, **more: Any) -> Any:
    return world.alert(name, n=n, model=None, **{"labels": CHURN, **more})


def evaluation(**more: Any) -> dict[str, Any]:
    return {"kind": "evaluation", "labels": CHURN, "version": "7", "metrics": {"auc": 0.91}, **more}


@pytest.fixture
def churn(world: Any) -> Any:
    world.model("churn", channel="#ml-churn")
    return world


def test_a_rule_gives_what_comes_to_its_model(churn: Any) -> None:
    churn.act(link())

    churn.record(unnamed(churn))
    churn.deliver("events", evaluation())

    model = churn.row(Model)
    assert (churn.group().model_id, churn.group().channel) == (model.id, "#ml-churn")
    assert churn.row(Evaluation).model_id == model.id


def test_what_names_a_model_goes_by_its_name(churn: Any) -> None:
    churn.act(link())

    churn.record(churn.alert(labels=CHURN))

    assert churn.group().model_id == churn.row(Model, name="fraud-scorer").id


def test_a_card_becomes_the_models_and_no_second_one_is_posted(churn: Any) -> None:
    churn.record(unnamed(churn, kind="hard"), churn.rollout("7", model="churn"))
    churn.settle()
    before = set(churn.shown)

    churn.act(link())
    churn.settle()

    assert set(churn.shown) == before
    assert "*churn*" in churn.says("slack/group/1")
    incident = churn.incident()
    assert (incident.model_id, incident.title, incident.suspect) == (
        churn.row(Model).id,
        "churn: LatencyHigh",
        "v7 deployed 0 s before the alert",
    )
    assert "churn: LatencyHigh" in churn.says("slack/incident/1")


def test_alerts_of_two_services_under_one_name_part(churn: Any) -> None:
    began = churn.now
    churn.record(unnamed(churn, n=1), unnamed(churn, n=2), unnamed(churn, n=3, labels={"service": "shop"}))
    churn.settle()

    churn.act(link())
    churn.settle()

    shop, own = churn.rows(AlertGroup)
    assert (shop.model_id, shop.total, shop.firing, shop.status) == (None, 1, 1, "firing")
    assert (own.model_id, own.total, own.firing, own.status) == (churn.row(Model).id, 2, 2, "firing")
    assert {(a.group_id, a.model_id) for a in churn.rows(Alert, group_id=own.id)} == {(own.id, own.model_id)}
    assert "no model" in churn.says("slack/group/1")
    assert "*churn*" in churn.says("slack/group/2")

    churn.record(*(unnamed(churn, n=n, status="resolved", starts_at=began) for n in (1, 2)))

    assert [g.status for g in churn.rows(AlertGroup)] == ["firing", "resolved"]


def test_what_is_over_parts_without_a_card(churn: Any) -> None:
    began = churn.now
    for status in ("firing", "resolved"):
        churn.record(
            unnamed(churn, n=1, status=status, starts_at=began),
            unnamed(churn, n=2, labels={"service": "shop"}, starts_at=began),
        )
        churn.settle()
    before = set(churn.shown)

    churn.act(link())
    churn.settle()

    own = churn.rows(AlertGroup)[1]
    assert (own.status, own.total, own.quiet) == ("resolved", 1, True)
    assert set(churn.shown) == before


def test_hard_alerts_that_part_join_the_incident_of_their_model(churn: Any) -> None:
    churn.record(churn.alert("Errors", model="churn", kind="hard"))
    churn.record(unnamed(churn, n=1, kind="hard"), unnamed(churn, n=2, kind="hard", labels={"service": "shop"}))

    churn.act(link())

    groups = {g.id: g.incident_id for g in churn.rows(AlertGroup)}
    assert groups == {1: 1, 2: 2, 3: 1}
    assert [i.model_id for i in churn.rows(Incident)] == [churn.row(Model).id, None]


def test_changes_and_evaluations_that_waited_are_the_models(churn: Any) -> None:
    at = (churn.now - timedelta(days=20)).isoformat()
    deployed = {"kind": "deployment", "labels": CHURN, "version": "7", "occurred_at": at}
    changed = {"kind": "change", "change_type": "feature", "summary": "geo v2", "labels": CHURN}
    recorded = churn.deliver("events", [evaluation(occurred_at=at), deployed, changed])
    repeated = churn.deliver("events", [evaluation(occurred_at=at), deployed])
    assert (recorded.recorded, recorded.unmapped, repeated.recorded) == (3, 0, 0)
    assert len(churn.rows(Unlinked)) == 2

    churn.act(link())
    churn.settle()

    model = churn.row(Model)
    assert churn.rows(Unlinked) == []
    assert churn.row(Evaluation).model_id == model.id
    assert churn.live() == {"7": 100.0}
    assert {c.model_id for c in churn.rows(Change)} == {model.id}
    assert "slack/deployment/2" not in churn.shown  # history

    assert churn.deliver("events", [evaluation(occurred_at=at)]).recorded == 0


def test_a_change_that_may_touch_every_model_still_does(churn: Any) -> None:
    churn.act(link())

    churn.record(ChangeFact(change_type=ChangeType.DATA, summary="feed moved", occurred_at=churn.now))

    assert churn.row(Change).model_id is None


def test_the_configuration_takes_up_what_came_before(world: Any) -> None:
    world.record(unnamed(world, labels={"namespace": "ml", "pod": "churn-scorer-7d9f-x1"}))
    world.record(unnamed(world, "Other", labels={"namespace": "web", "pod": "churn-scorer-7d9f-x1"}))
    decisions = parse('models: {churn: {match: {namespace: ml, pod: "^churn-scorer-"}}}')

    world.run(catalogue.take, decisions, world.now, world.rules)

    assert [g.model_id for g in world.rows(AlertGroup)] == [world.row(Model).id, None]
    assert world.run(catalogue.apply, decisions, world.now) is False

    world.run(catalogue.take, parse("models: {churn: {}}"), world.now, world.rules)
    world.record(unnamed(world, "Third", labels={"namespace": "ml", "pod": "churn-scorer-x"}))

    assert world.rows(Link) == []
    assert world.row(AlertGroup, symptom="Third").model_id is None


def test_a_rule_that_is_taken_back_leaves_what_it_linked(churn: Any) -> None:
    churn.act(link())
    churn.record(unnamed(churn))

    churn.act(UnlinkEvents(label="service", value="churn-api", by="U02BOB"))
    churn.record(unnamed(churn, "ErrorsHigh"))

    assert [g.model_id for g in churn.rows(AlertGroup)] == [churn.row(Model).id, None]
    with pytest.raises(UserError, match="No rule"):
        churn.act(UnlinkEvents(label="service", value="churn-api", by="U02BOB"))


def test_a_second_word_on_a_label_counts(churn: Any) -> None:
    churn.model("shop")
    churn.act(link())

    churn.act(link(model="shop"))
    churn.record(unnamed(churn))

    assert churn.group().model_id == churn.row(Model, name="shop").id


@pytest.mark.parametrize(("label", "model"), [("service", "nobody"), ('ser"vice', "churn"), ("", "churn")])
def test_what_cannot_be_a_rule_is_refused(churn: Any, label: str, model: str) -> None:
    with pytest.raises(UserError, match="Nothing done"):
        churn.act(link(label=label, model=model))

    assert churn.rows(Link) == []


def test_names_of_labels_may_hold_dots_and_slashes(churn: Any) -> None:
    churn.record(unnamed(churn, labels={"app.kubernetes.io/name": "churn-api"}))

    churn.act(link(label="app.kubernetes.io/name"))

    assert churn.group().model_id == churn.row(Model).id


def test_an_alert_without_labels_is_linked_by_its_name_or_its_source(churn: Any) -> None:
    churn.model("shop")
    churn.record(churn.alert("ChurnLate", model=None), churn.alert("Other", model=None), source="cron")

    churn.act(link(label="source", value="cron", model="shop"))
    churn.act(link(label="alertname", value="ChurnLate"))
    churn.record(churn.alert("ChurnLate", model=None, n=2), source="cron")

    names = {m.id: m.name for m in churn.rows(Model)}
    assert [names[g.model_id] for g in churn.rows(AlertGroup)] == ["shop", "shop", "churn"]
    assert churn.rows(Serving) == []
