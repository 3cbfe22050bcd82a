"""Which names a mistyped one may stand for."""

import re
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.names import LIKE, nearest

NAMES = ("fraud-scorer", "fraud_rules", "churn", "Ads CTR", "search.ranker", "geo")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("fruad", "fraud-scorer"),
        ("rankr", "search.ranker"),
        ("ADS-CTR", "Ads CTR"),
        ("ge", "geo"),
        ("zebra", None),
    ],
)
def test_a_name_is_as_near_as_its_nearest_part(typed: str, meant: str | None) -> None:
    assert next(iter(nearest(typed, NAMES, limit=1)), None) == meant


def test_of_a_long_word_only_the_beginning_counts() -> None:
    name = "x".join(map(str, range(100, 116)))

    assert nearest(name + " as it was typed" * 20, [name, *NAMES]) == [name]


@given(st.text("abcdefgnoru-", min_size=1, max_size=20), st.lists(st.text("abcdefgnoru-", min_size=1), max_size=8))
def test_what_is_left_out_early_is_too_different(typed: str, names: list[str]) -> None:
    def like(name: str) -> bool:
        parts = (name, name[: len(typed)], *re.split(r"[^a-z0-9]+", name))
        return max(SequenceMatcher(None, part, typed).ratio() for part in parts) >= LIKE or name.startswith(typed)

    assert set(nearest(typed, names, limit=8)) == set(filter(like, names))
