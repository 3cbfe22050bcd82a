"""What is live: version and share in each slot (model, stage, target), since when."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.store.tables import Model, Serving


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

        model_id = world.row(Model, name=model).id
        live = world.rows(Serving, model_id=model_id, until=None)
        outcomes.add(tuple(sorted((s.version, s.traffic_percent) for s in live)))

    assert len(outcomes) == 1
