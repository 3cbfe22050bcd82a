"""What people want at a stage: who may decide it, what they were shown, and what there is of a model."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

from sqlmodel import Session, and_, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.domain.gates import Gate
from bot.domain.names import version_label
from bot.domain.proposals import UNDECIDED, ProposalStatus
from bot.store.prepared import prepared
from bot.store.queries.directory import user_ids
from bot.store.tables import Decision, Model, Proposal, Serving

WITHIN = timedelta(minutes=30)
WATCHED = timedelta(days=30)
"""So long after a version came to serve, its card still follows how it does."""


@dataclass(frozen=True)
class Approvers:
    """Who decides what goes to a stage, as configured."""

    users: tuple[str, ...]
    """Names or ids."""
    group: str | None
    not_author: bool
    channel: str | None
    expires: timedelta
    rollback: bool

    @property
    def called(self) -> str:
        """What people call them."""
        return self.group or " or ".join(self.users)


def approvers(model: Model, stage: str) -> Approvers | None:
    """Return who decides what of MODEL goes to STAGE; None = nobody was named."""
    given = model.approvers.get(stage)
    if given is None:
        return None
    return Approvers(
        users=tuple(given["users"]),
        group=given["group"],
        not_author=given["not_author"],
        channel=given["channel"],
        expires=timedelta(seconds=given["expires_s"]),
        rollback=given["rollback"],
    )


def stages_of(db: Session, model: Model) -> list[str]:
    """Return the stages that we know of a model: configured, in their order, or where something ever served."""
    served = db.exec(select(Serving.stage).where(Serving.model_id == model.id).distinct())
    return [*model.stages, *sorted({*model.approvers, *model.aliases.values(), *served} - {*model.stages})]


def may_not(db: Session, model: Model, row: Proposal, user: str) -> str:
    """Return why USER, a Slack id, does not decide this; empty when they may."""
    return _may_not(model, row, user, _approver_ids(db, [(row, model)]))


def _may_not(model: Model, row: Proposal, user: str, ids: Mapping[str, str]) -> str:
    """`ids` are those of the approvers, by name."""
    who = approvers(model, row.stage)
    if who is None:
        return f"Nobody is named any more under `approvers` for {row.stage} of {model.name}, so nobody can decide."
    if user not in {ids.get(name) for name in who.users}:
        return f"Going to {row.stage} needs {who.called}; the card stands for them."
    if who.not_author and user == row.asked_by:
        return f"You asked for it, so somebody else of {who.called} decides."
    return ""


def _approver_ids(db: Session, found: Iterable[tuple[Proposal, Model]]) -> dict[str, str]:
    """Return the ids of all who may decide any of these, under their names as configured."""
    named = (approvers(model, row.stage) for row, model in found)
    return user_ids(db, {name for who in named if who is not None for name in who.users})


def shown(row: Proposal, gate: Gate) -> int:
    """Return the number of what a person sees on the card: another one once anything of it is otherwise."""
    return gate.digest + row.revision


def needs_reason(gate: Gate) -> bool:
    """Return whether an approval has to say why: something speaks against it."""
    return bool(gate.failing) or gate.bad is not None


def under_way(db: Session, model_id: int) -> Sequence[Proposal]:
    """Return what was approved of a model and does not serve yet, the oldest first."""
    query = select(Proposal).where(Proposal.model_id == model_id, Proposal.status == ProposalStatus.APPROVED)
    return db.exec(query.where(col(Proposal.deployed_at).is_(None)).order_by(col(Proposal.id))).all()


def waiting_for(db: Session, user: str) -> list[tuple[Proposal, Model]]:
    """Return what USER, a Slack id, may decide now, the oldest first."""
    query = select(Proposal, Model).join(Model, col(Model.id) == col(Proposal.model_id))
    found = db.exec(query.where(col(Proposal.status).in_(UNDECIDED)).order_by(col(Proposal.id))).all()
    ids = _approver_ids(db, found)
    return [(row, model) for row, model in found if not _may_not(model, row, user, ids)]


def open_proposals(db: Session, model_id: int) -> Sequence[Proposal]:
    """Return what waits for a decision of a model, or to come to serve, the oldest first."""
    return _open(db, model_id).all()


def asked_before(db: Session, model_id: int, version: str, stage: str) -> Proposal | None:
    """Return what is under way of a version to a stage, not decided or not there yet; what is late counts no more."""
    same = (r for r in open_proposals(db, model_id) if (r.version, r.stage) == (version, stage))
    return next((r for r in same if r.late_at is None), None)


def waits(row: Proposal) -> tuple[str, datetime]:
    """Return what an open proposal waits for, and since when."""
    if row.status in UNDECIDED:
        return "waits for a decision", row.asked_at
    return "is approved and under way", row.decided_at or row.asked_at


@prepared
def _open(model: int) -> SelectOfScalar[Proposal]:
    approved = and_(col(Proposal.status) == ProposalStatus.APPROVED, col(Proposal.deployed_at).is_(None))
    query = select(Proposal).where(Proposal.model_id == model, or_(col(Proposal.status).in_(UNDECIDED), approved))
    return query.order_by(col(Proposal.id))


def decisions_since(db: Session, model_id: int, since: datetime, *, limit: int) -> Sequence[Decision]:
    """Return what was decided of a model SINCE then, the newest first."""
    return _decided(db, model_id, since, limit).all()


@prepared
def _decided(model: int, since: datetime, limit: int) -> SelectOfScalar[Decision]:
    query = select(Decision).where(Decision.model_id == model, col(Decision.at) >= since)
    return query.order_by(col(Decision.at).desc(), col(Decision.id).desc()).limit(limit)


def within(model: Model) -> timedelta:
    """Return how long after a decision a version may take to come to serve."""
    seconds = model.deploys.get("within_s")
    return WITHIN if seconds is None else timedelta(seconds=seconds)


def by_hand(model: Model, row: Proposal) -> str:
    """Return the address or the command by which people carry it out, safe to open or to paste; empty without one."""
    template = str(model.deploys.get("url") or "")
    safe = partial(quote, safe="") if template.startswith(("https://", "http://")) else shlex.quote
    filled = {"{model}": model.name, "{version}": row.version, "{stage}": row.stage}
    return re.sub("|".join(map(re.escape, filled)), lambda m: safe(filled[m[0]]), template)


def moved(row: Proposal, incumbent: str | None) -> str:
    """Return `v42 → v43`, or only where it goes."""
    return " → ".join(version_label(v) for v in (incumbent, row.version) if v)
