"""Durations in few words."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.durations import short


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=41), "41 s"),
        (timedelta(minutes=11, seconds=59), "11 min"),
        (timedelta(minutes=23), "23 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=2, minutes=10), "2 h 10 min"),
        (timedelta(days=1, hours=5, minutes=50), "1 d 5 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=3, hours=23), "3 d"),
        (timedelta(seconds=-4), "-4 s"),
    ],
)
def test_duration_is_shown_in_whole_units(duration: timedelta, words: str) -> None:
    assert short(duration) == words


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)))
def test_duration_shown_is_never_longer_than_it_was(duration: timedelta) -> None:
    units = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}

    parts = short(duration).split()

    shown = sum((timedelta(**{units[u]: int(n)}) for n, u in zip(parts[::2], parts[1::2], strict=True)), timedelta())
    last = timedelta(**{units[parts[-1]]: 1})
    assert shown <= duration < shown + (last if len(parts) == 2 else timedelta(days=1))
