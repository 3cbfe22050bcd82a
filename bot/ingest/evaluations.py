"""Evaluations and their numbers."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Update
from sqlmodel import Session, col, or_, select, update

from bot.domain import keys
from bot.domain.facts import ChangeType, EvaluationFact, EvaluationType
from bot.domain.gaps import is_matured
from bot.domain.stages import has_users
from bot.ingest.changes import Origin, version_row
from bot.ingest.clocks import ours
from bot.ingest.outcomes import touch_proposals
from bot.ingest.rules import HISTORY
from bot.store.prepared import prepared
from bot.store.projection import touch, touch_existing
from bot.store.queries.metrics import newest_id, newest_judged
from bot.store.queries.objectives import JUDGED, misses
from bot.store.queries.promises import TOLD, copies_of, rollouts_to_users
from bot.store.tables import Change, Evaluation, MetricName, MetricValue, Model


def record_evaluation(db: Session, origin: Origin, fact: EvaluationFact, model: Model, now: datetime) -> bool:
    """Add an evaluation with its metric values; False when it is known already."""
    dedup_key = origin.dedup(fact.dedup_key or fact.evaluation_id)
    known = select(Evaluation.id).where(Evaluation.source == origin.source, Evaluation.dedup_key == dedup_key)
    if db.exec(known).first() is not None:
        return False
    assert model.id is not None
    fact = _of_its_stage(fact, model)
    if fact.version is not None:
        version_row(db, model, fact.version)
    at = ours(fact.occurred_at, now)
    row = Evaluation(
        source=origin.source,
        dedup_key=dedup_key,
        model_id=model.id,
        version=fact.version,
        baseline_version=fact.baseline_version,
        stage=fact.stage,
        evaluation_type=fact.evaluation_type,
        suite=fact.suite,
        suite_version=fact.suite_version,
        dataset=fact.dataset,
        dataset_version=fact.dataset_version,
        window_start=fact.window_start,
        window_end=fact.window_end,
        labelled_fraction=fact.labelled_fraction,
        labels_until=fact.labels_until,
        labels_pending=_labels_pending(fact, model, at),
        occurred_at=at,
        stated_at=fact.occurred_at if at != fact.occurred_at else None,
        received_at=now,
        actor=fact.actor,
        url=fact.url,
        delivery_id=origin.delivery_id,
    )
    db.add(row)
    db.flush()
    assert row.id is not None
    values = [
        MetricValue(
            evaluation_id=row.id,
            model_id=model.id,
            metric=metric.name,
            slice=metric.slice,
            at=ours(fact.window_end or at, now),
            evaluation_type=fact.evaluation_type,
            version=fact.version,
            value=metric.value,
            unit=metric.unit,
            direction=metric.direction,
            family=metric.family,
            role=metric.role,
            n=metric.n,
            ci_low=metric.ci_low,
            ci_high=metric.ci_high,
            successes=metric.successes,
            positives=metric.positives,
            negatives=metric.negatives,
            sd=metric.sd,
            baseline_only=metric.baseline_only,
            candidate_only=metric.candidate_only,
            threshold_op=metric.threshold_op,
            threshold=metric.threshold,
            method=metric.method,
        )
        for metric in fact.metrics
    ]
    db.add_all(values)
    know_metrics(db, model, values)
    db.flush()
    _touch_rollouts(db, now, model.id, fact.version)
    _tell_rollouts(db, now, row)
    touch_proposals(db, now, model.id)
    touch_existing(db, now, keys.ALL_HOMES)
    return True


def _of_its_stage(fact: EvaluationFact, model: Model) -> EvaluationFact:
    """Return FACT as one on shadow data where it was measured without users: there no objective is missed, or kept."""
    if fact.evaluation_type in JUDGED and not has_users(fact.stage, model.stages):
        return replace(fact, evaluation_type=EvaluationType.SHADOW)
    return fact


def _labels_pending(fact: EvaluationFact, model: Model, at: datetime) -> bool:
    """Return whether labels that nobody counted can't be here yet, by the label lag of the model."""
    if fact.labelled_fraction is not None or model.label_lag_s is None:
        return False
    late = at < (fact.window_end or at) + timedelta(seconds=model.label_lag_s)
    return not is_matured(None, evaluation_type=fact.evaluation_type, labels_late=late)


def know_metrics(db: Session, model: Model, values: Sequence[MetricValue]) -> None:
    """Write down by what MODEL was measured, and what VALUES, which are new, make of its objectives."""
    known = set(db.exec(select(MetricName.metric).where(MetricName.model_id == model.id)))
    told = dict.fromkeys(value.metric for value in values)
    db.add_all(MetricName(model_id=model.id or 0, metric=metric) for metric in told if metric not in known)
    db.flush()
    note_newest(db, model, [*told])


def note_newest(db: Session, model: Model, metrics: Collection[str]) -> None:
    """Have each of these metrics of MODEL name the value that its objective is about, and whether that misses it."""
    assert model.id is not None
    _name_newest(db, model.id, list(metrics))
    note_missed(db, [model])


@prepared
def _name_newest(model: int, metrics: list[str]) -> Update:
    theirs = update(MetricName).where(col(MetricName.model_id) == model, col(MetricName.metric).in_(metrics))
    return theirs.values(newest_id=newest_id(JUDGED)).execution_options(synchronize_session=False)


def note_missed(db: Session, models: Iterable[Model]) -> None:
    """Note of each metric of MODELS whether the value that its objective is about misses it."""
    by_id = {model.id: model for model in models if model.id is not None}
    turned: dict[bool, list[int]] = {True: [], False: []}
    for one in newest_judged(db, by_id):
        if one.missed != (missed := misses(by_id[one.model_id], one)):
            turned[missed].append(one.name_id)
    for missed, names in turned.items():
        if names:
            _note_missed(db, names, missed)


@prepared
def _note_missed(names: list[int], missed: bool) -> Update:
    theirs = update(MetricName).where(col(MetricName.id).in_(names))
    return theirs.values(missed=missed).execution_options(synchronize_session=False)


def _touch_rollouts(db: Session, now: datetime, model_id: int, version: str | None) -> None:
    """Touch what shows this version's numbers: cards and threads of its rollouts, and of those that came after it."""
    if version is None:
        return
    shows = or_(Change.version == version, Change.previous_version == version)
    query = select(Change.id).where(Change.model_id == model_id, Change.change_type == ChangeType.MODEL, shows)
    found = [i for i in db.exec(query.where(col(Change.quiet).is_(False))) if i is not None]
    touch(db, now, *copies_of(db, found))


def _tell_rollouts(db: Session, now: datetime, row: Evaluation) -> None:
    """Tell of ROW in the thread of its version's rollout, if that is out already; a backfill is no news."""
    if row.version is None or row.occurred_at < now - HISTORY:
        return
    matured = is_matured(row.labelled_fraction, labels_late=row.labels_pending)
    for rollout in rollouts_to_users(db, row.model_id, row.version):
        if row.evaluation_type in TOLD:
            touch(db, now, keys.deployment_evaluation(rollout, row.evaluation_type))
        elif row.evaluation_type == EvaluationType.LIVE and matured:
            touch(db, now, keys.deployment_live(rollout))
