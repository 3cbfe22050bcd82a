"""Never more in any stretch of time than the rate allows, some of it kept for others, and less after a 429."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.reconcile.budget import FORGIVEN, Budget, Rate

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NONE = timedelta(0)
UPDATES = Rate(50, MINUTE, reserve=4)


def taken(budget: Budget, rate: Rate, at: datetime, tries: int, *, leave: int = 0) -> int:
    return sum(budget.take("chat.update", rate, at, leave=leave) == NONE for _ in range(tries))


def test_what_is_left_to_others_is_there_for_them() -> None:
    budget = Budget()
    cards, incidents, people = (taken(budget, UPDATES, NOW, 100, leave=leave) for leave in (4, 2, 0))

    assert (cards, incidents, people) == (46, 2, 2)


def test_one_at_least_goes_out_however_many_are_to_be_left() -> None:
    assert taken(Budget(), UPDATES, NOW, 100, leave=500) == 1


def test_the_wait_that_is_told_is_enough_and_not_too_long() -> None:
    budget = Budget()
    taken(budget, UPDATES, NOW, 30)
    taken(budget, UPDATES, NOW + 10 * SECOND, 30)
    now = NOW + 20 * SECOND
    wait = budget.take("chat.update", UPDATES, now)

    assert wait == 40 * SECOND
    assert budget.wait("chat.update", UPDATES, now + wait - SECOND / 100) > NONE
    assert budget.wait("chat.update", UPDATES, now, leave=30) == 50 * SECOND
    assert budget.take("chat.update", UPDATES, now + wait) == NONE


def test_the_names_have_accounts_of_their_own() -> None:
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
    budget, rate = Budget(), Rate(10, SECOND)
    budget.park("C1", rate, NOW, 30 * SECOND)

    assert budget.take("C1", rate, NOW + 29 * SECOND) == SECOND
    assert budget.take("C2", rate, NOW) == NONE
    assert budget.take("C1", rate, NOW + 30 * SECOND) == NONE


def test_a_429_teaches_to_send_fewer_at_once_and_then_fewer_in_all() -> None:
    budget, rate, at = Budget(), Rate(5, 4 * SECOND, reserve=1), NOW
    paces = []
    for _ in range(4):
        budget.park("chat.update", rate, at, SECOND)
        at += MINUTE
        at_once = taken(budget, rate, at, 10)
        paces.append((at_once, budget.wait("chat.update", rate, at)))

    assert paces == [(2, 2 * SECOND), (1, SECOND), (1, 1.25 * SECOND), (1, 1.5625 * SECOND)]


def test_calls_that_were_on_their_way_together_teach_one_thing() -> None:
    budget, rate = Budget(), Rate(4, 4 * SECOND)
    for _ in range(4):
        budget.park("chat.update", rate, NOW, SECOND)

    assert taken(budget, rate, NOW + SECOND, 10) == 2


def test_what_was_learnt_is_forgotten_after_a_good_while() -> None:
    budget, rate = Budget(), Rate(4, 4 * SECOND)
    budget.park("chat.update", rate, NOW, SECOND)

    assert taken(budget, rate, NOW + FORGIVEN, 10) == 2
    assert taken(budget, rate, NOW + FORGIVEN + MINUTE, 10) == 4


def test_a_clock_that_goes_back_costs_a_window_at_most_and_gives_nothing() -> None:
    budget, rate = Budget(), Rate(2, SECOND)
    budget.take("C1", rate, NOW)
    earlier = NOW - timedelta(hours=1)

    assert budget.take("C1", rate, earlier) == NONE
    assert budget.take("C1", rate, earlier) == SECOND


def test_how_much_is_used_is_told_as_a_part() -> None:
    budget = Budget()
    taken(budget, UPDATES, NOW, 20)
    budget.park("C1", Rate(1, SECOND), NOW, MINUTE)

    assert budget.used(NOW + SECOND) == {"chat.update": 0.4, "C1": 1.0}
    assert budget.used(NOW + MINUTE) == {"chat.update": 0.0, "C1": 0.0}


@given(
    per=st.integers(1, 50),
    calls=st.lists(st.tuples(st.floats(0, 20), st.integers(0, 60)), max_size=120),
)
def test_in_no_window_more_goes_out_than_the_rate(per: int, calls: list[tuple[float, int]]) -> None:
    rate, budget = Rate(per, MINUTE), Budget()
    at, sent = NOW, []
    for pause, leave in calls:
        at += timedelta(seconds=pause)
        if budget.take("x", rate, at, leave=leave) == NONE:
            sent.append(at)

    for begun in sent:
        assert sum(begun <= at < begun + MINUTE for at in sent) <= per
