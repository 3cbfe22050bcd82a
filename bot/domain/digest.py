"""What a digest says, without saying how it looks: built by `bot.digests`, drawn by `bot.slack.cards.digest`.

Every text is plain (not escaped) and complete: whoever draws it adds layout and nothing else. Dates are local to the
digest's zone, so that the same rows give the same view whenever it is built.
"""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a model did, worst first; the words of the one legend (ux.md 1.3)."""

    DOWN = "down"
    FIRING = "firing"
    DEGRADED = "degraded"
    WATCH = "watch"
    NO_DATA = "no data"
    GOOD = "good"

    @property
    def needs_attention(self) -> bool:
        """Whether people should look; that nothing is known is a gap, not an alarm."""
        return self not in (Health.NO_DATA, Health.GOOD)

    @property
    def glyph(self) -> str:
        """The sign before the word; never without it."""
        return {"down": "🔴", "firing": "🔴", "degraded": "🟠", "watch": "🟡", "no data": "⚪", "good": "🟢"}[
            self.value
        ]


SEVERITY = tuple(Health)
"""Worst first, for sorting."""

NOT_CONNECTED = "not connected"
"""We have never heard of it."""
NOTHING = "–"
"""There is nothing to say: nothing was shipped, or there are no two values to compare."""


@dataclass(frozen=True)
class Wanted:
    """A decision that only people can take."""

    question: str
    reason: str = ""
    who: str | None = None
    """A Slack user id, or a name as configured; None = whoever reads it."""
    copy: str | None = None
    """Where the card that it is about stands, `C01:1795420800.000100`."""


@dataclass(frozen=True)
class Row:
    """One model in the table; unknown, zero and fine are three different words in every column."""

    model: str
    health: Health
    product_metric: str
    versus_last: str
    shipped: str
    incidents: str


@dataclass(frozen=True)
class Point:
    """One value of the chart."""

    label: str
    value: float


@dataclass(frozen=True)
class Chart:
    """A line of one model's metric, with its objective as a second line where it has one."""

    title: str
    unit: str
    """For the axis; empty = a plain number."""
    name: str
    points: tuple[Point, ...]
    objective: tuple[Point, ...] = ()
    """As many as `points`, or none."""


@dataclass(frozen=True)
class Detail:
    """One paragraph of the thread."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DigestView:
    """One digest of one period."""

    name: str
    title: str
    """`ML weekly · 16 – 22 Nov`."""
    health: Health
    """The worst there is."""
    verdict: str = ""
    """The one sentence that everybody reads."""
    story: str = ""
    """What happened, in plain words; empty when nothing did."""
    decisions: tuple[Wanted, ...] = ()
    more_decisions: int = 0
    """How many more are in the thread."""
    rows: tuple[Row, ...] = ()
    versus: str = "vs last week"
    """The head of the column."""
    chart: Chart | None = None
    notes: tuple[str, ...] = ()
    """What the numbers above do not say by themselves: labels not arrived, a metric redefined, a source silent."""
    facts: tuple[str, ...] = ()
    """Counts, each with its n."""
    summary: str = ""
    """The whole digest in a sentence, for phones and screen readers."""
    details: tuple[Detail, ...] = ()
    """For the thread: per model, noisy rules, what is not connected."""

    @property
    def calm(self) -> bool:
        """Whether every model is known to be good and nobody has to decide: the short form will do."""
        return bool(self.rows) and self.health is Health.GOOD and not self.decisions
