"""The figures of the rounds: a line of progress, a table, a file."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

import pytest

from tests.chaos.lane import Outcome

FILE = os.environ.get("CHAOS_FIGURES", "")
"""Where to write them as JSON."""


@dataclass
class Figures:
    """What was seen so far of `wanted` rounds."""

    wanted: int
    terminal: TextIO
    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.terminal.write(f"\r{self.line()} ")
        self.terminal.flush()
        if FILE:
            Path(FILE).write_text(json.dumps({"rounds": [asdict(one) for one in self.outcomes]}, indent=1))

    def line(self) -> str:
        done = self.outcomes
        longest = max((one.recovered_s for one in done), default=0.0)
        return (
            f"{len(done)}/{self.wanted} kills: {sum(bool(one.lost) for one in done)} lost, "
            f"{sum(bool(one.twice) for one in done)} twice, {sum(bool(one.error) for one in done)} failed, "
            f"recovered in {longest:.1f} s at most"
        )

    def table(self) -> Iterator[str]:
        """Yield a line for each point."""
        by_point: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            by_point.setdefault(outcome.point, []).append(outcome)
        yield f"{'killed at':50} {'rounds':>6} {'lost':>5} {'twice':>5} {'failed':>6} {'recovered':>10}"
        for name, rounds in by_point.items():
            lost, twice, failed = (
                sum(bool(getattr(one, what)) for one in rounds) for what in ("lost", "twice", "error")
            )
            longest = max(one.recovered_s for one in rounds)
            yield f"{name:50} {len(rounds):6} {lost:5} {twice:5} {failed:6} {longest:8.1f} s"


FIGURES = pytest.StashKey[Figures]()
