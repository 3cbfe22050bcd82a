"""On what a version was evaluated offline: whether on the same as the other versions of its model, and how old that is.

The standard is the suite on which more than half of the other versions were evaluated (the data set, where no suite is
named), with the versions of both that were last used for another version.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple, Self

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from bot.domain.facts import EvaluationType
from bot.store.queries.metrics import Reading
from bot.store.queries.versions import version_named
from bot.store.tables import Evaluation

LOOKED = 50
"""So many evaluations of other versions tell what is the standard."""
NUMBER = re.compile(r"[-_ .]?v?\d+(\.\d+)*$")
"""A version at the end of a name: `std-3` and `std-4` are one suite."""


class Basis(NamedTuple):
    """What a version was evaluated on; None = not stated."""

    suite: str | None
    suite_version: str | None
    dataset: str | None
    dataset_version: str | None

    @property
    def words(self) -> str:
        """Return `suite std 3, data payments ds-41`."""
        parts = ("suite", *self[:2]), ("data", *self[2:])
        return ", ".join(" ".join(filter(None, words)) for words in parts if any(words[1:]))

    def agrees(self, other: Self) -> bool:
        """Whether nothing that both state differs."""
        return all(ours == theirs for ours, theirs in zip(self, other, strict=True) if ours and theirs)


def basis(reading: Reading) -> Basis:
    """Return what a value was measured on."""
    return Basis(reading.suite, reading.suite_version, reading.dataset, reading.dataset_version)


def off_standard(db: Session, model_id: int, version: str, readings: Sequence[Reading]) -> tuple[str, str] | None:
    """Return on what VERSION was evaluated instead of the standard, and the standard; None where it was on that."""
    standards = _standards(db, model_id, version)
    used = dict.fromkeys(basis(reading) for reading in readings)
    odd = [one for one in used if not any(one) or not any(one.agrees(standard) for standard in standards)]
    return (odd[0].words, standards[0].words) if odd and standards else None


def _standards(db: Session, model_id: int, version: str) -> list[Basis]:
    columns: list[Any] = [getattr(Evaluation, name) for name in ("version", *Basis._fields)]
    query: Select[*tuple[Any, ...]] = select(*columns).where(col(Evaluation.model_id) == model_id)
    others = query.where(col(Evaluation.version) != version, Evaluation.evaluation_type == EvaluationType.OFFLINE)
    newest_first = others.order_by(col(Evaluation.occurred_at).desc(), col(Evaluation.id).desc()).limit(LOOKED)
    by_name: dict[str, list[tuple[str, Basis]]] = {}
    for other, *given in db.exec(newest_first):
        one = Basis(*given)
        if name := NUMBER.sub("", one.suite or one.dataset or ""):
            by_name.setdefault(name, []).append((other, one))
    versions = {other for used in by_name.values() for other, _ in used}
    common = [used for used in by_name.values() if 2 * len({other for other, _ in used}) > len(versions)]
    return [one for used in common for other, one in used if other == used[0][0]]


def days_behind(db: Session, model_id: int, version: str, readings: Sequence[Reading]) -> int:
    """Return how many days before its training data the evaluation data of VERSION ends; 0 = none, or not known."""
    row = version_named(db, model_id, version)
    ends = [end for reading in readings if (end := _end(reading))]
    if row is None or row.data_until is None or not ends:
        return 0
    return max(0, (row.data_until - max(ends)).days)


def _end(reading: Reading) -> datetime | None:
    """Return when the data ends: as stated, or by the date that its version is called after."""
    if reading.window_end is not None:
        return reading.window_end
    try:
        return datetime.combine(date.fromisoformat(reading.dataset_version or ""), time.max, UTC)
    except ValueError:
        return None
