"""What is live: version and share in each slot (model, stage, target), since when."""

import json
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import integrations.mlflow
from bot.domain.facts import VersionFact
from bot.store.tables import Change, Model, Serving

MLFLOW = Path(integrations.mlflow.__file__).parent / "examples"


@pytest.fixture
def before(world: Any) -> Any:
    world.record(world.rollout("41", occurred_at=world.now - timedelta(days=9)))
    return world


def test_the_first_version_that_we_hear_of_serves_all(world: Any) -> None:
    world.record(world.rollout("41"))

    assert world.live() == {"41": 100.0}


def test_a_canary_shares_with_the_version_before(before: Any) -> None:
    world = before
    seen = []
    for share in (10, 50, 100):
        world.later(minutes=5)
        world.record(world.rollout("42", "in_progress" if share < 100 else "succeeded", traffic_percent=share))
        seen.append(world.live())

    assert seen == [{"41": 90.0, "42": 10.0}, {"41": 50.0, "42": 50.0}, {"42": 100.0}]
    ended = [s for s in world.rows(Serving) if s.until is not None]
    assert all(s.since < s.until for s in ended)


def test_a_split_that_stays_is_two_live_versions(before: Any) -> None:
    world = before

    world.record(world.rollout("42", traffic_percent=30))

    assert world.live() == {"41": 70.0, "42": 30.0}


def test_a_third_version_shares_with_the_largest(before: Any) -> None:
    world = before
    world.record(world.rollout("42", traffic_percent=30))
    world.later(minutes=5)

    world.record(world.rollout("43", "in_progress", traffic_percent=5))

    assert world.live() == {"41": 95.0, "43": 5.0}


def test_a_shadow_serves_nobody(before: Any) -> None:
    world = before

    world.record(world.rollout("42", traffic_percent=0))

    assert world.live() == {"41": 100.0, "42": 0.0}


def test_a_shadow_takes_nothing_from_a_canary(before: Any) -> None:
    world = before
    world.record(world.rollout("42", "in_progress", traffic_percent=30))
    world.later(minutes=5)

    world.record(world.rollout("43", traffic_percent=0))

    assert world.live() == {"41": 70.0, "42": 30.0, "43": 0.0}


@pytest.mark.parametrize("end", ["failed", "cancelled", "rolled_back", "removed"])
def test_a_shadow_that_ends_leaves_a_canary(before: Any, end: str) -> None:
    world = before
    world.record(world.rollout("42", "in_progress", traffic_percent=30))
    for status in ("succeeded", end):
        world.later(minutes=5)
        world.record(world.rollout("43", status, traffic_percent=0 if status == "succeeded" else None))

    assert world.live() == {"41": 70.0, "42": 30.0}


def test_a_shadow_never_inherits_traffic(world: Any) -> None:
    world.record(world.rollout("42", stage="shadow", traffic_percent=0))
    world.later(minutes=5)

    world.record(world.rollout("43", stage="shadow", traffic_percent=0))

    assert world.live("shadow") == {"43": 0.0}


def test_a_failed_attempt_does_not_give_a_shadow_the_traffic(before: Any) -> None:
    world = before
    world.record(world.rollout("42", traffic_percent=0))
    world.later(hours=2)

    world.record(world.rollout("41", "failed"))

    assert world.live() == {"41": 100.0, "42": 0.0}


def test_a_shadow_that_ends_leaves_what_serves(before: Any) -> None:
    world = before
    world.record(world.rollout("42", traffic_percent=0))
    world.later(minutes=5)

    world.record(world.rollout("42", "removed"))

    assert world.live() == {"41": 100.0}


def test_removing_a_version_that_is_drained_leaves_the_others(before: Any) -> None:
    world = before
    world.record(world.rollout("42"))
    world.later(minutes=5)

    world.record(world.rollout("41", "removed"))

    assert world.live() == {"42": 100.0}


def test_removing_the_last_version_leaves_none(before: Any) -> None:
    world = before

    world.record(world.rollout("41", "removed"))

    assert world.live() == {}


def test_queued_and_unknown_shares_move_no_traffic(before: Any) -> None:
    world = before

    world.record(world.rollout("42", "queued", traffic_percent=100), world.rollout("43", "in_progress"))

    assert world.live() == {"41": 100.0}


def test_stages_and_targets_are_slots_of_their_own(before: Any) -> None:
    world = before

    world.record(world.rollout("42", stage="staging"), world.rollout("40", target="us-1"))

    assert (world.live(), world.live("staging"), world.live(target="us-1")) == (
        {"41": 100.0},
        {"42": 100.0},
        {"40": 100.0},
    )


def test_what_is_older_than_the_newest_change_of_a_slot_does_not_move_it(before: Any) -> None:
    world = before
    world.record(world.rollout("43"))

    world.record(world.rollout("42", occurred_at=world.now - timedelta(hours=3)))

    assert world.live() == {"43": 100.0}


