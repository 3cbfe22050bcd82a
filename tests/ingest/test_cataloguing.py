"""Models renamed, merged and retired: nothing is lost, and what names them as before still finds them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from bot import catalogue
from bot.config import parse
from bot.domain.actions import MarkVersion, MergeModels, RenameModel, RetireModel
from bot.domain.errors import UserError
from bot.domain.facts import ChangeFact, ChangeType, EvaluationFact, MetricFact, VersionFact
from bot.ingest.cataloguing import OWNED
from bot.store.queries.metrics import newest_values
from bot.store.tables import AlertGroup, Change, MetricName, Model, ModelName, Serving, Version


def rename(name: str, model: str = "fraud-scorer") -> RenameModel:
    return RenameModel(model=model, name=name, by="U02BOB")


def merge(model: str, into: str = "fraud-scorer") -> MergeModels:
    return MergeModels(model=model, into=into, by="U02BOB")


def measured(world: Any, metric: str, value: float, model: str = "fraud-scorer") -> EvaluationFact:
    return EvaluationFact(
        model=model, version="41", metrics=(MetricFact(name=metric, value=value),), occurred_at=world.now
    )


@pytest.fixture
def two(world: Any) -> Any:
    """fraud-scorer serves v41 and then v43; fraud_scorer_v2, which is the same, is said to serve v42 in between."""
    for model, version, hours in (("fraud-scorer", "41", 9), ("fraud_scorer_v2", "42", 6), ("fraud-scorer", "43", 3)):
        world.record(world.rollout(version, model=model, occurred_at=world.now - timedelta(hours=hours)))
    world.record(measured(world, "auc", 0.9), measured(world, "auc", 0.8, "fraud_scorer_v2"))
    world.record(measured(world, "f1", 0.7, "fraud_scorer_v2"), world.alert("Drift", model="fraud_scorer_v2"))
    world.record(VersionFact(model="fraud_scorer_v2", version="41", occurred_at=world.now, code_ref="9f3c1ab"))
    return world


def test_events_under_the_earlier_name_are_of_the_renamed_model(world: Any) -> None:
    world.record(world.rollout("41", occurred_at=world.now - timedelta(hours=2)))

    world.act(rename("fraud"))
    world.record(world.rollout("42"))

    model = world.row(Model)
    assert (model.name, world.live()) == ("fraud", {"42": 100.0})
    assert {c.model_id for c in world.rows(Change)} == {model.id}


def test_a_refusal_notifies_nobody_by_the_name_of_a_model(world: Any) -> None:
    world.model("fraud-scorer")
    world.model("<!channel>")

    with pytest.raises(UserError, match="There is a model &lt;!channel&gt; already"):
        world.act(rename("<!channel>"))


def test_a_name_goes_back_and_forth(world: Any) -> None:
    world.record(world.rollout("41"))

    for name in ("fraud", "fraud-scorer", "fraud"):
        world.act(rename(name, world.row(Model).name))

    assert world.row(Model).name == "fraud"
    assert world.run(lambda db: list(db.exec(select(ModelName.name)))) == ["fraud-scorer"]


def test_a_name_that_another_model_has_is_refused(two: Any) -> None:
    with pytest.raises(UserError, match="merge the two"):
        two.act(rename("fraud_scorer_v2"))


def test_the_earlier_name_of_another_model_is_refused_and_said_to_be_one(two: Any) -> None:
    two.act(rename("fraud"))

    with pytest.raises(UserError, match="a model fraud already, which was called fraud-scorer before; merge the two"):
        two.act(rename("fraud-scorer", "fraud_scorer_v2"))


def test_the_configuration_refines_a_model_under_its_earlier_name(world: Any) -> None:
    decisions = parse("models: {fraud-scorer: {owner: '@alice'}, shop: {depends_on: [fraud-scorer]}}")
    world.run(catalogue.apply, decisions, world.now)
    world.act(rename("fraud"))

    world.run(catalogue.apply, decisions, world.now)

    models = {m.name: m for m in world.rows(Model)}
    assert (sorted(models), models["fraud"].owner, models["fraud"].configured) == (["fraud", "shop"], "@alice", True)
    assert models["shop"].depends_on == ["fraud"]


def test_a_merge_loses_nothing_and_replays_what_served(two: Any) -> None:
    world = two
    world.act(MarkVersion(model="fraud_scorer_v2", version="42", bad=True, by="U02BOB", reason="leak"))

    world.act(merge("fraud_scorer_v2"))

    model = world.row(Model)
    served = [(s.version, s.since, s.until) for s in sorted(world.rows(Serving), key=lambda s: s.since)]
    at = [world.now - timedelta(hours=hours) for hours in (9, 6, 3)]
    assert served == [("41", at[0], at[1]), ("42", at[1], at[2]), ("43", at[2], None)]
    assert sorted(v.name for v in world.rows(Version)) == ["41", "42", "43"]
    assert world.row(Version, name="41").code_ref == "9f3c1ab"
    assert sorted(m.metric for m in world.rows(MetricName)) == ["auc", "f1"]
    assert {metric: len(rows) for (_, metric), rows in world.run(newest_values, [model.id]).items()} == {
        "auc": 2,
        "f1": 1,
    }
    assert world.row(AlertGroup).model_id == model.id


def test_what_names_a_merged_model_is_of_the_other(two: Any) -> None:
    world = two
    world.act(rename("fraud-old", "fraud_scorer_v2"))
    world.act(merge("fraud-old"))

    for name in ("fraud_scorer_v2", "fraud-old"):
        world.record(ChangeFact(model=name, change_type=ChangeType.RULE, summary=f"of {name}", occurred_at=world.now))

    model = world.row(Model)
    assert {c.model_id for c in world.rows(Change, change_type="rule")} == {model.id}


def test_a_merge_with_itself_or_nobody_is_refused(two: Any) -> None:
    for other in ("fraud-scorer", "nobody"):
        with pytest.raises(UserError):
            two.act(merge(other))


def test_a_retired_model_answers_and_comes_back(two: Any) -> None:
    two.act(RetireModel(model="fraud-scorer", over=True, by="U02BOB"))

    assert two.row(Model, name="fraud-scorer").retired_at == two.now

    two.act(RetireModel(model="fraud-scorer", over=False, by="U02BOB"))

    assert two.row(Model, name="fraud-scorer").retired_at is None


def test_a_model_of_the_configuration_is_retired_there(world: Any) -> None:
    world.model("churn", configured=True)

    with pytest.raises(UserError, match="lifecycle: retired"):
        world.act(RetireModel(model="churn", over=True, by="U02BOB"))


def test_a_merge_knows_every_table_that_is_about_a_model() -> None:
    about = {table.name for table in SQLModel.metadata.sorted_tables if "model_id" in table.columns}

    assert about == {table.__tablename__ for table in (*OWNED, Version, MetricName, ModelName)}
