"""What `bellwether doctor` says: one line a check, with a sign, the cause and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Look at it; it may be meant so."""
    PROBLEM = "problem"
    """Something does not work."""


SIGNS = {State.OK: "✓", State.WARNING: "!", State.PROBLEM: "✗"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    check: str
    state: State
    words: str

    @property
    def line(self) -> str:
        """It on one line."""
        return f"{SIGNS[self.state]} {self.check}: {' '.join(self.words.split())}"


def good(check: str, words: str) -> Check:
    """Return a check that found everything as it should be."""
    return Check(check, State.OK, words)


def warning(check: str, words: str) -> Check:
    """Return a check that found what somebody should look at."""
    return Check(check, State.WARNING, words)


def problem(check: str, words: str) -> Check:
    """Return a check that found something broken; WORDS name cause and fix."""
    return Check(check, State.PROBLEM, words)
