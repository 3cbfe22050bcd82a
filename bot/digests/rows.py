"""What a digest reads: one look at the rows of a period, per model, handed to every section.

Nothing is judged here. What is open is open at the digest's hour, so that an incident of Tuesday does not change what
Monday's digest says; what became known late about the period itself (labels, causes, verdicts) does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select

from bot.digests.evidence import Shipped, shipped
from bot.digests.period import Period
from bot.digests.values import Reading, readings
from bot.domain.actions import IncidentStatus
from bot.domain.facts import ChangeType, DeploymentStatus, Trigger
from bot.domain.stages import CANARY
from bot.store.queries.judging import metrics_known
from bot.store.queries.marks import bad_versions, gets_users
from bot.store.queries.models import model_by_name
from bot.store.queries.places import fully_live
from bot.store.queries.sources import Hearing, hearing
from bot.store.tables import AlertGroup, Change, Incident, Model, Serving

TOOK_EFFECT = (None, DeploymentStatus.SUCCEEDED, DeploymentStatus.ROLLED_BACK)
LOOK_BACK = timedelta(days=56)
"""How far back changes matter: the eight weeks of the chart."""
STILL_ASKED = timedelta(days=28)
"""How long a digest goes on asking about an incident."""


@dataclass(frozen=True)
class Undone:
    """A rollout that was taken back."""

    version: str | None
    back_to: str | None
    released: datetime
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ModelWeek:
    """What is known of one model in the period."""

    model: Model
    changes: tuple[Change, ...]
    """What took effect in the period, oldest first, without the going back."""
    undone: tuple[Undone, ...]
    redefined: tuple[Change, ...]
    """Changes of a metric's definition in the last eight weeks, oldest first."""
    known: frozenset[str]
    """By what it was ever measured, or is to be."""
    rollouts: tuple[Change, ...]
    """Every rollout of the last eight weeks."""
    incidents: tuple[Incident, ...]
    """Opened in the period, or open at its hour."""
    groups: tuple[AlertGroup, ...]
    """Opened in the period, or firing at its hour."""
    readings: tuple[Reading, ...]
    """The newest of each metric, week and maturity, of four weeks."""
    live: tuple[Serving, ...]
    """What had traffic at the hour, the most first; without canaries."""
    bad: tuple[str, ...]
    """What users got then, though it is marked bad."""
    deploys: bool
    """Whether a rollout was ever heard of."""
    alerts: bool
    """Whether an alert was ever heard of."""


@dataclass(frozen=True, kw_only=True)
class Week:
    """The rows of one period."""

    period: Period
    models: tuple[ModelWeek, ...]
    absent: tuple[str, ...]
    """What the digest is to be about, and nobody had heard of at its hour."""
    shared: tuple[Change, ...]
    """Changes that may touch every model."""
    incidents: tuple[Incident, ...]
    """Opened in the period, or open at its hour; each once."""
    asked: tuple[Incident, ...]
    """Incidents of the last four weeks, about which something may still be asked."""
    groups: tuple[AlertGroup, ...]
    shipped: tuple[Shipped, ...]
    """What came out in the period, by model."""
    hearing: Hearing
    """How well the sources were heard at the digest's hour."""

    def name_of(self, model_id: int | None) -> str | None:
        """Return a model's name; None for no model, or one that this digest is not about."""
        return next((m.model.name for m in self.models if m.model.id == model_id), None)


def read(db: Session, period: Period, expected: Collection[str] = ()) -> Week:
    """Return everything that the digest of PERIOD is made of."""
    named = _named(db, period)
    models = _models(db, period, [model.id for model in named.values() if model is not None])
    ids = [m.id for m in models if m.id is not None]
    changes = _changes(db, period, models)
    groups = _groups(db, period, ids)
    incidents = _incidents(db, period, ids, named=bool(period.digest.models))
    told = [i for i in incidents if period.contains(i.opened_at) or is_open(i, period.hour)]
    touched = _touched(db, [i.id for i in told])
    values = readings(db, period, models)
    deploys = set(db.exec(select(Change.model_id).where(Change.change_type == ChangeType.MODEL).distinct()))
    alerts = set(db.exec(select(AlertGroup.model_id).distinct()))
    serving = _serving(db, period, models)
    heard = hearing(db, expected, period.hour)
    known = metrics_known(db, models)
    marks = bad_versions(db, ids)
    bad = {key for key, said in marks.items() if said.at <= period.hour}

    def week_of(model: Model) -> ModelWeek:
        own = [c for c in changes if c.model_id == model.id]
        everywhere = (c for c in changes if c.model_id in (model.id, None))
        serves = [s for s in serving if s.model_id == model.id and gets_users(s, model)]
        rollouts = [c for c in own if c.change_type == ChangeType.MODEL]
        return ModelWeek(
            model=model,
            changes=tuple(c for c in own if _took_effect(c) and period.contains(_effective(c))),
            undone=_undone(rollouts, period),
            redefined=tuple(c for c in everywhere if c.change_type == ChangeType.METRIC_DEFINITION),
            known=frozenset(known[model.id or 0]),
            rollouts=tuple(rollouts),
            incidents=tuple(i for i in told if i.model_id == model.id or (i.id, model.id) in touched),
            groups=tuple(g for g in groups if g.model_id == model.id),
            readings=tuple(r for r in values if r.model_id == model.id),
            deploys=model.id in deploys,
            alerts=model.id in alerts,
            live=tuple(s for s in serves if s.stage != CANARY),
            bad=tuple(dict.fromkeys(s.version for s in serves if (s.model_id, s.version) in bad)),
        )

    weeks = tuple(week_of(model) for model in models)
    shared = (c for c in changes if c.model_id is None and _took_effect(c))
    return Week(
        period=period,
        models=weeks,
        absent=tuple(name for name, model in named.items() if model is None),
        shipped=tuple(one for week in weeks for one in shipped(db, week.model, week.changes)),
        shared=tuple(c for c in shared if period.contains(c.occurred_at)),
        incidents=tuple(told),
        asked=tuple(incidents),
        groups=tuple(groups),
        hearing=replace(heard, silent=tuple(beat for beat in heard.silent if ":" not in beat[0])),
    )


