"""Incidents in a ticket system: made once though its search lags, linked, read back, and late rather than lost."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from bot.domain import keys
from bot.domain.actions import Cause, DeclareIncident, ReopenIncident, ResolveIncident
from bot.domain.errors import TemporaryError
from bot.domain.facts import TicketFact
from bot.ingest.people import record_action
from bot.ingest.rules import Rules
from bot.ingest.tickets import record_ticket
from bot.ports import RemoteId, TicketOptions, TicketSystem
from bot.reconcile.loop import Loop, reconcile_once
from bot.sandbox.box import Sandbox
from bot.sandbox.server import running
from bot.sandbox.settings import Settings
from bot.store.database import Database
from bot.store.projection import claim, release_leases, settle_shown, touch, try_again
from bot.store.tables import Incident, Model, Projection, Ticket
from bot.tickets.poll import poll, read_back, watched
from bot.tickets.render import TicketStyle, render
from bot.tickets.surface import TicketSurface
from integrations.jira import TICKETS

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
STYLE = TicketStyle("ML", "Bug", "local", "https://acme.slack.com")
TICKET, LINK = keys.ticket(1), keys.ticket_link(1)


@dataclass
class Desk:
    """The ticket half of the bot, against the sandbox's Jira. Time stands still unless told."""

    sandbox: Sandbox
    database: Database
    tickets: TicketSystem
    loop: Loop

    def now(self) -> datetime:
        return self.sandbox.world.clock.now()

    async def declare(self, title: str = "Declines are up") -> int:
        """Open an incident whose thread stands in Slack already."""
        given = DeclareIncident(by="U01ALICE", title=title, severity="sev1", model="fraud-scorer")
        number = await self.database.write(record_action, given, self.now(), Rules())
        await self.database.write(_thread_stands, number, self.now())
        return number

    async def resolve(self, number: int, cause: Cause = Cause.UNKNOWN) -> None:
        given = ResolveIncident(incident_id=number, by="U02BOB", cause=cause, text="v41 is back")
        await self.database.write(record_action, given, self.now(), Rules())

    async def work(self) -> None:
        while await reconcile_once(self.loop):
            pass

    async def later(self, seconds: float, *, step: float = 1) -> None:
        for _ in range(int(seconds / step)):
            self.sandbox.world.clock.advance(timedelta(seconds=step))
            await self.work()

    async def read_back(self) -> None:
        await read_back(self.tickets, await self.database.read(watched, self.now()), self.store, self.now)

    async def store(self, fact: TicketFact, remote_id: RemoteId, asked: datetime) -> None:
        await self.database.write(record_ticket, fact, remote_id, asked)

    async def written(self, remote_id: RemoteId, incident_id: int) -> None:
        await read_back(self.tickets, {remote_id: incident_id}, self.store, self.now)

    def fault(self, **faults: Any) -> None:
        self.sandbox.faults.merge(faults)

    def issues(self) -> list[dict[str, Any]]:
        return list(self.sandbox.world.issues.values())

    def calls(self, method: str) -> int:
        return sum(call["method"] == method for call in self.sandbox.world.calls)

    def row(self, key: str = TICKET) -> Projection:
        return self.database.submit(lambda db: db.get_one(Projection, key)).result(10)

    def ticket(self) -> Ticket | None:
        return self.database.submit(lambda db: db.exec(select(Ticket)).first()).result(10)


def _thread_stands(db: Session, number: int, now: datetime) -> None:
    touch(db, now, keys.incident(number), urgent=True)
    row = db.get_one(Projection, keys.incident(number))
    row.remote_id, row.observed_generation = f"C02MLFRAUD:179542080{number}.000100", row.generation
    db.add(row)


@pytest.fixture
def database(database: Database) -> Database:
    database.submit(lambda db: db.add(Model(name="fraud-scorer", created_at=MONDAY, channel="#ml-fraud"))).result(10)
    return database


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with running(Settings(port=0, started=MONDAY, speed=0)) as sandbox:
        options = TicketOptions(f"{sandbox.address}/jira", "bot@acme.example", "sandbox", "ML", "Bug")
        tickets = TICKETS(options)

        def drawn(db: Session, key: str) -> Any:
            return render(db, key, STYLE)

        async def changed(remote_id: RemoteId, incident_id: int) -> None:
            await made.written(remote_id, incident_id)

        async def sleep(_span: timedelta) -> None:
            await asyncio.sleep(0)

        loop = Loop(database, TicketSurface(tickets, changed), "jira/", drawn, sandbox.world.clock.now, sleep)
        made = Desk(sandbox, database, tickets, loop)
        yield made
        await tickets.close()


