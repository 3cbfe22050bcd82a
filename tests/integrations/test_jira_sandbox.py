"""Jira as the sandbox plays it: people edit, the index lags, answers get lost."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.errors import GoneError, NoBudget, UncertainError
from bot.domain.facts import StatusCategory
from bot.ports import RemoteId, TicketLink, TicketOptions, TicketSystem, TicketView
from bot.sandbox.box import Sandbox
from bot.sandbox.server import running
from bot.sandbox.settings import Settings
from integrations.jira import TICKETS, adf

VIEW = TicketView(
    project="ML",
    issue_type="Bug",
    summary="fraud-scorer rejects 4 % more card payments",
    paragraphs=("Since 12:04 UTC.", "Lead: Bob."),
    label="bellwether-local-42",
)
LINK = TicketLink(global_id="slack:T1:C1:1.2", url="https://acme.slack.com/archives/C1/p12", title="INC-42")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running(Settings(port=0)) as box:
        yield box


@pytest.fixture
def options(sandbox: Sandbox) -> TicketOptions:
    return TicketOptions(
        url=f"{sandbox.address}/jira", user="bot@acme.example", token="sandbox", project="ML", issue_type="Bug"
    )


@pytest.fixture
async def jira(options: TicketOptions) -> AsyncIterator[TicketSystem]:
    tickets = TICKETS(options)
    yield tickets
    await tickets.close()


@pytest.fixture
async def bob(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """Bob, at the REST API."""
    base = f"{sandbox.address}/jira/rest/api/3/"
    async with httpx.AsyncClient(base_url=base, auth=("bob@acme.example", "sandbox"), trust_env=False) as client:
        yield client


def _issue(sandbox: Sandbox, remote_id: RemoteId) -> dict[str, Any]:
    return sandbox.world.issues[remote_id.partition(":")[2]]


def _texts(issue: dict[str, Any]) -> list[str]:
    return [adf.plain(block) for block in issue["fields"]["description"]["content"]]


async def test_a_ticket_lives_through_an_incident(sandbox: Sandbox, jira: TicketSystem, bob: httpx.AsyncClient) -> None:
    remote_id = await jira.create(VIEW, key="jira/incident/42", nonce="n1")
    await jira.link(remote_id, LINK)
    issue = _issue(sandbox, remote_id)
    await bob.put(
        f"issue/{issue['key']}",
        json={
            "fields": {"summary": "Card payments: rejections up", "labels": ["payments", *issue["fields"]["labels"]]}
        },
    )

    await jira.update(remote_id, replace(VIEW, category=StatusCategory.IN_PROGRESS))
    (working,) = await jira.read({remote_id: 42})
    done = replace(VIEW, summary="INC-42 resolved", paragraphs=("All good.",), category=StatusCategory.DONE)
    await jira.update(remote_id, done)
    await jira.link(remote_id, replace(LINK, resolved=True))
    (closed,) = await jira.read({remote_id: 42})

    assert (working.incident_id, working.category) == (42, StatusCategory.IN_PROGRESS)
    assert closed.category is StatusCategory.DONE
    assert closed.summary == "Card payments: rejections up"
    assert closed.url == f"{sandbox.address}/jira/browse/{issue['key']}"
    assert _texts(issue) == ["All good."]
    assert issue["fields"]["labels"] == ["bellwether-local-42", "payments"]
    assert [link["object"]["status"] for link in issue["remotelinks"]] == [{"resolved": True}]
    assert issue["properties"]["bellwether"]["key"] == "jira/incident/42"


async def test_a_ticket_that_a_person_closed_stays_closed(
    sandbox: Sandbox, jira: TicketSystem, bob: httpx.AsyncClient
) -> None:
    remote_id = await jira.create(VIEW, key="k", nonce="n1")
    await bob.post(f"issue/{remote_id.partition(':')[0]}/transitions", json={"transition": {"id": "31"}})
    (closed,) = await jira.read({remote_id: 42})

    await jira.update(remote_id, replace(VIEW, paragraphs=("News.",)))

    assert closed.category is StatusCategory.DONE
    assert _issue(sandbox, remote_id)["fields"]["status"]["name"] == "Done"
    assert _texts(_issue(sandbox, remote_id)) == ["News."]


async def test_an_update_that_changes_nothing_makes_one_read_and_no_write(sandbox: Sandbox, jira: TicketSystem) -> None:
    remote_id = await jira.create(VIEW, key="k", nonce="n1")
    sandbox.world.calls.clear()

    await jira.update(remote_id, VIEW)

    assert [call["method"] for call in sandbox.world.calls] == ["GET issue"]


async def test_a_create_whose_answer_was_lost_is_found_before_the_index_knows_it(
    sandbox: Sandbox, jira: TicketSystem
) -> None:
    for n in range(3):
        await jira.create(replace(VIEW, label=f"bellwether-local-{n}"), key="k", nonce=f"old{n}")
    sandbox.world.clock.advance(timedelta(minutes=5))
    sandbox.faults.merge({"accept_then_reset": {"methods": ["POST issue"], "n": 1}, "search_lag_s": 120})

    with pytest.raises(UncertainError):
        await jira.create(VIEW, key="k", nonce="n1")
    at_once = await jira.find(VIEW, "n1")
    sandbox.world.clock.advance(timedelta(minutes=5))
    later = await jira.find(VIEW, "n1")

    assert at_once == later
    assert at_once is not None
    assert at_once.partition(":")[2] in sandbox.world.issues
    assert await jira.find(VIEW, "another") is None
    assert len([call for call in sandbox.world.calls if call["method"] == "POST issue"]) == 4


async def test_reading_is_fresh_although_the_index_lags(
    sandbox: Sandbox, jira: TicketSystem, bob: httpx.AsyncClient
) -> None:
    remote_id = await jira.create(VIEW, key="k", nonce="n1")
    sandbox.world.clock.advance(timedelta(minutes=5))
    sandbox.faults.merge({"search_lag_s": 120})
    await bob.post(f"issue/{remote_id.partition(':')[0]}/transitions", json={"transition": {"id": "31"}})

    (fact,) = await jira.read({remote_id: 42})

    assert fact.category is StatusCategory.DONE


async def test_sixty_tickets_are_read_and_the_deleted_ones_left_out(sandbox: Sandbox, jira: TicketSystem) -> None:
    remote_ids = [await jira.create(VIEW, key=f"k{n}", nonce=f"n{n}") for n in range(60)]
    del sandbox.world.issues[remote_ids[7].partition(":")[2]]

    facts = await jira.read({remote_id: n for n, remote_id in enumerate(remote_ids)})

    assert sorted(fact.incident_id for fact in facts) == [n for n in range(60) if n != 7]


async def test_a_deleted_ticket_is_gone(sandbox: Sandbox, jira: TicketSystem) -> None:
    remote_id = await jira.create(VIEW, key="k", nonce="n1")
    sandbox.world.issues.clear()

    with pytest.raises(GoneError):
        await jira.update(remote_id, VIEW)


async def test_a_priority_that_jira_does_not_know_is_left_out(sandbox: Sandbox, jira: TicketSystem) -> None:
    remote_id = await jira.create(replace(VIEW, priority="Cosmic"), key="k", nonce="n1")

    assert _issue(sandbox, remote_id)["fields"]["priority"]["name"] == "Medium"


async def test_a_limit_is_waited_for_as_long_as_jira_asks(sandbox: Sandbox, jira: TicketSystem) -> None:
    sandbox.faults.merge({"jira_rate_limit": {"n": 1, "retry_after": 42}})

    with pytest.raises(NoBudget, match="jira-burst-based") as caught:
        await jira.create(VIEW, key="k", nonce="n1")

    assert caught.value.after == timedelta(seconds=42)
    assert sandbox.world.issues == {}


async def test_check_is_content_or_says_what_is_wrong(sandbox: Sandbox, options: TicketOptions) -> None:
    wrong = {
        "": options,
        "does not accept the credentials of bot@acme.example": replace(options, token="old"),
        "no project 'XX'": replace(options, project="XX"),
        "has no issue type 'Incident', but: ": replace(options, issue_type="Incident"),
        "is JIRA_URL right?": replace(options, url=sandbox.address),
    }
    for words, setting in wrong.items():
        tickets = TICKETS(setting)
        trouble = await tickets.check()
        await tickets.close()
        assert (words in str(trouble)) if words else (trouble is None), (words, trouble)
    sandbox.faults.merge({"jira_down": True})
    tickets = TICKETS(options)
    assert "503" in str(await tickets.check())
    await tickets.close()
