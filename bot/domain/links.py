"""Which model an event is of that names none: rules over its labels, of people and of the configuration.

A rule is lasting: it holds for what came before as for what comes. Where two disagree we pick none, except that a
person's word goes before the configuration's and a narrow label before a broad one (sources.md 7.1, `mapped`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.names import nearest

ALERT, SOURCE = "alertname", "source"
"""Every alert can be linked by its name, and every event by where it comes from."""
TELLING = (
    "service",
    "service_name",
    "app",
    "app_kubernetes_io_name",
    "deployment",
    "endpoint",
    "prompt",
    "container",
    "job",
    "namespace",
    ALERT,
    SOURCE,
)
"""Labels that may stand for a model, the most telling first; pods and instances come and go."""
LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_./:-]{0,127}").fullmatch
SAYABLE = re.compile(r"[^\s\"'`]([^\"'`\n]{0,126}[^\s\"'`])?").fullmatch
"""Values that can be typed in a command and carried by a button."""
ALIKE = 20
"""So many names are compared letter by letter."""
PATTERN = "^"
"""With this in front a value of the configuration is a regular expression."""


@dataclass(frozen=True)
class Rule:
    """All of these labels together mean this model."""

    model: str
    labels: Mapping[str, str]
    by: str | None = None
    """A Slack user id; None = the configuration."""

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Return whether an event with LABELS is of the model."""
        return all(self._meets(wanted, labels.get(label)) for label, wanted in self.labels.items())

    def _meets(self, wanted: str, value: str | None) -> bool:
        if value is None or self.by is not None or not wanted.startswith(PATTERN):
            return value == wanted
        return re.search(wanted, value) is not None

    @property
    def words(self) -> str:
        """The labels as people write them: `service=churn-api`."""
        return ", ".join(f"{label}={value}" for label, value in self.labels.items())


def model_of(labels: Mapping[str, str], rules: Iterable[Rule]) -> str | None:
    """Return the model that RULES give to an event with LABELS; None when none does, or when they disagree."""
    holding = [rule for rule in rules if rule.holds(labels)]
    said = [rule for rule in holding if rule.by is not None]
    narrowest = min((_breadth(rule.labels) for rule in said), default=0)
    models = {rule.model for rule in said if _breadth(rule.labels) == narrowest} or {rule.model for rule in holding}
    return models.pop() if len(models) == 1 else None


def telling(labels: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the label that would link an event with LABELS best."""
    return next(((label, labels[label]) for label in TELLING if SAYABLE(labels.get(label, ""))), None)


def suggested(value: str, known: Iterable[str], *, limit: int = 2) -> list[str]:
    """Return the models that a label of this VALUE may stand for: those that have most words like its own."""
    words = _words(value)
    shared = {name: words & _words(name) for name in known}
    alike = [name for name, common in shared.items() if any(len(word) > 2 for word in common)]
    return nearest(value, sorted(alike, key=lambda name: (-len(shared[name]), name))[:ALIKE], limit=limit)


def twins(found: Iterable[str], known: Iterable[str]) -> list[tuple[str, str]]:
    """Return (one of FOUND, another of either), where the two names differ in case and punctuation only."""
    names = sorted(found)
    first = {_squeezed(name): name for name in (*reversed(names), *sorted(known))}
    return [(name, first[_squeezed(name)]) for name in names if first[_squeezed(name)] != name]


def _breadth(labels: Mapping[str, str]) -> int:
    """Return how much a rule takes in: one about an alert's name more than one about a service."""
    return max((2 if label == SOURCE else label == ALERT) for label in labels)


def _words(name: str) -> set[str]:
    """Return the words of NAME, the long ones by their beginning: `score` and `scorer` are one."""
    return {word[:4] for word in re.split(r"[^a-z0-9]+", name.lower()) if word}


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
