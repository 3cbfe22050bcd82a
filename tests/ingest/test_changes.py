"""Changes of every kind and versions: kept once, completed later."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.facts import ChangeFact, ChangeType, VersionFact
from bot.store.tables import Change, Model, Version


def change(world: Any, kind: ChangeType = ChangeType.CONFIG, **more: Any) -> ChangeFact:
    given = {"summary": "threshold", "occurred_at": world.now, "model": "fraud-scorer", **more}
    return ChangeFact(change_type=kind, **given)


def version(world: Any, **more: Any) -> VersionFact:
    return VersionFact(**{"model": "fraud-scorer", "version": "42", "occurred_at": world.now, **more})


@pytest.mark.parametrize("kind", [k for k in ChangeType if k is not ChangeType.MODEL])
def test_every_kind_of_change_is_kept(world: Any, kind: ChangeType) -> None:
    world.record(change(world, kind, before="0.5", after="0.45"))

    row = world.row(Change)
    assert (row.change_type, row.before, row.after) == (kind, "0.5", "0.45")
    world.draw()
    assert world.shown == {}


def test_a_change_with_a_known_key_is_kept_once(world: Any) -> None:
    world.record(change(world, dedup_key="config#212"))

    recorded = world.record(change(world, dedup_key="config#212", summary="again"))

    assert recorded.duplicate == 1
    assert world.row(Change).summary == "threshold"


def test_two_sources_may_use_the_same_key(world: Any) -> None:
    world.record(change(world, dedup_key="1"), source="one")

    world.record(change(world, dedup_key="1"), source="two")

    assert len(world.rows(Change)) == 2


def test_two_equal_changes_without_a_key_are_two(world: Any) -> None:
    world.record(change(world), change(world))

    assert len(world.rows(Change)) == 2


def test_a_change_of_no_model_may_touch_every_model(world: Any) -> None:
    world.record(change(world, model=None))

    assert world.row(Change).model_id is None
    assert world.rows(Model) == []


def test_the_first_event_of_an_unknown_model_creates_it(world: Any) -> None:
    world.record(change(world))

    model = world.row(Model)
    assert (model.name, model.configured) == ("fraud-scorer", False)


def test_a_version_is_completed_by_later_events(world: Any) -> None:
    world.record(world.rollout("42"))
    world.later(hours=1)
    world.record(version(world, code_ref="9c1f2e7"))

    world.record(version(world, change="tagged", data_until=world.now - timedelta(days=3)))

    row = world.row(Version)
    assert (row.code_ref, row.data_until, row.registered_at) == ("9c1f2e7", world.now - timedelta(days=3), world.now)


def test_what_an_event_leaves_out_erases_nothing(world: Any) -> None:
    world.record(version(world, code_ref="9c1f2e7", actor="alice", description="retrained"))

    recorded = world.record(version(world, code_ref="9c1f2e7"))

    row = world.row(Version)
    assert recorded.duplicate == 1
    assert (row.actor, row.description) == ("alice", "retrained")


def test_a_version_loses_its_alias(world: Any) -> None:
    world.record(version(world, change="aliased", alias="champion"))

    world.record(version(world, change="unaliased", alias="champion"))

    assert world.row(Version).alias == ""


def test_a_version_that_only_an_evaluation_names_is_known(world: Any) -> None:
    world.deliver("events", {"kind": "evaluation", "model": "churn", "version": "v3", "metrics": {"auc": 0.9}})

    assert world.row(Version).name == "3"
    assert world.row(Version).registered_at is None
