"""What is live: which version had how much traffic in a slot (model, stage, target), since when."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from bot.domain.facts import DeploymentStatus
from bot.store.tables import Change, Serving


def live_in_slot(db: Session, model_id: int, stage: str, target: str) -> Sequence[Serving]:
    """Return the versions that have traffic in this slot now, most traffic first."""
    query = select(Serving).where(Serving.model_id == model_id, Serving.stage == stage, Serving.target == target)
    rows = db.exec(query.where(col(Serving.until).is_(None))).all()
    return sorted(rows, key=lambda r: (-(r.traffic_percent or 0), r.id or 0))


def apply_rollout(db: Session, rollout: Change) -> None:
    """Bring the slot in line with where ROLLOUT stands; what is older than its newest change only fills history."""
    if rollout.model_id is None or rollout.version is None or rollout.stage is None:
        return
    at, target = rollout.occurred_at, rollout.target or ""
    live = live_in_slot(db, rollout.model_id, rollout.stage, target)
    if any(row.since > at for row in live):
        return
    match rollout.status:
        case DeploymentStatus.SUCCEEDED:
            share = 100.0 if rollout.traffic_percent is None else rollout.traffic_percent
            _serve(db, rollout, live, version=rollout.version, share=share, at=at)
        case DeploymentStatus.IN_PROGRESS | DeploymentStatus.PAUSED:
            if rollout.traffic_percent is not None:
                _serve(db, rollout, live, version=rollout.version, share=rollout.traffic_percent, at=at)
        case DeploymentStatus.ROLLED_BACK:
            if rollout.previous_version:
                _serve(db, rollout, live, version=rollout.previous_version, share=100.0, at=at)
            else:
                _end(db, [row for row in live if row.version == rollout.version], at)
        case DeploymentStatus.FAILED | DeploymentStatus.CANCELLED | DeploymentStatus.REMOVED:
            own = [row for row in live if row.version == rollout.version]
            partial = any(row.traffic_percent not in (None, 100.0) for row in own)
            if own and (others := _with_traffic(live, rollout.version)):
                _serve(db, rollout, live, version=others[0].version, share=100.0, at=at)
            elif partial or rollout.status == DeploymentStatus.REMOVED:
                _end(db, own, at)  # of a version that had it all, only another attempt failed
        case _:
            pass


def _serve(db: Session, rollout: Change, live: Sequence[Serving], *, version: str, share: float, at: datetime) -> None:
    """Give VERSION this SHARE of the slot from AT on; the rest stays with the version that had most before."""
    rest = max(0.0, 100.0 - share)
    others = _with_traffic(live, version)
    wanted = {version: share} | ({others[0].version: rest} if others and rest > 0 else {})
    for row in live:
        if row.version in wanted and row.traffic_percent == wanted[row.version]:
            del wanted[row.version]
        else:
            row.until = at
            db.add(row)
    for name, traffic in wanted.items():
        assert rollout.model_id is not None
        db.add(
            Serving(
                model_id=rollout.model_id,
                stage=rollout.stage or "production",
                target=rollout.target or "",
                version=name,
                traffic_percent=traffic,
                since=at,
            )
        )
    db.flush()


def _with_traffic(live: Sequence[Serving], version: str) -> list[Serving]:
    """Return the rows of versions other than VERSION that users see; a shadow never inherits their traffic."""
    return [row for row in live if row.version != version and row.traffic_percent != 0]


def _end(db: Session, live: Sequence[Serving], at: datetime) -> None:
    for row in live:
        row.until = at
        db.add(row)
