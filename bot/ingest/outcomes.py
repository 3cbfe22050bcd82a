"""What becomes of a decision: ordered, come to serve, late, or never made; and who shows it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, and_, col, or_, select

from bot.domain import durations, keys
from bot.domain.actions import IncidentStatus
from bot.domain.names import version_label
from bot.domain.proposals import UNDECIDED, ProposalStatus
from bot.ingest.timeline import tell
from bot.store.projection import touch, touch_existing
from bot.store.queries.gates import gate
from bot.store.queries.incidents import error_of
from bot.store.queries.models import live
from bot.store.queries.proposals import WATCHED, under_way, within
from bot.store.tables import Incident, Model, Proposal, Serving


def note_ordered(db: Session, proposal_id: int, run: str, now: datetime) -> None:
    """Write how the deployer calls what the order began."""
    row = db.get_one(Proposal, proposal_id)
    if row.run != run:
        row.run = run
        db.add(row)
        touch(db, now, keys.proposal(proposal_id))


def note_served(db: Session, model_id: int, now: datetime) -> None:
    """Note which approved versions came to serve: with more traffic than any other at their stage.

    Beside a canary that is to go, the version to go back to had that all along: there the canary has to be gone. One
    that is late is over when another version comes to serve there instead.
    """
    rows = under_way(db, model_id)
    serving = live(db, db.get_one(Model, model_id)) if rows else []
    for row in rows:
        there = [s for s in serving if s.stage == row.stage and s.traffic_percent != 0]
        first = _most_served(there or [s for s in serving if s.stage == row.stage])
        left = row.kind == "rollback" and row.previous_version in {s.version for s in there}
        if first == row.version and not left:
            row.deployed_at = now
        elif row.late_at is not None and first not in (None, row.version, row.previous_version):
            row.status = ProposalStatus.OVERTAKEN
            give_back(db, row, now, "another version came to serve instead of the roll-back")
        else:
            continue
        db.add(row)
        touch(db, now, keys.proposal(row.id or 0))


def _most_served(serving: Sequence[Serving]) -> str | None:
    """Return the version with more traffic than any other, at all targets together; None where two have as much."""
    shares: dict[str, float] = defaultdict(float)
    for row in serving:
        shares[row.version] += 100 if row.traffic_percent is None else row.traffic_percent
    most = [version for version, share in shares.items() if share == max(shares.values())]
    return most[0] if len(most) == 1 else None


def note_overdue(db: Session, now: datetime) -> None:
    """Note what nobody decided in time, and what does not serve long after it was approved."""
    expired = select(Proposal).where(col(Proposal.status).in_(UNDECIDED), col(Proposal.expires_at) <= now)
    open_ones = (Proposal.status == ProposalStatus.APPROVED, col(Proposal.deployed_at).is_(None))
    awaited = select(Proposal, Model).join(Model, col(Model.id) == col(Proposal.model_id))
    found = db.exec(awaited.where(*open_ones, col(Proposal.late_at).is_(None))).all()
    late = [(row, model) for row, model in found if row.decided_at and row.decided_at + within(model) <= now]
    lapsed = db.exec(expired).all()
    for row in lapsed:
        row.status = ProposalStatus.EXPIRED
        row.gate = gate(db, db.get_one(Model, row.model_id), row.version, row.stage).kept
        give_back(db, row, now, "nobody decided on the roll-back in time")
    for row, model in late:
        row.late_at = now
        row.trouble = error_of(db, keys.order(row.deployer, row.id or 0)) if row.deployer and row.run is None else ""
        waited = durations.short(within(model))
        absent = f"{version_label(row.version)} does not serve yet, {waited} after the roll-back was decided"
        give_back(db, row, now, absent)
    for row in (*lapsed, *(row for row, _ in late)):
        db.add(row)
        touch(db, now, keys.proposal(row.id or 0))
    if lapsed:
        touch_existing(db, now, keys.ALL_HOMES)


def touch_proposals(db: Session, now: datetime, model_id: int | None) -> None:
    """Touch the cards that show how versions of a model, or of all, measure and serve."""
    recent = or_(col(Proposal.deployed_at).is_(None), col(Proposal.deployed_at) > now - WATCHED)
    watched = and_(col(Proposal.status) == ProposalStatus.APPROVED, recent)
    query = select(Proposal.id).where(or_(col(Proposal.status).in_(UNDECIDED), watched))
    query = query if model_id is None else query.where(Proposal.model_id == model_id)
    touch(db, now, *(keys.proposal(number) for number in db.exec(query) if number is not None))


def give_back(db: Session, row: Proposal, now: datetime, words: str, *, by: str | None = None) -> None:
    """Let people ask for a roll-back again in the incident where this one came to nothing, if it is still open."""
    incident = db.get(Incident, row.incident_id) if row.incident_id is not None else None
    if incident is None or incident.id is None or incident.status == IncidentStatus.RESOLVED:
        return
    incident.rollback_by, incident.rollback_at = None, None
    incident.revision += 1
    db.add(incident)
    tell(db, now, incident.id, kind="update", text=words, by=by)
    touch(db, now, keys.incident(incident.id), urgent=by is not None)