def is_open(incident: Incident, at: datetime) -> bool:
    """Return whether people still worked on it at AT."""
    return incident.opened_at <= at and (incident.resolved_at is None or incident.resolved_at > at)


def is_firing(group: AlertGroup, at: datetime) -> bool:
    """Return whether its alerts fired at AT."""
    return group.opened_at <= at and (group.resolved_at is None or group.resolved_at > at)


def _named(db: Session, period: Period) -> dict[str, Model | None]:
    """Return the models that the digest names, by what they are or once were called; None = never heard of."""
    found = {name: model_by_name(db, name) for name in period.digest.models}
    return {name: model if model and model.created_at <= period.hour else None for name, model in found.items()}


def _models(db: Session, period: Period, named: Collection[int | None]) -> list[Model]:
    query = select(Model).where(or_(col(Model.retired_at).is_(None), col(Model.retired_at) > period.hour))
    query = query.where(col(Model.created_at) <= period.hour).order_by(col(Model.name))
    if period.digest.models:
        query = query.where(col(Model.id).in_(named))
    return list(db.exec(query))


def _changes(db: Session, period: Period, models: Sequence[Model]) -> list[Change]:
    model_id, live = col(Change.model_id), fully_live(col(Change.model_id), col(Change.stage), models)
    query = select(Change).where(or_(model_id.in_([model.id for model in models]), model_id.is_(None)), live)
    query = query.where(Change.occurred_at > period.end - LOOK_BACK, Change.occurred_at <= period.hour)
    return list(db.exec(query.order_by(col(Change.occurred_at), col(Change.id))))


def _groups(db: Session, period: Period, ids: Sequence[int]) -> list[AlertGroup]:
    query = select(AlertGroup).where(col(AlertGroup.model_id).in_(ids), col(AlertGroup.quiet).is_(False))
    query = query.where(AlertGroup.opened_at <= period.hour)
    ended = or_(col(AlertGroup.resolved_at).is_(None), col(AlertGroup.resolved_at) > period.hour)
    within = (AlertGroup.opened_at >= period.start) & (AlertGroup.opened_at < period.end)
    return list(db.exec(query.where(or_(within, ended)).order_by(col(AlertGroup.opened_at), col(AlertGroup.id))))


def _incidents(db: Session, period: Period, ids: Sequence[int], *, named: bool) -> list[Incident]:
    query = select(Incident).where(Incident.status != IncidentStatus.MERGED, Incident.opened_at <= period.hour)
    ended = or_(col(Incident.resolved_at).is_(None), col(Incident.resolved_at) > period.hour)
    query = query.where(or_(Incident.opened_at > period.hour - STILL_ASKED, ended))
    if named:
        touched = select(AlertGroup.incident_id).where(col(AlertGroup.model_id).in_(ids))
        query = query.where(or_(col(Incident.model_id).in_(ids), col(Incident.id).in_(touched)))
    return list(db.exec(query.order_by(col(Incident.opened_at), col(Incident.id))))


def _touched(db: Session, incident_ids: Sequence[int | None]) -> set[tuple[int | None, int | None]]:
    """Return (incident, model) for every model of which an incident holds alerts."""
    query = select(AlertGroup.incident_id, AlertGroup.model_id)
    return set(db.exec(query.where(col(AlertGroup.incident_id).in_(incident_ids)).distinct()))


def _serving(db: Session, period: Period, models: Sequence[Model]) -> list[Serving]:
    ids = [model.id for model in models]
    query = select(Serving).where(col(Serving.model_id).in_(ids), Serving.since <= period.hour)
    query = query.where(or_(col(Serving.until).is_(None), col(Serving.until) > period.hour))
    return list(db.exec(query.order_by(col(Serving.traffic_percent).desc(), col(Serving.id))))


def _took_effect(change: Change) -> bool:
    return change.status in TOOK_EFFECT and change.trigger != Trigger.ROLLBACK


def _effective(change: Change) -> datetime:
    """When it reached users; a rollout that was taken back may carry the time of that as its last move."""
    if change.status == DeploymentStatus.ROLLED_BACK and change.finished_at == change.occurred_at:
        return change.started_at or change.occurred_at
    return change.occurred_at


def _undone(rollouts: Sequence[Change], period: Period) -> tuple[Undone, ...]:
    """Return the rollouts taken back in the period, also those that only their undoing tells of."""
    found = [
        Undone(c.version, c.previous_version, _effective(c), c.finished_at or c.occurred_at)
        for c in rollouts
        if c.status == DeploymentStatus.ROLLED_BACK
    ]
    known = {(u.version, u.at) for u in found}
    for back in rollouts:
        is_back = back.trigger == Trigger.ROLLBACK and back.status in (None, DeploymentStatus.SUCCEEDED)
        if is_back and (back.previous_version, back.occurred_at) not in known:
            before = [c for c in rollouts if c.version == back.previous_version and c.occurred_at < back.occurred_at]
            released = before[-1].occurred_at if before else back.occurred_at
            found.append(Undone(back.previous_version, back.version, released, back.occurred_at))
    return tuple(sorted((u for u in found if period.contains(u.at)), key=lambda u: u.at))
