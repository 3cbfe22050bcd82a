"""Of which kinds of a thing a source that is heard told lately: a few rows a kind, however many there are."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CompoundSelect, Select, exists, literal, select, union_all

NEWEST = 200
"""Rows of each kind that are looked at."""


def told_by_others(newest: Mapping[str, Select[Any]], without: Any) -> CompoundSelect[Any]:
    """Select the kinds of which any of the NEWEST rows, sources with the newest first, is of none WITHOUT."""
    looked_at = {kind: rows.limit(NEWEST).subquery() for kind, rows in newest.items()}
    return union_all(
        *(
            select(literal(kind)).where(exists(select(rows.c.source).where(rows.c.source.not_in(without))))
            for kind, rows in looked_at.items()
        )
    )