ENDS = ("succeeded", "failed", "cancelled", "rolled_back", "removed", "paused")
steps = st.tuples(
    st.lists(st.sampled_from([0, 5, 10, 25, 50, 75]), max_size=2),
    st.sampled_from(ENDS),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_the_order_in_which_a_rollout_is_told_does_not_matter(
    world: Any, story: tuple[list[int], str, bool, bool]
) -> None:
    shares, end, named, first = story
    """A last event that moves traffic states how much: what it leaves out is only known from the ones before it."""
    shares = sorted(shares)
    told = [("in_progress", share) for share in shares] + [(end, 80 if end == "paused" else None)]
    outcomes = set()
    for order in permutations(range(len(told))):
        model = f"m{next(world._count)}"
        if not first:
            world.record(world.rollout("41", model=model, occurred_at=world.now - timedelta(days=9)))
        facts = [
            world.rollout(
                "42",
                status,
                model=model,
                traffic_percent=share,
                occurred_at=world.now + timedelta(minutes=n),
                deployment_id=model if named else None,
            )
            for n, (status, share) in enumerate(told)
        ]

        for n in order:
            world.record(facts[n])

        outcomes.add(spans(world, model))

    assert len(outcomes) == 1


ALIASES = (
    ("aliased", "champion", "1", 0),
    ("aliased", "challenger", "2", 2),
    ("aliased", "champion", "2", 4),
    ("unaliased", "challenger", "2", 6),
    ("aliased", "champion", "1", 8),
)
"""A registry's day: v2 challenges v1, takes its place, and is taken back."""


def test_the_order_in_which_aliases_move_is_told_does_not_matter(world: Any) -> None:
    outcomes = set()
    for n, order in enumerate(permutations(ALIASES)):
        world.model(f"m{n}", aliases={"champion": "production", "challenger": "shadow"})

        for change, alias, version, hours in order:
            at = world.now - timedelta(hours=9 - hours)
            world.record(VersionFact(model=f"m{n}", version=version, change=change, alias=alias, occurred_at=at))

        outcomes.add(spans(world, f"m{n}"))

    at = [world.now - timedelta(hours=9 - hours) for *_, hours in ALIASES]
    assert outcomes == {
        (
            ("production", "1", 100.0, at[0], at[2]),
            ("production", "1", 100.0, at[4], None),
            ("production", "2", 100.0, at[2], at[4]),
            ("shadow", "2", 100.0, at[1], at[3]),
        )
    }


CAPTURED = (
    "model_version_alias_created_champion_v1",
    "model_version_alias_created_challenger_v2",
    "model_version_alias_created_champion_moved_to_v2",
    "model_version_alias_deleted",
)
"""As MLflow sent them; the one that is deleted names no version."""


def test_the_order_in_which_mlflow_tells_of_its_aliases_does_not_matter(world: Any) -> None:
    events = [json.loads((MLFLOW / f"webhook_{name}.json").read_text())["body"] for name in CAPTURED]
    outcomes = set()
    for n, order in enumerate(permutations(events)):
        world.model(f"m{n}", aliases={"champion": "production", "challenger": "shadow"})

        for event in order:
            world.deliver("mlflow", event | {"data": event["data"] | {"name": f"m{n}"}})

        outcomes.add(spans(world, f"m{n}"))

    at = [datetime.fromisoformat(event["timestamp"]) for event in events]
    assert outcomes == {
        (
            ("production", "1", 100.0, at[0], at[2]),
            ("production", "2", 100.0, at[2], None),
            ("shadow", "2", 100.0, at[1], at[3]),
        )
    }


def test_a_deleted_alias_ends_the_rollout_that_it_pointed_to(world: Any) -> None:
    world.model("churn", aliases={"challenger": "shadow"})
    for change, version in (("aliased", "2"), ("unaliased", None)):
        world.later(minutes=5)
        world.record(
            VersionFact(model="churn", version=version, change=change, alias="challenger", occurred_at=world.now)
        )

    assert world.live("shadow") == {}
    assert world.row(Change).status == "removed"


def test_an_alias_that_serving_does_not_follow_deploys_nothing(world: Any) -> None:
    world.record(VersionFact(model="churn", version="1", change="aliased", alias="champion", occurred_at=world.now))

    assert (world.rows(Serving), world.rows(Change)) == ([], [])


def test_two_shares_of_one_moment_are_both_named_whichever_comes_first(world: Any) -> None:
    outcomes = set()
    for n, order in enumerate(permutations((("2", 90), ("3", 10)))):
        model = f"split-{n}"
        world.record(world.rollout("1", model=model, occurred_at=world.now - timedelta(days=9)))
        for version, share in order:
            world.record(world.rollout(version, "in_progress", model=model, traffic_percent=share))
        outcomes.add(tuple(live for live in spans(world, model) if live[-1] is None))

    assert outcomes == {
        (("production", "2", 90.0, world.now, None), ("production", "3", 10.0, world.now, None)),
    }


def test_a_rollback_that_is_told_late_goes_back_to_what_served_then(before: Any) -> None:
    world = before
    begun = world.now
    world.record(world.rollout("42"))
    world.later(hours=5)
    world.record(world.rollout("43"))

    world.record(world.rollout("42", "rolled_back", occurred_at=begun + timedelta(hours=1)))

    assert [(v, (since - begun).total_seconds() / 3600) for _, v, _, since, _ in spans(world, "fraud-scorer")] == [
        ("41", -216.0),
        ("41", 1.0),
        ("42", 0.0),
        ("43", 5.0),
    ]


def spans(world: Any, model: str) -> tuple[Any, ...]:
    """Return everything that ever served of a model, by stage, version and time."""
    rows = world.rows(Serving, model_id=world.row(Model, name=model).id)
    return tuple(sorted((s.stage, s.version, s.traffic_percent, s.since, s.until) for s in rows))
