"""Two versions side by side: what both were measured by on the same kind of data, with the bot's verdict."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlmodel import Session

from bot.domain.evaluations import Judgement, Verdict
from bot.domain.measurements import ALL
from bot.domain.names import version_label
from bot.slack import measures, numbers, text
from bot.slack.blocks import Message, actions, button, context, data_table, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.marks import warnings
from bot.store.queries.judging import judged_together, redefined_at, redefinitions
from bot.store.queries.metrics import Reading, values_of_version
from bot.store.tables import Model

EVIDENCE = ("product", "live", "shadow", "offline")
SHOWN = 30
PAGE = 8
READ = 400
"""Values of a version, with those of its slices."""
WORDS = {Verdict.REGRESSED: "worse", Verdict.IMPROVED: "better"}

Compared = tuple[Reading, Reading, Judgement]
"""Before, after, and what may be said of the difference."""


def compare(db: Session, model: Model, before: str, after: str, look: Look) -> Message:
    """Return how version AFTER does against BEFORE; the verdicts hold together, as for a decision."""
    found = list(_compared(db, model, before, after))
    old, new = version_label(before), version_label(after)
    title = f"{text.line(model.name)}: {text.escape(new)} against {text.escape(old)}"
    buttons = actions(
        button("The other way round", "run_1", f"compare {quoted(model.name)} {quoted(after)} {quoted(before)}"),
        button("Versions", "run_2", f"versions {quoted(model.name)}"),
    )
    marked = warnings(db, model.id or 0, [before, after])
    if not found:
        words = "nothing that both were measured by on the same kind of data, so nothing can be compared"
        return finished(message(f"{title}: {words}.", section(f"*{title}*", words, *marked), buttons), look)
    kinds = Counter(WORDS.get(judgement.verdict, "unclear") for _, _, judgement in found)
    verdict = ", ".join(f"{kinds[word]} {word}" for word in ("better", "worse", "unclear") if kinds[word])
    left = len(found) - SHOWN
    notes = dict.fromkeys(text.escape(j.note) for _, _, j in found if j.note)
    return finished(
        message(
            f"{title}: {verdict}",
            section(f"*{title}*: {verdict}", *marked),
            data_table(
                f"{model.name}, {new} against {old}",
                ("Metric", "Data", old, new, "Verdict", "n"),
                [_row(model, *one) for one in found[:SHOWN]],
                page=PAGE,
            ),
            context(f"and {left} more" if left > 0 else "", *notes) if left > 0 or notes else None,
            buttons,
        ),
        look,
    )


def _compared(db: Session, model: Model, before: str, after: str) -> Iterator[Compared]:
    """Yield what both versions were measured by: product data first, whole values before their slices."""
    old, new = (values_of_version(db, model.id or 0, v, limit=READ, slices=True) for v in (before, after))
    changes = redefinitions(db, [model.id or 0]).get(model.id or 0, [])
    redefined = redefined_at(changes, {r.metric for r in new})
    for kind in EVIDENCE:
        theirs, ours = (_newest([r for r in values if r.evaluation_type == kind]) for values in (old, new))
        both = [r for r in ours if _key(r) in {_key(o) for o in theirs}]
        both.sort(key=lambda r: (r.slice != ALL, *measures.rank(model, r), r.slice))
        pairs = [(r, [o for o in theirs if _key(o) == _key(r)]) for r in both]
        judgements = judged_together(model, pairs, baseline=before, redefined=redefined)
        for (reading, others), judgement in zip(pairs, judgements, strict=True):
            yield others[0], reading, judgement


def _newest(values: Sequence[Reading]) -> list[Reading]:
    """Return the newest value of each metric and slice."""
    found: dict[tuple[str, str], Reading] = {}
    for reading in values:
        found.setdefault(_key(reading), reading)
    return list(found.values())


def _key(reading: Reading) -> tuple[str, str]:
    return reading.metric, reading.slice


def _row(model: Model, before: Reading, after: Reading, judgement: Judgement) -> tuple[str, ...]:
    part = "" if after.slice == ALL else f" · {after.slice}"
    values = [numbers.figure(r.value, r.metric, measures.unit(model, r)) for r in (before, after)]
    counts = dict.fromkeys(text.grouped(r.n) for r in (before, after) if r.n is not None)
    return (
        text.plain(measures.title(model, after.metric)) + part,
        after.evaluation_type,
        *map(text.plain, values),
        judgement.outcome,
        " / ".join(counts) or "not stated",
    )
