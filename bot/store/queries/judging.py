"""The verdict on a measured value: with what it is compared, and what may be said. One answer wherever it is shown.

What it is compared with, best first: the same rows paired, the baseline that its sender names, the version that served
then, the value before it on the same kind of data (sources.md 8.1). Values that come by themselves, again and again,
need two in a row; the others are judged at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from bot.domain.evaluations import Judgement, Verdict, judge
from bot.domain.facts import EvaluationType
from bot.domain.measurements import ALL, incomparable, paired_baseline
from bot.domain.metrics import concerned, plain_name
from bot.domain.names import version_label
from bot.domain.statistics import holm
from bot.domain.verdicts import FINDINGS, in_a_row, together
from bot.store.prepared import prepared
from bot.store.queries.metrics import Reading
from bot.store.queries.objectives import Configured, direction, objective, settings
from bot.store.tables import Change, MetricName, Model

MONITORED = frozenset({EvaluationType.LIVE, EvaluationType.PRODUCT, EvaluationType.SHADOW})
"""Kinds of data that are looked at again and again."""
ORDER = {"primary": 0, "guardrail": 1, "diagnostic": 3}
UNSTATED = 2


def judged(
    model: Model,
    reading: Reading,
    others: Iterable[Reading],
    *,
    baseline: str | None = None,
    redefined: datetime | None = None,
) -> Judgement:
    """Return what may be said of READING, from OTHERS of its metric, newest first.

    `baseline` is the version to compare with where the sender names none; None or its own = the value before it.
    `redefined` is when the metric last got another definition: values from before do not count.
    """
    if not reading.matured:
        return _unjudged(reading, "provisional, labels are still missing")
    alike = [r for r in others if _counts(r, reading)]
    same = [r for r in alike if redefined is None or not r.at < redefined <= reading.at]
    if alike and not same:
        return _unjudged(reading, f"not comparable, redefined {redefined:%d %b}", Verdict.NOT_COMPARABLE)
    way = direction(model, reading)
    if implied := paired_baseline(reading.measured, way):
        return judge(reading.measured, implied, direction=way, margin=_margin(model, reading))
    base: list[Reading] = []
    if (named := reading.baseline_version) and named != reading.version:
        base = [r for r in same if r.version == named]
        if not base:
            why = f"not comparable, {version_label(named)} was not measured on this"
            return _unjudged(reading, why, Verdict.NOT_COMPARABLE)
    elif baseline is not None and baseline != reading.version:
        base = [r for r in same if r.version == baseline]
    before = [r for r in same if r.at <= reading.at]
    if reading.evaluation_type in MONITORED:
        return _monitored(model, reading, before, base)
    return _against(model, reading, base or before)


def judged_together(
    model: Model,
    pairs: Sequence[tuple[Reading, Sequence[Reading]]],
    *,
    baseline: str | None,
    redefined: Mapping[str, datetime],
) -> list[Judgement]:
    """Return the verdicts on the metrics of one version for one decision; each with the other values of it.

    Diagnostic metrics decide nothing, and are judged alone.
    """
    found = [judged(model, r, others, baseline=baseline, redefined=redefined.get(r.metric)) for r, others in pairs]
    deciding = [n for n, (reading, _) in enumerate(pairs) if role(model, reading) != "diagnostic"]
    for n, one in zip(deciding, together([found[n] for n in deciding], holm), strict=True):
        found[n] = one
    return found


def role(model: Model, reading: Reading) -> str | None:
    """Return primary, guardrail or diagnostic: the configuration's word before the sender's."""
    return settings(model, reading.metric).get("role") or reading.role


def family(model: Model, reading: Reading) -> str | None:
    """Return model, product, data, system or cost: the configuration's word before the sender's."""
    return settings(model, reading.metric).get("family") or reading.family


def is_product(model: Model, reading: Reading) -> bool:
    """Return whether the value is about the product and not about the model: it is said first."""
    return family(model, reading) == "product" or reading.evaluation_type == "product"


def rank(model: Model, reading: Reading) -> tuple[bool, int, str]:
    """Return the place of a metric among others: product first, then by role, then by name."""
    return not is_product(model, reading), ORDER.get(role(model, reading) or "", UNSTATED), reading.metric


def redefinitions(db: Session, models: Collection[Model]) -> dict[int, Mapping[str, datetime]]:
    """Return when each metric of these MODELS last got another definition: model -> metric -> when."""
    changes = _redefinitions(db, [model.id or 0 for model in models]).all()
    if not changes:
        return {}
    about = {change.model_id for change in changes}
    ours = [model for model in models if model.id in about or None in about]
    known = metrics_known(db, ours)
    return {
        number: redefined_at((c for c in changes if c.model_id in (number, None)), known[number], model)
        for model in ours
        if (number := model.id or 0)
    }


@prepared
def _redefinitions(models: list[int]) -> SelectOfScalar[Change]:
    is_one = col(Change.change_type) == "metric_definition"
    ours = or_(col(Change.model_id).in_(models), col(Change.model_id).is_(None))
    return select(Change).where(is_one, ours).order_by(col(Change.occurred_at).desc())


def metrics_known(db: Session, models: Collection[Model]) -> dict[int, set[str]]:
    """Return by what each of these MODELS was ever measured, on any kind of data, or is to be."""
    found = {model.id or 0: {*model.metrics} for model in models}
    for number, metric in _measured_by(db, [*found]):
        found[number].add(metric)
    return found


@prepared
def _measured_by(models: list[int]) -> Select[*tuple[int, str]]:
    return select(MetricName.model_id, MetricName.metric).where(col(MetricName.model_id).in_(models))


def redefined_at(changes: Iterable[Change], names: Collection[str], model: Configured) -> Mapping[str, datetime]:
    """Return when each metric of NAMES last got another definition; CHANGES are of one MODEL, newest first.

    NAMES are all that is known of it: a definition that names none of them, nor a title, is of every one.
    """
    called = {name: (name, plain_name(name), str(settings(model, name).get("title") or name)) for name in names}
    found: dict[str, datetime] = {}
    for change in changes:
        said = " ".join(filter(None, (change.summary, change.ref, change.before, change.after)))
        found = dict.fromkeys(concerned(said, called), change.occurred_at) | found
    return found


def _counts(one: Reading, reading: Reading) -> bool:
    """Return whether ONE may be compared with READING at all: of the same metric and kind of data, its labels there."""
    alike = one.metric == reading.metric and one.evaluation_type == reading.evaluation_type
    return alike and one.slice == reading.slice and one is not reading and one.matured


def _monitored(model: Model, reading: Reading, before: Sequence[Reading], base: Sequence[Reading]) -> Judgement:
    """Return the verdict on one of many looks: two in a row, both against BASE, else against the value before both."""
    newest = _against(model, reading, base or before)
    if not before:
        return newest
    own = [r for r in before if r.version == reading.version] if base else before
    reference = base or before[1:]
    if not own or not reference:
        return in_a_row(newest, ())
    again = newest if base else _against(model, reading, reference)
    return in_a_row(newest, (again, _against(model, own[0], reference)) if again.verdict in FINDINGS else ())


def _against(model: Model, reading: Reading, before: Sequence[Reading]) -> Judgement:
    """Return the verdict against the newest of BEFORE that is comparable; their values are its history."""
    ours = reading.measured
    comparable = [r for r in before if not incomparable(ours, r.measured)]
    base = next(iter(comparable or before), None)
    return judge(
        ours,
        base.measured if base else None,
        direction=direction(model, reading),
        margin=_margin(model, reading),
        history=[r.value for r in comparable if r.slice == ALL],
        threshold=objective(model, reading),
    )


def _margin(model: Model, reading: Reading) -> float:
    return float(settings(model, reading.metric).get("margin") or 0.0)


def _unjudged(reading: Reading, why: str, verdict: Verdict = Verdict.INSUFFICIENT_DATA) -> Judgement:
    return Judgement(verdict=verdict, facts=judge(reading.measured, None, direction=None).facts, outcome=why)
