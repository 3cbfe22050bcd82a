"""On what the versions that came out in a period were evaluated: on the standard, and on data as new as their own."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlmodel import Session

from bot.domain.facts import ChangeType, EvaluationType
from bot.domain.measurements import ALL
from bot.store.queries.comparing import newest
from bot.store.queries.evidence import days_behind, off_standard
from bot.store.tables import Change, Model


class Shipped(NamedTuple):
    """A version that came out in the period."""

    model: str
    version: str
    off_standard: bool
    """Evaluated on something else than the other versions of the model."""
    days_behind: int
    """So many days before its training data its evaluation data ends."""


def shipped(db: Session, model: Model, changes: Sequence[Change]) -> Iterator[Shipped]:
    """Yield the versions that CHANGES of a model brought out, each once."""
    number = model.id or 0
    for version in dict.fromkeys(c.version for c in changes if c.change_type == ChangeType.MODEL):
        if version is not None:
            offline = [r for r in newest(db, model, version, EvaluationType.OFFLINE) if r.slice == ALL]
            odd = off_standard(db, number, version, offline) is not None
            yield Shipped(model.name, version, odd, days_behind(db, number, version, offline))