@pytest.fixture
async def bob(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Bob, at the REST API."""
    base = f"{desk.sandbox.address}/jira/rest/api/3/"
    async with httpx.AsyncClient(base_url=base, auth=("bob@acme.example", "sandbox"), trust_env=False) as client:
        yield client


async def test_an_incident_gets_one_ticket_that_links_back_to_its_thread(desk: Desk) -> None:
    await desk.declare()
    await desk.later(5)

    (issue,) = desk.issues()
    assert issue["fields"]["summary"] == "INC-1 Declines are up"
    assert issue["fields"]["labels"] == ["bellwether-local-1"]
    assert issue["fields"]["priority"]["name"] == "Highest"
    (link,) = issue["remotelinks"]
    assert link["object"]["url"] == "https://acme.slack.com/archives/C02MLFRAUD/p1795420801000100"
    ticket = desk.ticket()
    assert ticket is not None
    assert (ticket.key, ticket.status) == (issue["key"], "To Do")


async def test_a_ticket_whose_answer_was_lost_is_made_once_though_the_search_lags(desk: Desk) -> None:
    desk.fault(accept_then_reset={"methods": ["POST issue"], "n": 1}, search_lag_s=100)
    await desk.declare()

    await desk.later(300)

    (issue,) = desk.issues()
    assert desk.row().remote_id == f"{issue['id']}:{issue['key']}"
    assert desk.calls("POST issue") == 1
    assert desk.calls("POST search/jql") >= 3
    assert len(issue["remotelinks"]) == 1


async def test_a_create_that_did_not_arrive_is_made_after_looking(desk: Desk) -> None:
    desk.fault(jira_error={"methods": ["POST issue"], "status": 500, "n": 1})
    await desk.declare()

    await desk.later(300)

    assert len(desk.issues()) == 1


async def test_a_process_that_died_after_creating_finds_its_ticket_again(desk: Desk) -> None:
    await desk.declare()
    await desk.later(5)
    await desk.database.write(_forget_the_answer)
    await desk.database.write(release_leases, desk.now())

    await desk.later(200)

    assert len(desk.issues()) == 1
    assert desk.row().remote_id == f"{desk.issues()[0]['id']}:{desk.issues()[0]['key']}"


def _forget_the_answer(db: Session) -> None:
    row = db.get_one(Projection, TICKET)
    row.remote_id, row.shown, row.lease, row.observed_generation = None, "", "of a dead process", 0
    db.add(row)


async def test_the_link_is_set_again_in_place_when_it_changes(desk: Desk) -> None:
    number = await desk.declare()
    await desk.later(5)
    await desk.resolve(number)
    await desk.later(30)

    (issue,) = desk.issues()
    (link,) = issue["remotelinks"]
    assert link["object"]["status"] == {"resolved": True}


async def test_a_link_that_a_crash_left_open_is_set_without_searching(desk: Desk) -> None:
    await desk.declare()
    desk.fault(jira_down={"methods": ["POST issue/remotelink"]})
    await desk.later(3)
    desk.fault(jira_down=False)
    await desk.database.write(_died_while_linking)
    await desk.database.write(release_leases, desk.now())
    await desk.later(1)

    assert len(desk.issues()[0]["remotelinks"]) == 1


def _died_while_linking(db: Session) -> None:
    row = db.get_one(Projection, LINK)
    assert row.remote_id is None
    row.lease, row.nonce, row.nonce_at = "of a dead process", "n", MONDAY
    db.add(row)


async def test_what_a_person_does_with_the_ticket_is_read_back_and_not_reverted(
    desk: Desk, bob: httpx.AsyncClient
) -> None:
    await desk.declare()
    await desk.later(5)
    await bob.post(f"issue/{desk.issues()[0]['key']}/transitions", json={"transition": {"id": "21"}})
    shown_before = desk.row(keys.incident(1)).generation

    await desk.read_back()
    await desk.later(30)

    ticket = desk.ticket()
    assert ticket is not None
    assert (ticket.status, ticket.status_category) == ("In Progress", "in_progress")
    assert desk.row(keys.incident(1)).generation > shown_before
    assert desk.issues()[0]["fields"]["status"]["name"] == "In Progress"


async def test_reading_back_what_is_known_changes_nothing(desk: Desk) -> None:
    await desk.declare()
    await desk.later(10)
    before = desk.row(keys.incident(1)).generation

    await desk.read_back()
    await desk.read_back()

    assert desk.row(keys.incident(1)).generation == before


async def test_a_resolved_incident_moves_its_ticket_to_done(desk: Desk) -> None:
    number = await desk.declare()
    await desk.later(5)
    await desk.resolve(number)
    await desk.later(30)

    assert desk.issues()[0]["fields"]["status"]["name"] == "Done"
    ticket = desk.ticket()
    assert ticket is not None
    assert ticket.closed_at is not None


@pytest.mark.parametrize("by_hand", [False, True], ids=["closed by us", "closed by hand"])
async def test_a_ticket_that_a_person_takes_out_of_done_is_not_put_back_by_later_news(
    desk: Desk, bob: httpx.AsyncClient, by_hand: bool
) -> None:
    number = await desk.declare()
    await desk.later(5)
    where = f"issue/{desk.issues()[0]['key']}/transitions"
    if by_hand:
        await bob.post(where, json={"transition": {"id": "31"}})
        await desk.read_back()
        await desk.later(5)
    await desk.resolve(number)
    await desk.later(30)
    await bob.post(where, json={"transition": {"id": "21"}})
    await desk.read_back()
    await desk.later(30)

    await desk.resolve(number, cause=Cause.DATA_UPSTREAM)
    await desk.later(30)

    assert "data upstream" in str(desk.issues()[0]["fields"]["description"])
    assert desk.issues()[0]["fields"]["status"]["name"] == "In Progress"


async def test_a_ticket_that_was_taken_out_of_done_is_closed_again_with_its_incident(
    desk: Desk, bob: httpx.AsyncClient
) -> None:
    number = await desk.declare()
    await desk.later(5)
    await desk.resolve(number)
    await desk.later(30)
    await bob.post(f"issue/{desk.issues()[0]['key']}/transitions", json={"transition": {"id": "21"}})
    await desk.read_back()
    await desk.database.write(record_action, ReopenIncident(incident_id=number, by="U02BOB"), desk.now(), Rules())
    await desk.later(30)

    await desk.resolve(number)
    await desk.later(30)

    assert desk.issues()[0]["fields"]["status"]["name"] == "Done"


async def test_the_incident_opens_while_jira_is_down_and_the_ticket_follows(desk: Desk) -> None:
    desk.fault(jira_down=True)
    number = await desk.declare()
    await desk.later(600, step=10)
    opened = (await desk.database.read(lambda db: db.get_one(Incident, number))).status
    nothing, why = desk.issues(), desk.row().error
    desk.fault(jira_down=False)
    await desk.later(310, step=5)

    assert (opened, nothing) == ("investigating", [])
    assert "503" in why
    assert len(desk.issues()) == 1
    assert desk.row().error == ""
    assert len(desk.issues()[0]["remotelinks"]) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_jira_that_refuses_us_says_so_and_gets_its_ticket_when_somebody_mended_that(
    desk: Desk, status: int
) -> None:
    desk.fault(jira_error={"status": status})
    await desk.declare()
    await desk.later(600, step=10)
    nothing, why = desk.issues(), desk.row().error
    desk.fault(jira_error=False)
    await desk.later(310, step=5)

    assert nothing == []
    assert f"({status})" in why
    assert len(desk.issues()) == 1
    assert desk.row().error == ""


async def test_a_jira_that_asks_to_wait_is_given_that_time_without_a_word_of_trouble(desk: Desk) -> None:
    desk.fault(jira_rate_limit={"methods": ["POST issue"], "n": 1, "retry_after": 20})
    await desk.declare()
    await desk.later(18)
    meanwhile, tries = desk.row().error, desk.calls("POST issue")
    await desk.later(10)

    assert (meanwhile, tries) == ("", 1)
    assert len(desk.issues()) == 1


async def test_what_was_refused_is_tried_again_when_somebody_may_have_mended_it(desk: Desk) -> None:
    desk.fault(jira_error={"status": 400, "message": "Team is required.", "methods": ["POST issue"]})
    await desk.declare()
    await desk.later(5)
    why = desk.row().error
    desk.fault(jira_error=False)
    await desk.later(5)
    nothing = desk.issues()

    await desk.database.write(try_again, desk.now(), "jira/")
    await desk.later(5)

    assert "Team is required" in why
    assert nothing == []
    assert len(desk.issues()) == 1


async def test_a_ticket_that_a_person_deleted_is_made_anew_with_the_next_news(
    desk: Desk, bob: httpx.AsyncClient
) -> None:
    number = await desk.declare()
    await desk.later(5)
    desk.sandbox.world.issues.clear()
    await desk.resolve(number)

    await desk.later(60)

    assert len(desk.issues()) == 1
    assert desk.row().remote_id == f"{desk.issues()[0]['id']}:{desk.issues()[0]['key']}"


async def test_tickets_of_incidents_that_ended_long_ago_are_not_read_any_more(desk: Desk) -> None:
    number = await desk.declare()
    await desk.later(5)
    await desk.resolve(number)
    await desk.later(30)

    soon = await desk.database.read(watched, desk.now() + timedelta(days=6))
    late = await desk.database.read(watched, desk.now() + timedelta(days=8))

    assert (list(soon.values()), late) == ([1], {})


async def test_what_is_asked_for_does_not_grow_with_the_tickets_that_there_ever_were(desk: Desk) -> None:
    def values(db: Session) -> list[int]:
        """Return how many values go to the database: it takes 32,767 in one statement."""
        sent: list[int] = []
        event.listen(db.connection(), "before_cursor_execute", lambda *given: sent.append(len(given[3])))
        watched(db, desk.now())
        return sent

    none = await desk.database.read(values)
    for _ in range(9):
        number = await desk.declare()
        await desk.later(5)
        await desk.resolve(number)

    nine = await desk.database.read(values)

    assert len(desk.issues()) == 9
    assert none == nine


class Rounds:
    """Polls a few rounds and notes what was told; `fails` says what happens in a round."""

    def __init__(self, desk: Desk, fails: Sequence[Exception | None]) -> None:
        self.desk, self.fails, self.round = desk, fails, 0
        self.told: list[str] = []
        self.over = asyncio.Event()

    async def read(self, _tickets: Mapping[RemoteId, int]) -> Sequence[TicketFact]:
        if (failure := self.fails[min(self.round, len(self.fails) - 1)]) is not None:
            raise failure
        return ()

    async def notice(self, state: str) -> None:
        self.told.append(state)

    async def sleep(self, _span: timedelta) -> None:
        self.round += 1
        if self.round >= len(self.fails):
            self.over.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    async def run(self) -> list[str]:
        tickets: Any = self
        now, every = self.desk.now, 30 * SECOND
        work = poll(
            tickets,
            self.desk.database,
            self.desk.store,
            now=now,
            sleep=self.sleep,
            every=every,
            notice=self.notice,
        )
        polling = asyncio.create_task(work)
        async with asyncio.timeout(10):
            await self.over.wait()
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        return self.told


async def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.declare()
    await desk.later(5)
    down = TemporaryError("503", SECOND)
    caplog.set_level("INFO", "bot.tickets.poll")

    told = await Rounds(desk, [None, down, down, down, None]).run()

    assert told == ["connected", "down", "down", "down", "connected"]
    said = [record.message for record in caplog.records if record.name == "bot.tickets.poll"]
    assert said == ["ticket system cannot be used", "ticket system is back"]


@pytest.mark.parametrize(("fault", "told"), [({}, "connected"), ({"jira_error": {"status": 401}}, "down")])
async def test_without_a_ticket_to_read_jira_is_asked_whether_it_would_take_one(
    desk: Desk, fault: dict[str, Any], told: str
) -> None:
    desk.fault(**fault)
    heard: asyncio.Queue[str] = asyncio.Queue()
    asked = poll(
        desk.tickets,
        desk.database,
        desk.store,
        now=desk.now,
        sleep=lambda _span: asyncio.Event().wait(),
        every=SECOND,
        notice=heard.put,
    )
    polling = asyncio.create_task(asked)

    async with asyncio.timeout(10):
        first = await heard.get()
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)

    assert first == told


async def test_reading_back_goes_on_after_a_bug(desk: Desk) -> None:
    await desk.declare()
    await desk.later(5)

    told = await Rounds(desk, [None, KeyError("status"), None]).run()

    assert told[0] == told[-1] == "connected"


async def test_a_thread_that_is_made_anew_takes_the_place_of_the_old_one_in_the_link(desk: Desk) -> None:
    number = await desk.declare()
    await desk.later(5)
    await desk.database.write(_thread_moved, number, desk.now())
    await desk.later(30)

    (link,) = desk.issues()[0]["remotelinks"]
    assert "1795420999" in link["object"]["url"]


def _thread_moved(db: Session, number: int, now: datetime) -> None:
    touch(db, now, keys.incident(number), urgent=True)
    held = claim(db, now, keys.incident(number), in_flight=[k for k in keys.incident_keys(number) if "/" in k[15:]])
    assert held is not None
    settle_shown(db, now, held, remote_id="C02MLFRAUD:1795420999.000100", shown="d")
