"""Rollouts: where a version stands on its way to a stage, what is live with it, and what it undoes."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES, IncidentStatus
from bot.domain.facts import ChangeType, DeploymentFact, DeploymentStatus, Trigger, VersionFact
from bot.domain.names import version_label
from bot.domain.stages import same_traffic
from bot.ingest.changes import Origin, touch_evidence, version_row
from bot.ingest.clocks import ahead, ours
from bot.ingest.correlate import groups_of, open_incident_of
from bot.ingest.incidents import name_suspect, rolled_forward
from bot.ingest.outcomes import note_served, touch_proposals
from bot.ingest.rules import HISTORY
from bot.ingest.serving import apply_move
from bot.ingest.timeline import tell
from bot.store.projection import touch, touch_existing
from bot.store.queries.models import served_between
from bot.store.tables import Change, Incident, Model, Move, Projection

SAME_ROLLOUT = timedelta(hours=1)
"""A version that is reported as deployed again later than this after it was is a new rollout of it."""

FINISHED = (
    DeploymentStatus.SUCCEEDED,
    DeploymentStatus.FAILED,
    DeploymentStatus.CANCELLED,
    DeploymentStatus.REMOVED,
    DeploymentStatus.ROLLED_BACK,
)


def record_deployment(db: Session, origin: Origin, fact: DeploymentFact, model: Model, now: datetime) -> bool:
    """Move a rollout, and what is live with it; False when this changes nothing."""
    for name in filter(None, (fact.previous_version, fact.version)):
        version_row(db, model, name)
    fact = _by_our_clock(fact, now)
    row = _rollout(db, origin, fact, model)
    before = row.status if row is not None else None
    new = row is None
    if row is None:
        row = _new_rollout(db, origin, fact, model, now)
    elif _only_history(row) and fact.occurred_at >= now - HISTORY:
        row.quiet = False
    advanced = _advance(row, fact) or new
    moved = _move(db, row, fact)
    if not (advanced or moved):
        return False
    db.add(row)
    db.flush()
    _turn_undone(db, now, row)
    touch_evidence(db, now, row)
    name_suspect(db, now, row)
    note_served(db, row.model_id or 0, now)
    touch_proposals(db, now, row.model_id)
    touch_existing(db, now, keys.ALL_HOMES)
    assert row.id is not None
    if not row.quiet:
        touch(db, now, keys.deployment(row.id))
    _touch_incidents(db, now, row)
    if row.status != before:
        _tell_incident(db, now, row, model)
    return True


def _by_our_clock(fact: DeploymentFact, now: datetime) -> DeploymentFact:
    """Return FACT as of now where it is dated into the future: else nothing that comes after it would count."""
    if not ahead(fact.occurred_at, now):
        return fact
    return replace(fact, occurred_at=now, started_at=None, finished_at=None)


def record_alias(db: Session, origin: Origin, fact: VersionFact, model: Model, now: datetime) -> bool:
    """Deploy what an alias now points to, where the configuration says that serving follows it; False when not."""
    stage = model.aliases.get(fact.alias or "")
    if stage is None or fact.change not in ("aliased", "unaliased"):
        return False
    gone, version, emptied = fact.change == "unaliased", fact.version, False
    if version is None:
        version, emptied = _emptied(db, model, stage, ours(fact.occurred_at, now))
        if version is None:
            return emptied
    moved = DeploymentFact(
        model=fact.model,
        version=version,
        occurred_at=fact.occurred_at,
        status=DeploymentStatus.REMOVED if gone else DeploymentStatus.SUCCEEDED,
        stage=stage,
        strategy="alias",
        actor=fact.actor,
        url=fact.url,
        summary=f"alias {fact.alias}",
    )
    return record_deployment(db, origin, moved, model, now) or emptied


def _emptied(db: Session, model: Model, stage: str, at: datetime) -> tuple[str | None, bool]:
    """Let nothing serve a stage from AT on; returns what did, as far as that was told, and whether that is news."""
    assert model.id is not None
    served = (s for s in served_between(db, model.id, at, at) if (s.stage, s.target) == (stage, ""))
    version = next((row.version for row in served), None)
    gone = Move(model_id=model.id, stage=stage, at=at, version="", status=DeploymentStatus.REMOVED)
    return version, apply_move(db, gone)


def _move(db: Session, row: Change, fact: DeploymentFact) -> bool:
    """Let what serves follow FACT, a word on the rollout ROW; False when that changes nothing."""
    version = fact.version or row.version
    if row.model_id is None or version is None:
        return False
    stated = fact.previous_version if fact.previous_version != version else None
    return apply_move(
        db,
        Move(
            model_id=row.model_id,
            stage=fact.stage,
            target=fact.target or "",
            at=fact.occurred_at,
            version=version,
            previous_version=stated,
            status=fact.status,
            traffic_percent=fact.traffic_percent,
        ),
    )


def _rollout(db: Session, origin: Origin, fact: DeploymentFact, model: Model) -> Change | None:
    """Return the rollout that FACT moves.

    By the sender's deployment id, which one run of a pipeline may give to several models, stages or versions; without
    one, the newest rollout of the slot at that time, if it is of this version: so a late or repeated event finds the
    rollout it was about.
    """
    if fact.deployment_id:
        same = (Change.source == origin.source, Change.deployment_id == fact.deployment_id)
        rows = db.exec(_in_slot(model, fact).where(*same).order_by(col(Change.id).desc()))
        named = next((row for row in rows if _is_about(fact, row)), None)
        if named or fact.status is not DeploymentStatus.ROLLED_BACK:
            return named
    began, at = col(Change.started_at), fact.occurred_at
    so_far = _in_slot(model, fact).where(began <= at).order_by(began.desc(), col(Change.id).desc())
    newest = db.exec(so_far.limit(1)).first()
    if newest is not None and fact.status is DeploymentStatus.ROLLED_BACK:
        if newest.trigger == Trigger.ROLLBACK:  # it went back already: the same, said again
            return db.exec(so_far.where(Change.version == newest.previous_version).limit(1)).first()
        if fact.version in (None, newest.previous_version):
            return newest
    if newest is not None and newest.version == fact.version:
        return None if _is_over(newest, fact) else newest
    following = db.exec(_in_slot(model, fact).where(began > at).order_by(began, col(Change.id)).limit(1)).first()
    late = following is not None and following.version == fact.version
    return following if late and (fact.status not in FINISHED or _soon(at, following)) else None


def _is_about(fact: DeploymentFact, row: Change) -> bool:
    """Return whether FACT can be about the rollout ROW: of its version, or back from it."""
    back = fact.status is DeploymentStatus.ROLLED_BACK and fact.version == row.previous_version
    return back or row.version is None or fact.version in (None, row.version)


def _in_slot(model: Model, fact: DeploymentFact) -> SelectOfScalar[Change]:
    return select(Change).where(
        Change.model_id == model.id,
        Change.change_type == ChangeType.MODEL,
        Change.stage == fact.stage,
        col(Change.target).is_(fact.target) if fact.target is None else Change.target == fact.target,
    )


def _is_over(row: Change, fact: DeploymentFact) -> bool:
    """Return whether FACT, of the same version, begins another rollout because ROW ended long before it."""
    still_partial = row.status == DeploymentStatus.SUCCEEDED and row.traffic_percent not in (None, 100.0)
    ends = fact.status in (DeploymentStatus.REMOVED, DeploymentStatus.ROLLED_BACK)
    over = row.status in FINISHED and not still_partial and not ends
    return over and fact.occurred_at - row.occurred_at > SAME_ROLLOUT


def _soon(at: datetime, row: Change | None) -> bool:
    return row is not None and row.started_at is not None and row.started_at - at <= SAME_ROLLOUT


def _only_history(row: Change) -> bool:
    """Return whether a rollout is quiet because all that was told of it was old news."""
    return row.quiet and row.occurred_at < row.received_at - HISTORY


def _new_rollout(db: Session, origin: Origin, fact: DeploymentFact, model: Model, now: datetime) -> Change:
    assert model.id is not None
    started = fact.started_at or fact.occurred_at
    previous = fact.previous_version or _replaced_version(db, model.id, fact) or _undone_version(db, model, fact)
    slot = f"{model.id}/{fact.stage}/{fact.target or ''}"
    return Change(
        source=origin.source,
        dedup_key=f"rollout/{slot}/{fact.version}/{fact.deployment_id or started.isoformat()}",
        deployment_id=fact.deployment_id,
        model_id=model.id,
        change_type=ChangeType.MODEL,
        summary=fact.summary,
        occurred_at=fact.occurred_at,
        received_at=now,
        actor=fact.actor,
        trigger=fact.trigger,
        stage=fact.stage,
        target=fact.target,
        version=fact.version,
        previous_version=previous,
        ref=fact.ref,
        url=fact.url,
        status=fact.status,
        traffic_percent=fact.traffic_percent,
        strategy=fact.strategy,
        step=fact.step,
        steps=fact.steps,
        started_at=started,
        committed_at=fact.committed_at,
        quiet=fact.occurred_at < now - HISTORY,
        delivery_id=origin.delivery_id,
    )


def _replaced_version(db: Session, model_id: int, fact: DeploymentFact) -> str | None:
    """Return which other version had most of the slot when FACT happened, however late that is told."""
    slot, at = (fact.stage, fact.target or ""), fact.occurred_at
    served = [s for s in served_between(db, model_id, at, at) if (s.stage, s.target) == slot]
    by_traffic = sorted(served, key=lambda s: (-(s.traffic_percent or 0), s.version))
    return next((s.version for s in by_traffic if s.version != fact.version), None)


def _undone_version(db: Session, model: Model, fact: DeploymentFact) -> str | None:
    """Return from which version FACT went back, when that was told before in other words."""
    if fact.trigger is not Trigger.ROLLBACK:
        return None
    undone = _in_slot(model, fact).where(Change.status == DeploymentStatus.ROLLED_BACK)
    newest = db.exec(undone.order_by(col(Change.started_at).desc(), col(Change.id).desc())).first()
    return newest.version if newest is not None and newest.previous_version == fact.version else None


def _advance(row: Change, fact: DeploymentFact) -> bool:
    """Move ROW to where FACT says it stands, unless the row is newer; True when anything differs."""
    began = fact.started_at or fact.occurred_at
    earlier = row.started_at is not None and began < row.started_at
    if earlier:
        row.started_at = began
    undone_at = row.finished_at if row.status == DeploymentStatus.ROLLED_BACK else None
    if fact.occurred_at < row.occurred_at or (undone_at and fact.occurred_at < undone_at):
        return earlier
    moved: dict[str, Any] = {"status": fact.status, "occurred_at": fact.occurred_at}
    stated = {
        "traffic_percent": fact.traffic_percent,
        "step": fact.step,
        "steps": fact.steps,
        "actor": fact.actor,
        "url": fact.url,
        "ref": fact.ref,
        "summary": fact.summary or None,
        "trigger": fact.trigger,
        "version": fact.version if row.version is None else None,
        "previous_version": fact.previous_version if fact.previous_version != row.version else None,
        "finished_at": fact.finished_at or (fact.occurred_at if fact.status in FINISHED else None),
    }
    moved |= {name: value for name, value in stated.items() if value is not None}
    if fact.status is DeploymentStatus.SUCCEEDED and fact.traffic_percent is None:
        moved["traffic_percent"] = 100.0
    differing = {name: value for name, value in moved.items() if getattr(row, name) != value}
    if differing.keys() <= {"occurred_at", "finished_at"}:
        return earlier
    for name, value in differing.items():
        setattr(row, name, value)
    return True


def _turn_undone(db: Session, now: datetime, row: Change) -> None:
    """When ROW goes back to an earlier version, turn the card of the rollout that it undoes; post no second one."""
    if row.status != DeploymentStatus.SUCCEEDED or row.previous_version is None:
        return
    undone = db.exec(
        select(Change)
        .where(Change.model_id == row.model_id, Change.change_type == ChangeType.MODEL, Change.stage == row.stage)
        .where(col(Change.target).is_(None) if row.target is None else Change.target == row.target)
        .where(col(Change.id) != row.id, Change.version == row.previous_version)
        .where(col(Change.started_at) <= row.occurred_at)
        .order_by(col(Change.started_at).desc())
    ).first()
    if undone is None or undone.id is None:
        return
    returns = undone.previous_version == row.version and undone.trigger != Trigger.ROLLBACK
    if row.trigger != Trigger.ROLLBACK and not returns:
        return
    row.trigger = Trigger.ROLLBACK
    undone.status, undone.finished_at, undone.after = DeploymentStatus.ROLLED_BACK, row.occurred_at, row.actor
    db.add(undone)
    touch(db, now, keys.deployment(undone.id))
    touch_evidence(db, now, undone)
    shown = select(Projection.key).where(Projection.key == keys.deployment(undone.id))
    row.quiet = row.quiet or db.exec(shown.where(col(Projection.remote_id).is_not(None))).first() is not None


def _touch_incidents(db: Session, now: datetime, row: Change) -> None:
    """Touch the open incidents that show what serves, or this rollout as their suspect."""
    shows = or_(Incident.model_id == row.model_id, Incident.suspect_change_id == row.id)
    found = db.exec(select(Incident.id).where(col(Incident.status).in_(OPEN_STATUSES), shows)).all()
    touch(db, now, *(keys.incident(i) for i in found if i is not None))


def _tell_incident(db: Session, now: datetime, row: Change, model: Model) -> None:
    """Tell an open incident of this model that a rollout finished where it alerts; going back is its mitigation."""
    incident = open_incident_of(db, model.id)
    if incident is None or incident.id is None or row.occurred_at < incident.onset_at or row.status not in FINISHED:
        return
    alerting = {group.stage for group in groups_of(db, incident.id) if group.model_id == model.id} or {None}
    if not any(same_traffic(stage, row.stage, model.stages, model.stages) for stage in alerting):
        return
    undone = row.status == DeploymentStatus.ROLLED_BACK
    old, new = (row.version, row.previous_version) if undone else (row.previous_version, row.version)
    words = f"{version_label(old)} → {version_label(new)} in {row.stage}"
    if not undone and row.trigger != Trigger.ROLLBACK:
        tell(db, now, incident.id, kind="deployment", text=f"{words}: {row.status}")
        if rolled_forward(db, incident):
            touch(db, now, keys.incident(incident.id))
        return
    if incident.mitigation == f"rolled back {words}":
        return
    tell(db, now, incident.id, kind="rollback", text=f"{words} finished")
    incident.status, incident.mitigated_at = (
        IncidentStatus.MITIGATED,
        incident.mitigated_at or row.occurred_at,
    )
    incident.mitigation = f"rolled back {words}"
    db.add(incident)
    touch(db, now, keys.incident(incident.id))
