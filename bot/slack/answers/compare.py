"""Two versions side by side: what both were measured by on the same kind of data, with the bot's verdict."""

from collections import Counter
from collections.abc import Iterable

from sqlmodel import Session

from bot.domain.evaluations import Judgement, Verdict
from bot.domain.facts import EvaluationType
from bot.domain.measurements import ALL
from bot.domain.metrics import plain_name
from bot.domain.names import version_label
from bot.slack import measures, numbers, text
from bot.slack.blocks import Message, actions, button, context, data_table, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.marks import warnings
from bot.store.queries.comparing import compared, measured
from bot.store.queries.marks import bad_versions
from bot.store.queries.metrics import Reading
from bot.store.tables import Model

SHOWN = 30
PAGE = 8
NAMED = 3
WORDS = {Verdict.REGRESSED: "worse", Verdict.IMPROVED: "better"}


def compare(db: Session, model: Model, before: str, after: str, look: Look) -> Message:
    """Return how version AFTER does against BEFORE; the verdicts hold together, as for a decision."""
    read = measured(db, model, before, after)
    both = ((one.before, one.after, one.judgement) for one in compared(db, model, before, read))
    found = [(old, new, judgement) for old, new, judgement in both if old is not None]
    old, new = version_label(before), version_label(after)
    title = f"{text.line(model.name)}: {text.escape(new)} against {text.escape(old)}"
    buttons = actions(
        button("The other way round", "run_1", f"compare {quoted(model.name)} {quoted(after)} {quoted(before)}"),
        button("Versions", "run_2", f"versions {quoted(model.name)}"),
    )
    marked = warnings(bad_versions(db, [model.id or 0]), model.id or 0, [before, after])
    if not found:
        words = "nothing that both were measured by on the same kind of data, so nothing can be compared"
        return finished(message(f"{title}: {words}.", section(f"*{title}*", words, *marked), buttons), look)
    kinds = Counter(WORDS.get(judgement.verdict, "unclear") for _, _, judgement in found)
    verdict = ", ".join(f"{kinds[word]} {word}" for word in ("better", "worse", "unclear") if kinds[word])
    left = len(found) - SHOWN
    theirs, ours = read[EvaluationType.OFFLINE]
    alone = [_alone(model, before, theirs, ours), _alone(model, after, ours, theirs)]
    notes = [*filter(None, alone), *dict.fromkeys(text.escape(j.note) for _, _, j in found if j.note)]
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


def _alone(model: Model, version: str, measured: Iterable[Reading], other: Iterable[Reading]) -> str:
    """Return by what only VERSION was MEASURED offline: `only v41 offline: Accuracy · country=BR`."""
    known = {(plain_name(r.metric), r.slice) for r in other}
    alone = [r for r in measured if (plain_name(r.metric), r.slice) not in known]
    names = [f"{measures.title(model, r.metric)}{_part(r)}" for r in alone]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"only {text.version(version)} offline: {', '.join(names[:NAMED])}{more}" if names else ""


def _part(reading: Reading) -> str:
    return "" if reading.slice == ALL else f" · {text.line(reading.slice, 60)}"


def _row(model: Model, before: Reading, after: Reading, judgement: Judgement) -> tuple[str, ...]:
    values = [numbers.figure(r.value, r.metric, measures.unit(model, r)) for r in (before, after)]
    counts = dict.fromkeys(text.grouped(r.n) for r in (before, after) if r.n is not None)
    return (
        text.plain(measures.title(model, after.metric) + _part(after)),
        after.evaluation_type,
        *map(text.plain, values),
        judgement.outcome,
        " / ".join(counts) or "not stated",
    )
