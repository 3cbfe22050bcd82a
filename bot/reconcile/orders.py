"""What people decided, handed to whoever deploys: an approved proposal as an order, a deployer as a Surface.

An order is sent once and never changed, because what it began cannot be edited.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.domain.proposals import ProposalStatus
from bot.ports import Body, Deployer, Order, RemoteId, Work
from bot.reconcile.loop import RECOVERED
from bot.store.queries.directory import name_of
from bot.store.tables import Model, Proposal

Ordered = Callable[[int, RemoteId], Awaitable[None]]
"""Called with a proposal's number, and how the deployer calls what its order began; perhaps twice."""


def render(db: Session, key: str, instance: str) -> Body | None:
    """Return the order `deploy/<deployer>/proposal/<n>`; None when there is none, or it is not to be sent any more.

    What came to serve otherwise needs no order. What could not be ordered in time is not ordered at all: nobody
    expects it any more, and people were told so.
    """
    _, deployer, _, number = key.split("/")
    row = db.get(Proposal, int(number))
    if row is None or row.status != ProposalStatus.APPROVED or row.deployer != deployer or row.decided_at is None:
        return None
    if row.run is None and (row.deployed_at or row.late_at):
        return None
    by = row.decided_by or row.asked_by
    return Body(
        {
            "key": f"bellwether-{instance}-proposal-{row.id}-{int(row.decided_at.timestamp())}",
            "kind": row.kind,
            "model": db.get_one(Model, row.model_id).name,
            "version": row.version,
            "previous_version": row.previous_version,
            "stage": row.stage,
            "decided_by": name_of(db, by) or by,
            "decided_at": row.decided_at.isoformat(),
            "reason": row.reason,
        }
    )


@dataclass(frozen=True)
class DeploySurface:
    """Adapts DEPLOYER to what the loop drives."""

    deployer: Deployer
    ordered: Ordered

    @property
    def look_again(self) -> Sequence[timedelta]:
        """The deployer's own pauses."""
        return self.deployer.look_again

    async def find(self, work: Work) -> RemoteId | None:
        """Return what an order began of which nobody knew whether it arrived."""
        found = await self.deployer.find(_order(work.body))
        if found is not None:
            RECOVERED.labels("deploy").inc()
            await self.ordered(_number(work.key), found)
        return found

    async def create(self, work: Work) -> RemoteId:
        """Send the order."""
        run = await self.deployer.deploy(_order(work.body))
        await self.ordered(_number(work.key), run)
        return run

    async def update(self, work: Work, remote_id: RemoteId) -> RemoteId:
        """Leave it as it is: a model or a person is called otherwise now, that is all."""
        return remote_id


def _order(body: Body) -> Order:
    fields: dict[str, Any] = dict(body.content)
    return Order(**fields | {"decided_at": datetime.fromisoformat(fields["decided_at"])})


def _number(key: str) -> int:
    return int(key.rpartition("/")[2])
