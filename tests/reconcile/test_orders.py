"""Whatever happens between a decision and its deployer, one run comes of it; or none, once nobody waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain import keys
from bot.domain.errors import PermanentError, TemporaryError, UncertainError
from bot.ingest.outcomes import note_ordered
from bot.ports import Order, RemoteId
from bot.reconcile.loop import Loop, reconcile_once
from bot.reconcile.orders import DeploySurface, render
from bot.store.database import Database
from bot.store.projection import LEASE, touch
from bot.store.tables import Model, Projection, Proposal

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = keys.order("cd", 1)


class Died(BaseException):
    """The process ended here."""


@dataclass
class Pipeline:
    """A deployer: each order has one run, whoever sends it how often. `trouble` is what happens to the next orders."""

    finds: bool = False
    look_again: Sequence[timedelta] = ()
    runs: dict[str, Order] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    trouble: list[BaseException] = field(default_factory=list)
    after: list[BaseException] = field(default_factory=list)
    """What happens once the order got through."""

    async def find(self, order: Order) -> RemoteId | None:
        return RemoteId(order.key) if self.finds and order.key in self.runs else None

    async def deploy(self, order: Order) -> RemoteId:
        if self.trouble:
            raise self.trouble.pop(0)
        self.sent.append(order.key)
        self.runs[order.key] = order
        if self.after:
            raise self.after.pop(0)
        return RemoteId(order.key)

    async def check(self) -> str | None:
        return None

    async def close(self) -> None:
        pass


class Company:
    """A decision in the database, and the loop that hands it over."""

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self.database, self.pipeline, self.now = database, pipeline, START
        self.dies_when_told = False

    async def ordered(self, number: int, run: RemoteId) -> None:
        if self.dies_when_told:
            raise Died
        await self.database.write(note_ordered, number, run, self.now)

    async def work(self) -> None:
        """Do what is due, as a process that may die meanwhile."""
        loop = Loop(
            self.database,
            DeploySurface(self.pipeline, self.ordered),
            keys.orders("cd"),
            lambda db, key: render(db, key, "main"),
            lambda: self.now,
            lambda _: pytest.fail("nothing waits here"),
        )
        try:
            while await reconcile_once(loop):
                pass
        except Died:
            self.dies_when_told = False

    async def later(self, span: timedelta = LEASE + timedelta(minutes=1)) -> None:
        self.now += span
        await self.work()

    async def row(self) -> Proposal:
        return await self.database.read(lambda db: db.get_one(Proposal, 1))

    async def write(self, **values: Any) -> None:
        def change(db: Any) -> None:
            row = db.get_one(Proposal, 1)
            for name, value in values.items():
                setattr(row, name, value)
            db.add(row)
            touch(db, self.now, KEY)

        await self.database.write(change)


@pytest.fixture
async def company(database: Database) -> Company:
    def decided(db: Any) -> None:
        db.add(Model(name="fraud-scorer", created_at=START))
        db.flush()
        given = {"asked_by": "U01ALICE", "asked_at": START, "decided_by": "U03DANA", "decided_at": START}
        given |= {"status": "approved", "deployer": "cd", "channel": "#ml-leads", "previous_version": "42"}
        db.add(Proposal(model_id=1, kind="promote", version="43", stage="production", **given))
        db.flush()
        touch(db, START, KEY, urgent=True)

    await database.write(decided)
    return Company(database, Pipeline())


async def test_a_decision_is_ordered_once_and_its_run_written_down(company: Company) -> None:
    await company.work()
    await company.write()
    await company.later()

    (order,) = company.pipeline.runs.values()
    assert (order.model, order.version, order.previous_version, order.stage) == (
        "fraud-scorer",
        "43",
        "42",
        "production",
    )
    assert company.pipeline.sent == [order.key]
    assert (await company.row()).run == order.key


@pytest.mark.parametrize("finds", [False, True])
async def test_a_crash_after_the_order_got_through_makes_no_second_run(company: Company, finds: bool) -> None:
    company.pipeline.finds, company.dies_when_told = finds, True
    await company.work()
    forgotten = (await company.row()).run

    await company.later()

    assert forgotten is None
    assert len(company.pipeline.runs) == 1
    assert len(company.pipeline.sent) == (1 if finds else 2)
    assert (await company.row()).run in company.pipeline.runs


async def test_an_order_of_which_nobody_knows_is_looked_for_before_it_is_sent_again(company: Company) -> None:
    company.pipeline.finds = True
    company.pipeline.after = [UncertainError("no answer", timedelta(seconds=5))]

    await company.work()
    await company.later()

    assert len(company.pipeline.sent) == 1
    assert (await company.row()).run is not None


async def test_a_pipeline_that_is_away_gets_its_order_when_it_is_back(company: Company) -> None:
    company.pipeline.trouble = [TemporaryError("refused", timedelta(seconds=5))]

    await company.work()
    before = list(company.pipeline.sent)
    await company.later()

    assert before == []
    assert len(company.pipeline.sent) == 1


async def test_what_is_refused_is_not_sent_again_by_itself(company: Company) -> None:
    company.pipeline.trouble = [PermanentError("no such model")]

    await company.work()
    await company.later(timedelta(hours=1))

    row = await company.database.read(lambda db: db.get_one(Projection, KEY))
    assert (company.pipeline.sent, row.error) == ([], "no such model")


@pytest.mark.parametrize("meanwhile", [{"late_at": START}, {"deployed_at": START}, {"status": "rejected"}])
async def test_what_nobody_waits_for_any_more_is_not_ordered(company: Company, meanwhile: dict[str, Any]) -> None:
    company.pipeline.trouble = [TemporaryError("refused", timedelta(seconds=5))]
    await company.work()

    await company.write(**meanwhile)
    await company.later(timedelta(hours=1))

    assert company.pipeline.runs == {}


async def test_what_was_ordered_is_left_alone_whatever_becomes_of_it(company: Company) -> None:
    await company.work()

    await company.write(late_at=START, reason="other words")
    await company.later(timedelta(hours=1))

    assert len(company.pipeline.sent) == 1
