"""Statements over lists of rows: each row once, constants where they are named, whatever the length of the list."""

import pytest
from sqlalchemy import Integer, String
from sqlmodel import Session

from bot.store.many import MOST_ROWS, Many

LARGER = Many(
    """
    SELECT j.column1 + :more, j.column2 || :ending FROM (VALUES {rows}) AS j
    WHERE j.column1 >= :least AND j.column1 + :more <> :least
    """,
    Integer(),
    String(),
    more=Integer(),
    least=Integer(),
    ending=String(),
)


@pytest.mark.parametrize("count", [*range(20), 155, MOST_ROWS, 2 * MOST_ROWS + 155])
def test_each_row_counts_once(db: Session, count: int) -> None:
    rows = [(n, f"row {n}") for n in range(count)]

    found = LARGER.run(db, rows, more=1000, least=3, ending="!")

    assert sorted(map(tuple, found)) == [(n + 1000, f"row {n}!") for n in range(3, count)]
