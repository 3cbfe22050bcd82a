"""The gate of a stage in words: the table of a candidate against what serves, and what speaks against it."""

from collections.abc import Iterable, Iterator

from sqlmodel import Session

from bot.domain.gates import Gate, Row
from bot.domain.measurements import ALL
from bot.domain.metrics import plain_name
from bot.domain.names import version_label
from bot.slack import measures, numbers, text
from bot.slack.blocks import Block, data_table
from bot.store.queries.metrics import standing
from bot.store.queries.objectives import JUDGED, is_judged
from bot.store.queries.versions import last_served
from bot.store.tables import Model

SHOWN, PAGE = 30, 8
NAMED = 3
SIGNS = {True: "✅", False: "❌", None: "⚪"}


def table(model: Model, gate: Gate) -> Block | None:
    """Return what the version measures against what serves: failures first, then what else has a gate.

    None when there is nothing to tell.
    """
    if not gate.rows:
        return None
    rows = _gates_first(gate.rows)[:SHOWN]
    kinds = {row.evaluation_type for row in gate.rows if row.evaluation_type}
    before = text.join(version_label(gate.incumbent), *(kinds if len(kinds) == 1 else ()), by=" ")
    head = ("Metric", before if gate.incumbent else "nothing serves", version_label(gate.version), "Gate")
    caption = f"{model.name}, {version_label(gate.version)} against {version_label(gate.incumbent) or 'nothing'}"
    return data_table(caption, head, [_cells(model, row, several=len(kinds) > 1) for row in rows], page=PAGE)


def lines(model: Model, gate: Gate) -> list[str]:
    """Return what speaks against the version, or that nothing does; the most pressing first."""
    said = []
    if gate.bad is not None:
        said.append(f"⚠️ {text.version(gate.version)} is marked bad: {text.line(gate.bad)}")
    if not gate.measured:
        said.append(f"⚪ {text.version(gate.version)} was never evaluated: nothing is known of it")
    if gate.failing:
        named = "; ".join(_failure(model, row) for row in gate.failing[:NAMED])
        more = f"; and {len(gate.failing) - NAMED} more" if len(gate.failing) > NAMED else ""
        said.append(f"❌ {verdict(gate)}: {named}{more}")
    elif gate.judged:
        said.append(f"✅ {verdict(gate)}")
    elif gate.measured:
        said.append("⚪ nothing decides: no gate, and no difference that the data could show")
    if len(gate.rows) > SHOWN:
        said.append(f"… {len(gate.rows) - SHOWN} more values are not shown")
    return [*said, *doubts(gate)]


def doubts(gate: Gate) -> Iterator[str]:
    """Yield why the numbers may not tell what they seem to."""
    old = text.version(gate.incumbent)
    if gate.off_standard is not None:
        used, standard = (text.line(words, 120) for words in gate.off_standard)
        yield f"⚠️ evaluated on {f'non-standard {used}' if used else 'no stated suite'}; the standard is {standard}"
    reasons = dict.fromkeys(row.incomparable for row in gate.rows if row.incomparable)
    said = ("suite", "dataset") if gate.off_standard else ()
    if other := [text.line(why, 100) for why in reasons if not why.startswith(said)]:
        yield f"⚠️ not comparable with {old}: {text.join(*other[:NAMED], by='; ')}"
    if gate.days_behind:
        yield f"⚠️ evaluation data ends {text.plural(gate.days_behind, 'day')} before training data"
    if gate.environments is not None:
        ours, theirs = gate.environments
        yield f"⚠️ environment {text.code(theirs, 60)}, {old} runs in {text.code(ours, 60)}"


def verdict(gate: Gate) -> str:
    """Return `1 of 4 gates fails`."""
    failing = len(gate.failing)
    if gate.judged <= 1:
        return f"the one gate {'fails' if failing else 'passes'}" if gate.judged else "no gate says anything"
    if not failing:
        return f"all {gate.judged} gates pass"
    return f"{failing} of {gate.judged} gates {'fails' if failing == 1 else 'fail'}"


