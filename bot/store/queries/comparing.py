"""Two versions side by side, as for a decision: what both were measured by on the same kind of data."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlmodel import Session

from bot.domain.evaluations import Judgement
from bot.domain.measurements import ALL
from bot.domain.metrics import plain_name
from bot.store.queries.judging import judged_together, rank, redefinitions
from bot.store.queries.metrics import Reading, values_of_version
from bot.store.tables import Model

EVIDENCE = ("product", "live", "shadow", "offline")
READ = 400
"""Values of a version on one kind of data, with those of its slices: many live ones do not hide the others."""

Both = Mapping[str, tuple[list[Reading], list[Reading]]]
"""The newest values of two versions, by kind of data."""


class Compared(NamedTuple):
    """One value of the version AFTER, and what may be said of the difference."""

    before: Reading | None
    """None = the other version was not measured by it."""
    after: Reading
    judgement: Judgement


def measured(db: Session, model: Model, before: str | None, after: str) -> Both:
    """Return the newest values of both versions; `before` None: there is no other one."""
    return {kind: (newest(db, model, before, kind), newest(db, model, after, kind)) for kind in EVIDENCE}


def compared(db: Session, model: Model, before: str | None, read: Both) -> Iterator[Compared]:
    """Yield the values of the second version that were READ: BEFORE is the first.

    Product data first, whole values before their slices, best known metric first. The verdicts hold together.
    """
    redefined = redefinitions(db, [model]).get(model.id or 0, {})
    for old, new in read.values():
        theirs = {_plain(r): r for r in old} | {_key(r): r for r in old}
        ranked = sorted(new, key=lambda r: (r.slice != ALL, *rank(model, r), r.slice))
        pairs = [(r, _counterpart(r, theirs)) for r in ranked]
        both = [pair for pair in pairs if pair[1]]
        alone = [pair for pair in pairs if not pair[1]]
        for some in (both, alone):
            against = [(_unless_named(reading, before), others) for reading, others in some]
            judgements = judged_together(model, against, baseline=before, redefined=redefined)
            for (reading, others), judgement in zip(some, judgements, strict=True):
                yield Compared(others[0] if others else None, reading, judgement)


def _counterpart(reading: Reading, theirs: Mapping[tuple[str, str], Reading]) -> list[Reading]:
    """Return the value to hold READING against, as one of its metric: the same but for its split, if need be."""
    found = theirs.get(_key(reading)) or theirs.get(_plain(reading))
    return [found._replace(metric=reading.metric)] if found else []


def _unless_named(reading: Reading, before: str | None) -> Reading:
    """Return READING without what its sender compared it with, if that is another version than BEFORE."""
    if before is None or reading.baseline_version in (None, before):
        return reading
    return reading._replace(baseline_version=None, baseline_only=None, candidate_only=None)


def newest(db: Session, model: Model, version: str | None, kind: str) -> list[Reading]:
    """Return the newest value of each metric and slice of VERSION on this KIND of data."""
    found: dict[tuple[str, str], Reading] = {}
    if version is not None:
        for reading in values_of_version(db, model.id or 0, version, kind, limit=READ, slices=True):
            found.setdefault(_key(reading), reading)
    return list(found.values())


def _key(reading: Reading) -> tuple[str, str]:
    return reading.metric, reading.slice


def _plain(reading: Reading) -> tuple[str, str]:
    return plain_name(reading.metric), reading.slice
