"""Token buckets: never more than the rate allows, the reserve is for people, a 429 parks one name."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.reconcile.budget import Budget, Rate

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NONE = timedelta(0)
UPDATES = Rate(50, timedelta(minutes=1), burst=20, reserve=4)


def taken(budget: Budget, rate: Rate, at: datetime, tries: int, *, urgent: bool = False) -> int:
    return sum(budget.take("chat.update", rate, at, urgent=urgent) == NONE for _ in range(tries))


def test_a_burst_goes_out_at_once_but_for_the_reserve() -> None:
    assert taken(Budget(), UPDATES, NOW, 100) == 16


def test_the_reserve_is_there_for_people() -> None:
    budget = Budget()
    taken(budget, UPDATES, NOW, 100)

    assert taken(budget, UPDATES, NOW, 100, urgent=True) == 4


def test_the_wait_that_is_told_is_enough_and_not_too_long() -> None:
    budget = Budget()
    taken(budget, UPDATES, NOW, 100)
    wait = budget.take("chat.update", UPDATES, NOW)

    assert budget.take("chat.update", UPDATES, NOW + wait - SECOND / 100) > NONE
    assert budget.take("chat.update", UPDATES, NOW + wait) == NONE


def test_the_names_have_buckets_of_their_own() -> None:
    budget, rate = Budget(), Rate(1, SECOND)
    budget.take("C1", rate, NOW)

    assert budget.take("C1", rate, NOW) > NONE
    assert budget.take("C2", rate, NOW) == NONE


def test_what_was_put_back_can_be_taken_again() -> None:
    budget, rate = Budget(), Rate(1, SECOND)
    budget.take("C1", rate, NOW)

    budget.put_back("C1")
    budget.put_back("never taken")

    assert budget.take("C1", rate, NOW) == NONE


def test_a_parked_name_waits_until_then_and_nobody_else_does() -> None:
    budget, rate = Budget(), Rate(10, SECOND, burst=10)
    budget.take("C1", rate, NOW)
    budget.park("C1", NOW + 30 * SECOND)

    assert budget.take("C1", rate, NOW + 29 * SECOND, urgent=True) == SECOND
    assert budget.take("C2", rate, NOW) == NONE
    assert budget.take("C1", rate, NOW + 30 * SECOND) == NONE


def test_a_name_can_be_parked_before_it_was_ever_used() -> None:
    budget = Budget()
    budget.park("C1", NOW + SECOND)

    assert budget.take("C1", Rate(1, SECOND), NOW) == SECOND


def test_a_clock_that_goes_back_costs_no_tokens_and_makes_none() -> None:
    budget, rate = Budget(), Rate(1, SECOND, burst=2)
    budget.take("C1", rate, NOW)

    assert budget.take("C1", rate, NOW - timedelta(hours=1)) == NONE
    assert budget.take("C1", rate, NOW - timedelta(hours=1)) == SECOND


@given(
    per=st.integers(1, 100),
    burst=st.integers(3, 20),
    reserve=st.integers(0, 2),
    calls=st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=80),
)
def test_in_no_stretch_of_time_more_goes_out_than_the_rate_and_one_burst(
    per: int, burst: int, reserve: int, calls: list[tuple[float, bool]]
) -> None:
    rate, budget = Rate(per, timedelta(minutes=1), burst, reserve), Budget()
    at, sent = NOW, []
    for pause, urgent in calls:
        at += timedelta(seconds=pause)
        if budget.take("x", rate, at, urgent=urgent) == NONE:
            sent.append(at)

    for first, begun in enumerate(sent):
        for last in range(first, len(sent)):
            minutes = (sent[last] - begun) / timedelta(minutes=1)
            assert last - first + 1 <= burst + per * minutes + 1e-6