def though(gate: Gate) -> str:
    """Return `1 of 4 gates failing`."""
    return f"{len(gate.failing)} of {text.plural(gate.judged, 'gate')} failing"


def _cells(model: Model, row: Row, *, several: bool) -> tuple[str, ...]:
    unit = measures.unit(model, row)
    before = "–" if row.before is None else numbers.figure(row.before, row.metric, unit)
    value = "not measured" if row.value is None else numbers.figure(row.value, row.metric, unit, against=row.threshold)
    kind = f" · {row.evaluation_type}" if several and row.evaluation_type else ""
    return (
        text.plain(_title(model, row)) + kind,
        text.plain(before) + (", not comparable" if row.incomparable else ""),
        text.plain(value) + (", provisional" if row.provisional else _moved(row)),
        f"{text.plain(_gate(model, row))} {SIGNS[row.passes]}".strip(),
    )


def _moved(row: Row) -> str:
    """Return the arrow, where there is something to compare with."""
    if row.value is None or row.before is None or row.before == row.value or row.incomparable:
        return ""
    return " ▴" if row.value > row.before else " ▾"


def _gate(model: Model, row: Row) -> str:
    """Return what it has to keep, and else, or where it fails all the same, the verdict."""
    kept = _threshold(model, row)
    told = kept or row.incomparable  # which stands beside the value before
    return text.join(kept, "" if told and not _regressed(row) else text.escape(row.verdict.replace("_", " ")))


def _failure(model: Model, row: Row) -> str:
    if row.value is None:
        return f"{_title(model, row)} {row.outcome}"
    value = numbers.figure(row.value, row.metric, measures.unit(model, row), against=row.threshold)
    why = text.escape(row.outcome) if _regressed(row) else f"not {_threshold(model, row)}"
    return f"{_title(model, row)} {value}, {why}"


def _regressed(row: Row) -> bool:
    return row.passes is False and row.verdict == "regressed"


def _threshold(model: Model, row: Row) -> str:
    if row.threshold_op is None or row.threshold is None:
        return ""
    return numbers.threshold(row.threshold_op, row.threshold, row.metric, measures.unit(model, row))


def _title(model: Model, row: Row) -> str:
    return text.join(measures.title(model, row.metric), "" if row.slice == ALL else text.line(row.slice, 60))


def exercised(db: Session, model_id: int, version: str, stage: str) -> str:
    """Return when the version to go back to last served: a way that was never gone may not be one."""
    served = last_served(db, model_id, stage=stage, version=version)
    if served.now:
        when = "serves now"
    else:
        when = f"last served {text.date(served.until)}" if served.until else "was never seen to serve here"
    return f"{text.version(version)} {when}"


def in_use(db: Session, model: Model, gate: Gate) -> str:
    """Return what the serving version does where users are, by the metrics that the table has no such value of."""
    if gate.incumbent is None or model.id is None:
        return ""
    known = [r for r in standing(db, [model.id]).get(model.id, []) if is_judged(r) and r.version == gate.incumbent]
    newest = {plain_name(r.metric): r for r in known}
    shown = {plain_name(row.metric) for row in gate.rows if row.evaluation_type in JUDGED}
    asked = dict.fromkeys(plain_name(row.metric) for row in _gates_first(gate.rows) if row.slice == ALL)
    found = [newest[metric] for metric in asked if metric in newest and metric not in shown]
    said = [text.join(measures.phrase(model, r), measures.labels(r), by=", ") for r in found[:NAMED]]
    return f"{text.version(gate.incumbent)} live: {text.join(*said)}" if said else ""


def _gates_first(rows: Iterable[Row]) -> list[Row]:
    """Return failures first, then what else has a gate."""
    return sorted(rows, key=lambda row: (row.passes is not False, row.threshold is None))
