"""Verdicts that are read together, or day after day: each alone is wrong in 2.5 % of cases, many are wrong for sure.

Of 100 comparisons in which nothing changed some regress by chance, and so does one of 30 daily looks at one metric
(sources.md 8.3). A finding that does not survive is inconclusive, and says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.domain.evaluations import Judgement, Verdict

FINDINGS = (Verdict.REGRESSED, Verdict.IMPROVED, Verdict.CHANGED)

Correction = Callable[[Sequence[float]], list[bool]]
"""From p values to whether each holds: `statistics.holm` for a decision, `benjamini_hochberg` for a digest."""


def together(judgements: Sequence[Judgement], correction: Correction) -> list[Judgement]:
    """Return JUDGEMENTS with the findings that do not hold beside the others made inconclusive."""
    compared = [judgement.p for judgement in judgements if judgement.p is not None]
    held = iter(correction(compared))
    return [
        _doubted(judgement, f"{judgement.verdict} alone, not as one of {len(compared)} comparisons")
        if judgement.p is not None and not next(held) and judgement.verdict in FINDINGS
        else judgement
        for judgement in judgements
    ]


def in_a_row(newest: Judgement, both: Sequence[Judgement]) -> Judgement:
    """Return the verdict of a monitor that looks again and again: two in a row make a finding.

    NEWEST is the newest value against the one before it; BOTH are the newest and the one before it, each against the
    value before these two, as far as there is one.
    """
    if len(both) == 2 and both[0].verdict in FINDINGS and both[0].verdict is both[1].verdict:
        return replace(both[0], outcome=f"{both[0].outcome}, two in a row")
    if newest.verdict in FINDINGS:
        return _doubted(newest, f"{newest.verdict} once, two in a row would count")
    return newest


def _doubted(judgement: Judgement, why: str) -> Judgement:
    return replace(judgement, verdict=Verdict.INCONCLUSIVE, outcome=f"inconclusive ({why})")
