"""What is live: which version had how much traffic in a slot (model, stage, target), since when and until when.

Every word on a slot is kept as a `Move`. One that comes late is put into its place in time, and what came after it is
played again: so `Serving` depends on what was told, and not on the order in which it arrived.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from bot.domain.facts import DeploymentStatus
from bot.store.tables import Move, Serving

ORDER = {status: place for place, status in enumerate(DeploymentStatus)}
"""For what is told of one moment: a rollout that ended has begun before."""
ENDED = (
    DeploymentStatus.ROLLED_BACK,
    DeploymentStatus.FAILED,
    DeploymentStatus.CANCELLED,
    DeploymentStatus.REMOVED,
)


def apply_move(db: Session, move: Move) -> bool:
    """Write MOVE down and bring its slot in line; False when what served, and when, is the same as before."""
    spans = _from(db, move)
    before = {_span(row) for row in spans}
    known = _moves_from(db, move)
    if any(_content(other) == _content(move) for other in known):
        return False
    db.add(move)
    _take_back(db, spans, move.at)
    for one in sorted([*known, move], key=_place):
        _play(db, one)
    db.flush()
    return {_span(row) for row in _from(db, move)} != before


def play_again(db: Session, model_id: int) -> None:
    """Bring every slot of a model in line with all moves that were ever told of it, as after a merge."""
    moves = db.exec(select(Move).where(Move.model_id == model_id)).all()
    for slot in {(move.stage, move.target) for move in moves}:
        for row in db.exec(
            select(Serving).where(Serving.model_id == model_id, Serving.stage == slot[0], Serving.target == slot[1])
        ).all():
            db.delete(row)
        db.flush()
        for move in sorted((m for m in moves if (m.stage, m.target) == slot), key=_place):
            _play(db, move)


def _from(db: Session, move: Move) -> list[Serving]:
    """Return what served in the slot at the time of MOVE or later."""
    slot = select(Serving).where(
        Serving.model_id == move.model_id, Serving.stage == move.stage, Serving.target == move.target
    )
    return list(db.exec(slot.where(col(Serving.until).is_(None) | (col(Serving.until) >= move.at))))


def _moves_from(db: Session, move: Move) -> Sequence[Move]:
    later = select(Move).where(Move.model_id == move.model_id, Move.stage == move.stage, Move.target == move.target)
    return db.exec(later.where(col(Move.at) >= move.at)).all()


def _content(move: Move) -> tuple[object, ...]:
    return move.at, move.version, move.previous_version, move.status, move.traffic_percent


def _place(move: Move) -> tuple[datetime, int, str, float, str]:
    share = -1.0 if move.traffic_percent is None else move.traffic_percent
    return move.at, ORDER[DeploymentStatus(move.status)], move.version, share, move.previous_version or ""


def _span(row: Serving) -> tuple[object, ...]:
    return row.version, row.traffic_percent, row.since, row.until


def _live_in_slot(db: Session, model_id: int, stage: str, target: str) -> Sequence[Serving]:
    """Return the versions that have traffic in this slot now, most traffic first."""
    query = select(Serving).where(Serving.model_id == model_id, Serving.stage == stage, Serving.target == target)
    rows = db.exec(query.where(col(Serving.until).is_(None))).all()
    return sorted(rows, key=lambda r: (-(r.traffic_percent or 0), r.version))


def _take_back(db: Session, spans: Sequence[Serving], at: datetime) -> None:
    """Bring the slot to where it stood just before AT."""
    for row in spans:
        if row.since >= at:
            db.delete(row)
        else:
            row.until = None
            db.add(row)
    db.flush()


def _play(db: Session, move: Move) -> None:
    """Let MOVE, the newest so far, change what is live in its slot."""
    live = _live_in_slot(db, move.model_id, move.stage, move.target)
    own = [row for row in live if row.version == move.version]
    match move.status:
        case DeploymentStatus.SUCCEEDED:
            share = 100.0 if move.traffic_percent is None else move.traffic_percent
            _serve(db, move, live, version=move.version, share=share)
        case DeploymentStatus.IN_PROGRESS | DeploymentStatus.PAUSED:
            if move.traffic_percent is not None:
                _serve(db, move, live, version=move.version, share=move.traffic_percent)
        case _ if move.status in ENDED and _is_unseen(own) and _with_traffic(live, move.version):
            _end(db, own, move.at)
        case DeploymentStatus.ROLLED_BACK:
            if previous := move.previous_version or _before(db, move):
                _serve(db, move, live, version=previous, share=100.0)
            else:
                _end(db, own, move.at)
        case DeploymentStatus.REMOVED if not move.version:
            _end(db, live, move.at)
        case DeploymentStatus.FAILED | DeploymentStatus.CANCELLED | DeploymentStatus.REMOVED:
            partial = any(row.traffic_percent not in (None, 100.0) for row in own)
            if own and (others := _with_traffic(live, move.version)):
                _serve(db, move, live, version=others[0].version, share=100.0)
            elif partial or move.status == DeploymentStatus.REMOVED:
                _end(db, own, move.at)  # of a version that had it all, only another attempt failed
        case _:
            pass


def _serve(db: Session, move: Move, live: Sequence[Serving], *, version: str, share: float) -> None:
    """Give VERSION this SHARE of the slot; the rest stays with the version that had most before.

    One that comes with nothing takes nothing.
    """
    rest = max(0.0, 100.0 - share)
    others = _with_traffic(live, version)
    wanted: dict[str, float | None] = {version: share}
    if share == 0 and not any(row.version == version and row.traffic_percent != 0 for row in live):
        wanted |= {row.version: row.traffic_percent for row in others}
    elif others and rest > 0:
        wanted[others[0].version] = rest
    kept = [row for row in live if row.version in wanted and row.traffic_percent == wanted[row.version]]
    _end(db, [row for row in live if row not in kept], move.at)
    for name in sorted(wanted.keys() - {row.version for row in kept}):
        row = Serving(model_id=move.model_id, stage=move.stage, target=move.target, version=name, since=move.at)
        row.traffic_percent = wanted[name]
        db.add(row)
    db.flush()


def _end(db: Session, rows: Sequence[Serving], at: datetime) -> None:
    """End what serves; what only began at this moment never served."""
    for row in rows:
        if row.since == at:
            db.delete(row)
        else:
            row.until = at
            db.add(row)
    db.flush()


def _before(db: Session, move: Move) -> str | None:
    """Return what a roll-back goes back to: what was stated when the version came, else what served before it."""
    slot = (Move.model_id == move.model_id, Move.stage == move.stage, Move.target == move.target)
    stated = (
        select(Move.previous_version)
        .where(*slot, Move.version == move.version, col(Move.previous_version).is_not(None), col(Move.at) <= move.at)
        .order_by(col(Move.at).desc(), col(Move.previous_version))
    )
    if (found := db.exec(stated).first()) is not None:
        return found
    return next(_earlier(db, move), None)


def _earlier(db: Session, move: Move) -> Iterator[str]:
    """Yield the versions that users saw before this one came, the last first."""
    served = select(Serving).where(
        Serving.model_id == move.model_id, Serving.stage == move.stage, Serving.target == move.target
    )
    rows = sorted(db.exec(served), key=lambda r: (r.since, r.traffic_percent or 0.0, r.version), reverse=True)
    came = min((row.since for row in rows if row.version == move.version), default=move.at)
    yield from (row.version for row in _with_traffic(rows, move.version) if row.since < came)


def _is_unseen(own: Sequence[Serving]) -> bool:
    """Return whether a version stands in its slot without traffic: what becomes of it changes no other's."""
    return bool(own) and all(row.traffic_percent == 0 for row in own)


def _with_traffic(live: Sequence[Serving], version: str) -> list[Serving]:
    """Return the rows of versions other than VERSION that users see; a shadow never inherits their traffic."""
    return [row for row in live if row.version != version and row.traffic_percent != 0]
