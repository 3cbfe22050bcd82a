"""What an approver has to see of a version that is to go to a stage: its values, what it has to keep, what else counts.

`Gate.digest` tells whether two are the same. What was approved is kept as it was (`Gate.kept`): the rows move on.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any


@dataclass(frozen=True)
class Row:
    """One metric of the candidate; fields as in Reading, so that it is written as one."""

    metric: str
    slice: str
    evaluation_type: str
    """Empty = neither version was measured by it."""
    value: float | None
    """None = the version was not measured by it."""
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
    """None = nothing can be said, or it decides nothing; what was not measured does not pass."""
    incomparable: str = ""
    """Why the two values can't be compared: `suite adhoc against std`; empty = they can."""
    provisional: bool = False
    """Its labels are still missing, so it decides nothing."""


@dataclass(frozen=True)
class Gate:
    """What an approver has to see."""

    version: str
    incumbent: str | None
    """What serves at the stage with the most traffic, besides the version itself; None = nothing does."""
    rows: tuple[Row, ...] = ()
    suite: str = ""
    """On what it was evaluated: `suite std 3, data fraud 2026-11`."""
    off_standard: tuple[str, str] | None = None
    """On what it was evaluated instead of the model's standard, and the standard."""
    days_behind: int = 0
    """How many days before its training data its evaluation data ends."""
    bad: str | None = None
    """Why the version is marked bad; None = it is not."""
    environments: tuple[str, str] | None = None
    """Of the serving version and of this one, where both are known and differ."""

    @property
    def measured(self) -> bool:
        """Whether anything is known of the version."""
        return any(row.value is not None for row in self.rows)

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
    pairs = {name: tuple(kept[name]) for name in ("environments", "off_standard") if kept.get(name)}
    return Gate(**kept | {"rows": tuple(Row(**row) for row in kept["rows"])} | pairs)
