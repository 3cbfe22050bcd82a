"""The gate of a stage: what a version does against the one that serves there, and what it has to keep.

It is read anew whenever it is shown, and again when somebody approves.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from sqlmodel import Session

from bot.domain.evaluations import Verdict
from bot.domain.facts import EvaluationType
from bot.domain.gates import Gate, Row
from bot.domain.measurements import ALL, incomparable
from bot.domain.metrics import OPERATORS, plain_name, satisfies
from bot.store.queries.comparing import Compared, compared, measured
from bot.store.queries.evidence import basis, days_behind, off_standard
from bot.store.queries.judging import role
from bot.store.queries.marks import bad_versions
from bot.store.queries.metrics import Reading
from bot.store.queries.models import live
from bot.store.queries.objectives import direction, gate_of, settings
from bot.store.queries.versions import version_named
from bot.store.tables import Model

GOOD = (Verdict.IMPROVED, Verdict.EQUIVALENT)


def gate(db: Session, model: Model, version: str, stage: str) -> Gate:
    """Return how VERSION stands against what serves at STAGE now."""
    assert model.id is not None
    serving = sorted((s for s in live(db, model) if s.stage == stage), key=lambda s: -(s.traffic_percent or 0))
    incumbent = next((s.version for s in serving if s.version != version), None)
    read = measured(db, model, incumbent, version)
    found = list(compared(db, model, incumbent, read))
    whole = [one.after for one in found if one.after.slice == ALL]
    offline = [reading for reading in whole if reading.evaluation_type == EvaluationType.OFFLINE]
    marked = bad_versions(db, [model.id]).get((model.id, version))
    return Gate(
        version=version,
        incumbent=incumbent,
        rows=(
            *(_row(model, one) for one in found),
            *_unmeasured(model, read[EvaluationType.OFFLINE][0], [one.after for one in found]),
        ),
        suite=next((words for reading in whole if (words := basis(reading).words)), ""),
        off_standard=off_standard(db, model.id, version, offline),
        days_behind=days_behind(db, model.id, version, offline),
        bad=None if marked is None else marked.reason,
        environments=_environments(db, model.id, incumbent, version),
    )


def is_there(db: Session, model: Model, version: str, stage: str) -> bool:
    """Return whether VERSION, and nothing else, serves at STAGE."""
    return {s.version for s in live(db, model) if s.stage == stage} == {version}


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
        incomparable=_incomparable(one),
        provisional=not reading.matured,
    )


def _incomparable(one: Compared) -> str:
    """Return why the two values can't be compared, whatever else the verdict stands on; empty when they can."""
    if one.before is None:
        return ""
    reason = incomparable(one.after.measured, one.before.measured)
    if not reason and one.judgement.verdict is Verdict.NOT_COMPARABLE:
        reason = one.judgement.outcome
    return reason.removeprefix("not comparable, ")


def _unmeasured(model: Model, theirs: Collection[Reading], ours: Collection[Reading]) -> Iterator[Row]:
    """Yield the gates that no matured value of OURS tells of: first those of THEIRS, then configured ones."""
    ours = [reading for reading in ours if reading.matured]
    known = {_key(reading) for reading in ours}
    wanted = [r for r in theirs if _decides(model, r) and _key(r) not in known]
    for reading in wanted:
        yield _without_value(model, reading.metric, reading)
    told = [settings(model, reading.metric) for reading in (*ours, *wanted) if reading.slice == ALL]
    for metric, given in model.metrics.items():
        if given.get("gate") and given.get("role") != "diagnostic" and not any(given is one for one in told):
            yield _without_value(model, metric, None)


def _decides(model: Model, reading: Reading) -> bool:
    wanted = gate_of(model, reading)
    return wanted is not None and wanted[0] in OPERATORS and role(model, reading) != "diagnostic"


def _without_value(model: Model, metric: str, before: Reading | None) -> Row:
    row = Row(
        metric=metric,
        slice=before.slice if before else ALL,
        evaluation_type=before.evaluation_type if before else "",
        value=None,
        unit=before.unit if before else str(settings(model, metric).get("unit") or "1"),
        n=None,
        before=before.value if before else None,
        direction=None,
        verdict="",
        outcome="not measured",
        threshold_op=before.threshold_op if before else None,
        threshold=before.threshold if before else None,
        passes=False,
    )
    op, value = gate_of(model, row) or (None, None)
    return replace(row, threshold_op=op, threshold=value)


def _key(reading: Reading) -> tuple[str, str]:
    return plain_name(reading.metric), reading.slice


def _passes(model: Model, reading: Reading, verdict: Verdict, op: str | None, value: float | None) -> bool | None:
    """Return whether it keeps what it has to keep and did not regress.

    Diagnostic metrics decide nothing, nor does what still waits for labels.
    """
    if role(model, reading) == "diagnostic" or not reading.matured:
        return None
    kept = satisfies(reading.value, op, value) if op and value is not None and op in OPERATORS else None
    if kept is False or verdict is Verdict.REGRESSED:
        return False
    return True if kept or verdict in GOOD else None


def _environments(db: Session, model_id: int, incumbent: str | None, version: str) -> tuple[str, str] | None:
    rows = [version_named(db, model_id, name) for name in (incumbent, version) if name is not None]
    refs = [row.env_ref for row in rows if row is not None and row.env_ref]
    return (refs[0], refs[1]) if len(refs) == 2 and refs[0] != refs[1] else None
