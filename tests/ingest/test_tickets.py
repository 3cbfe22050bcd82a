"""What people do in the ticket system is read back, shown, and never reverted."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.actions import ReopenIncident, ResolveIncident
from bot.domain.facts import StatusCategory, TicketFact
from bot.store.tables import Ticket

FACT = TicketFact(
    incident_id=1,
    key="ML-431",
    url="https://jira.example.com/browse/ML-431",
    status="To Do",
    category=StatusCategory.TODO,
    summary="fraud-scorer: NullRate",
    priority="High",
)


@pytest.fixture
def opened(world: Any) -> Any:
    world.record(world.alert(kind="hard"))
    world.ticket(FACT)
    world.draw()
    return world


def test_a_ticket_stands_on_the_card_and_in_the_thread(opened: Any) -> None:
    assert "ML-431" in opened.says("slack/incident/1")
    assert "To Do" in opened.says("slack/incident/1/ticket")


def test_a_ticket_that_says_the_same_changes_nothing(opened: Any) -> None:
    before = opened.generations()

    assert not opened.ticket(FACT)

    assert opened.generations() == before


@pytest.mark.parametrize(
    "moved",
    [
        {"status": "In Arbeit", "category": StatusCategory.IN_PROGRESS},
        {"summary": "Card payments: rejections up"},
        {"priority": "Lowest"},
        {"assignee": "alice"},
        {"key": "RISK-9"},
    ],
)
def test_what_a_person_changes_there_is_shown_here(opened: Any, moved: dict[str, Any]) -> None:
    assert opened.ticket(replace(FACT, **moved))
    opened.draw()

    word = next(v for k, v in moved.items() if k != "category")
    assert word in opened.says("slack/incident/1/ticket")


def test_a_ticket_is_closed_as_long_as_it_is_done(opened: Any) -> None:
    done = replace(FACT, status="Done", category=StatusCategory.DONE)
    opened.later(minutes=5)
    opened.ticket(done)
    first = opened.row(Ticket).closed_at
    opened.later(minutes=5)
    opened.ticket(replace(done, priority="Low"))
    assert opened.row(Ticket).closed_at == first

    opened.ticket(FACT)

    assert opened.row(Ticket).closed_at is None


def test_a_ticket_that_a_person_finished_leaves_the_incident_open(opened: Any) -> None:
    opened.ticket(replace(FACT, status="Done", category=StatusCategory.DONE))
    opened.draw()

    assert opened.incident().status == "investigating"
    assert opened.says("jira/incident/1").count('"category": null') == 1


def test_what_was_read_before_is_not_stored_over_what_was_read_later(opened: Any) -> None:
    done = replace(FACT, status="Done", category=StatusCategory.DONE)
    opened.later(minutes=1)
    opened.ticket(done)

    opened.later(minutes=-1)
    older = opened.ticket(replace(FACT, status="In Progress", category=StatusCategory.IN_PROGRESS))

    assert not older
    assert opened.row(Ticket).status == "Done"


def test_only_a_ticket_that_was_open_until_its_incident_ended_is_opened_again_with_it(opened: Any) -> None:
    done = replace(FACT, status="Done", category=StatusCategory.DONE)
    opened.act(ResolveIncident(incident_id=1, by="U02BOB"))
    opened.later(minutes=1)
    opened.ticket(done)

    assert opened.row(Ticket).closed_by_us

    opened.later(minutes=1)
    opened.act(ReopenIncident(incident_id=1, by="U02BOB"))
    opened.ticket(FACT)
    opened.later(minutes=1)
    opened.ticket(done)

    assert not opened.row(Ticket).closed_by_us


def test_a_ticket_that_a_person_closed_is_not_ours_because_its_priority_changes_later(opened: Any) -> None:
    done = replace(FACT, status="Done", category=StatusCategory.DONE)
    opened.later(minutes=1)
    opened.ticket(done)
    opened.act(ResolveIncident(incident_id=1, by="U02BOB"))
    opened.later(minutes=1)

    opened.ticket(replace(done, priority="Low"))

    assert not opened.row(Ticket).closed_by_us


def test_a_ticket_of_an_unknown_incident_is_left_alone(opened: Any) -> None:
    assert not opened.ticket(replace(FACT, incident_id=9))

    assert len(opened.rows(Ticket)) == 1
