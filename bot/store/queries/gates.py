"""The gate of a stage: what a version does against the one that serves there, and what it has to keep.

It is read anew whenever it is shown, and again when somebody approves: `Gate.digest` tells whether both are the same.
What was approved is kept as it was (`Gate.kept`), because the rows move on.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from sqlmodel import Session

from bot.domain.evaluations import Verdict
from bot.domain.measurements import ALL
from bot.domain.metrics import OPERATORS, satisfies
from bot.store.queries.comparing import Compared, compared
from bot.store.queries.judging import role
from bot.store.queries.marks import bad_versions
from bot.store.queries.metrics import Reading
from bot.store.queries.models import live
from bot.store.queries.objectives import direction, gate_of
from bot.store.queries.versions import version_named
from bot.store.tables import Model

GOOD = (Verdict.IMPROVED, Verdict.EQUIVALENT)


@dataclass(frozen=True)
class Row:
    """One metric of the candidate; fields as in Reading, so that it is written as one."""

    metric: str
    slice: str
    evaluation_type: str
    value: float
    unit: str
    n: int | None
    before: float | None
    """What the serving version has; None = it was not measured by this."""
    direction: str | None
    verdict: str
    outcome: str
    threshold_op: str | None
    threshold: float | None
    """What it has to keep; None = nobody said."""
    passes: bool | None
    """None = nothing can be said, or it decides nothing."""


@dataclass(frozen=True)
class Gate:
    """What an approver has to see."""

    version: str
    incumbent: str | None
    """What serves at the stage with the most traffic, besides the version itself; None = nothing does."""
    rows: tuple[Row, ...] = ()
    suite: str = ""
    """On what it was evaluated: `suite std 3, data fraud 2026-11`."""
    bad: str | None = None
    """Why the version is marked bad; None = it is not."""
    environments: tuple[str, str] | None = None
    """Of the serving version and of this one, where both are known and differ."""

    @property
    def failing(self) -> list[Row]:
        """The rows that speak against it."""
        return [row for row in self.rows if row.passes is False]

    @property
    def judged(self) -> int:
        """How many rows say anything."""
        return sum(row.passes is not None for row in self.rows)

    @property
    def digest(self) -> int:
        """A number that is another one when anything of it is."""
        return int(sha256(repr(self).encode()).hexdigest()[:12], 16)

    @property
    def kept(self) -> dict[str, Any]:
        """It as JSON."""
        return asdict(self)


def gate_from(kept: dict[str, Any]) -> Gate:
    """Return the gate that `Gate.kept` wrote down."""
    environments = kept["environments"]
    rows = tuple(Row(**row) for row in kept["rows"])
    return Gate(**kept | {"rows": rows, "environments": tuple(environments) if environments else None})


def gate(db: Session, model: Model, version: str, stage: str) -> Gate:
    """Return how VERSION stands against what serves at STAGE now."""
    assert model.id is not None
    serving = sorted((s for s in live(db, model.id) if s.stage == stage), key=lambda s: -(s.traffic_percent or 0))
    incumbent = next((s.version for s in serving if s.version != version), None)
    found = list(compared(db, model, incumbent, version))
    marked = bad_versions(db, [model.id]).get((model.id, version))
    return Gate(
        version=version,
        incumbent=incumbent,
        rows=tuple(_row(model, one) for one in found),
        suite=next((words for one in found if (words := _suite(one.after))), ""),
        bad=None if marked is None else marked.reason,
        environments=_environments(db, model.id, incumbent, version),
    )


def is_there(db: Session, model_id: int, version: str, stage: str) -> bool:
    """Return whether VERSION, and nothing else, serves at STAGE."""
    return {s.version for s in live(db, model_id) if s.stage == stage} == {version}


def _row(model: Model, one: Compared) -> Row:
    reading, verdict = one.after, one.judgement.verdict
    op, value = gate_of(model, reading) or (None, None)
    return Row(
        metric=reading.metric,
        slice=reading.slice,
        evaluation_type=reading.evaluation_type,
        value=reading.value,
        unit=reading.unit,
        n=reading.n,
        before=None if one.before is None else one.before.value,
        direction=direction(model, reading),
        verdict=verdict,
        outcome=one.judgement.outcome,
        threshold_op=op,
        threshold=value,
        passes=_passes(model, reading, verdict, op, value),
    )


def _passes(model: Model, reading: Reading, verdict: Verdict, op: str | None, value: float | None) -> bool | None:
    """Return whether it keeps what it has to keep and did not regress; diagnostic metrics decide nothing."""
    if role(model, reading) == "diagnostic":
        return None
    kept = satisfies(reading.value, op, value) if op and value is not None and op in OPERATORS else None
    if kept is False or verdict is Verdict.REGRESSED:
        return False
    return True if kept or verdict in GOOD else None


def _suite(reading: Reading) -> str:
    """Return what a whole value was measured on, as far as it was said."""
    if reading.slice != ALL:
        return ""
    parts = ("suite", reading.suite, reading.suite_version), ("data", reading.dataset, reading.dataset_version)
    return ", ".join(" ".join(filter(None, words)) for words in parts if any(words[1:]))


def _environments(db: Session, model_id: int, incumbent: str | None, version: str) -> tuple[str, str] | None:
    rows = [version_named(db, model_id, name) for name in (incumbent, version) if name is not None]
    refs = [row.env_ref for row in rows if row is not None and row.env_ref]
    return (refs[0], refs[1]) if len(refs) == 2 and refs[0] != refs[1] else None
