"""Jira on the wire: what we send, what its answers mean, and whose words a ticket keeps."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from benchmarks.programs import free_port
from bot.domain.errors import (
    ConfigError,
    GoneError,
    NoBudget,
    OutboundError,
    PermanentError,
    TemporaryError,
    UncertainError,
)
from bot.domain.facts import StatusCategory, TicketFact
from bot.ports import RemoteId, TicketLink, TicketOptions, TicketView
from integrations.jira import TICKETS, adf
from integrations.jira.tickets import JiraTickets

SITE = "https://acme.atlassian.net"
API = f"{SITE}/rest/api/3"
OPTIONS = TicketOptions(url=SITE, user="bot@acme.example", token="s3cret", project="ML", issue_type="Bug")
VIEW = TicketView(
    project="ML",
    issue_type="Bug",
    summary="fraud-scorer rejects 4 % more card payments",
    paragraphs=("Since 12:04 UTC.", "Thread: https://acme.slack.com/archives/C1/p1."),
    label="bellwether-prod-42",
    priority="High",
)
ML_431 = RemoteId("10001:ML-431")
STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Won't do": "done"}


@pytest.fixture
async def jira() -> AsyncIterator[JiraTickets]:
    tickets = JiraTickets(OPTIONS)
    yield tickets
    await tickets.close()


@pytest.fixture
def wire() -> Any:
    with respx.mock(base_url=API, assert_all_called=False) as router:
        yield router


class FakeIssue:
    """One issue as Jira keeps it, so that a person can edit it between our edits."""

    def __init__(self, wire: respx.MockRouter, *, status: str = "To Do") -> None:
        self.fields: dict[str, Any] = {"labels": []}
        self.properties: dict[str, Any] = {}
        self.status = status
        self.ways = {"11": "To Do", "21": "In Progress", "31": "Done"}
        self.asks: dict[str, dict[str, Any]] = {}
        self.puts: list[dict[str, Any]] = []
        self.moves: list[dict[str, Any]] = []
        wire.post("/issue").mock(side_effect=self._create)
        wire.get("/issue/10001").mock(side_effect=self._get)
        wire.put("/issue/10001").mock(side_effect=self._put)
        wire.get("/issue/10001/transitions").mock(side_effect=self._ways)
        wire.post("/issue/10001/transitions").mock(side_effect=self._move)

    def _create(self, request: httpx.Request) -> httpx.Response:
        self._take(json.loads(request.content))
        return httpx.Response(201, json={"id": "10001", "key": "ML-431", "self": f"{API}/issue/10001"})

    def _get(self, request: httpx.Request) -> httpx.Response:
        fields = {**self.fields, "status": _status(self.status)}
        return httpx.Response(
            200, json={"id": "10001", "key": "ML-431", "fields": fields, "properties": self.properties}
        )

    def _put(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.puts.append(body)
        self._take(body)
        return httpx.Response(204)

    def _take(self, body: dict[str, Any]) -> None:
        self.fields |= body.get("fields", {})
        for change in body.get("update", {}).get("labels", []):
            self.fields["labels"] = [*self.fields["labels"], change["add"]]
        self.properties |= {p["key"]: p["value"] for p in body.get("properties", [])}

    def _ways(self, request: httpx.Request) -> httpx.Response:
        ways = [
            {"id": i, "name": f"go {i}", "to": _status(to), "fields": self.asks.get(i, {})}
            for i, to in self.ways.items()
        ]
        return httpx.Response(200, json={"transitions": ways})

    def _move(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.moves.append(body)
        self.status = self.ways[body["transition"]["id"]]
        return httpx.Response(204)


def _status(name: str) -> dict[str, Any]:
    return {"name": name, "statusCategory": {"key": STATUSES[name]}}


def _found(*issues: dict[str, Any], token: str | None = None) -> httpx.Response:
    page = {"issues": list(issues), "isLast": token is None}
    return httpx.Response(200, json=page if token is None else page | {"nextPageToken": token})


def _sent(route: respx.Route, n: int = -1) -> Any:
    return json.loads(route.calls[n].request.content)


# What we send


async def test_create_stamps_label_and_property_in_one_call(jira: JiraTickets, wire: respx.MockRouter) -> None:
    route = wire.post("/issue").respond(201, json={"id": "10001", "key": "ML-431"})

    remote_id = await jira.create(VIEW, key="jira/incident/42", nonce="n1")

    assert remote_id == "10001:ML-431"
    url = "https://acme.slack.com/archives/C1/p1"
    assert _sent(route) == {
        "fields": {
            "project": {"key": "ML"},
            "issuetype": {"name": "Bug"},
            "summary": "fraud-scorer rejects 4 % more card payments",
            "description": {
                "type": "doc",
                "version": 1,
                "content": [
                    {"type": "paragraph", "content": [{"type": "text", "text": "Since 12:04 UTC."}]},
                    {
                        "type": "paragraph",
                        "content": [
                            {"type": "text", "text": "Thread: "},
                            {
                                "type": "text",
                                "text": url,
                                "marks": [{"type": "link", "attrs": {"href": url}}],
                            },
                            {"type": "text", "text": "."},
                        ],
                    },
                ],
            },
            "labels": ["bellwether-prod-42"],
            "priority": {"name": "High"},
        },
        "properties": [
            {
                "key": "bellwether",
                "value": {
                    "nonce": "n1",
                    "key": "jira/incident/42",
                    "wrote": {"summary": VIEW.summary, "blocks": 2, "digest": "caf7d6e0e570faef"},
                },
            }
        ],
    }
    request = route.calls[0].request
    assert request.headers["authorization"] == "Basic Ym90QGFjbWUuZXhhbXBsZTpzM2NyZXQ="


async def test_a_long_summary_becomes_one_line_of_255(jira: JiraTickets, wire: respx.MockRouter) -> None:
    route = wire.post("/issue").respond(201, json={"id": "1", "key": "ML-1"})

    await jira.create(replace(VIEW, summary="two\nlines\x00 " + "x" * 300), key="k", nonce="n")

    summary = _sent(route)["fields"]["summary"]
    assert summary.startswith("two lines xxx")
    assert len(summary) == 255
    assert summary.endswith("…")


async def test_optional_fields_that_the_screen_lacks_are_left_out(jira: JiraTickets, wire: respx.MockRouter) -> None:
    refusal = {
        "errorMessages": [],
        "errors": {"priority": "Field 'priority' cannot be set. It is not on the screen."},
    }
    route = wire.post("/issue")
    route.side_effect = [
        httpx.Response(400, json=refusal),
        httpx.Response(201, json={"id": "1", "key": "ML-1"}),
    ]

    assert await jira.create(VIEW, key="k", nonce="n") == "1:ML-1"

    assert "priority" not in _sent(route)["fields"]
    assert _sent(route)["fields"]["labels"] == ["bellwether-prod-42"]


async def test_a_new_ticket_goes_straight_to_the_status_asked_for(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)

    await jira.create(replace(VIEW, category=StatusCategory.DONE), key="k", nonce="n")

    assert issue.status == "Done"


async def test_a_new_ticket_that_can_not_be_moved_is_still_ours(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)
    issue.ways = {}

    remote_id = await jira.create(replace(VIEW, category=StatusCategory.DONE), key="k", nonce="n")

    assert remote_id == ML_431


async def test_link_is_an_upsert_by_global_id(jira: JiraTickets, wire: respx.MockRouter) -> None:
    route = wire.post("/issue/10001/remotelink").respond(200, json={"id": 1})

    await jira.link(ML_431, TicketLink(global_id="slack:T1:C1:1.2", url="https://s/1", title="INC-42", resolved=True))

    assert _sent(route) == {
        "globalId": "slack:T1:C1:1.2",
        "application": {"type": "com.bellwether", "name": "Bellwether"},
        "relationship": "discussed in",
        "object": {"url": "https://s/1", "title": "INC-42", "status": {"resolved": True}},
    }


# Finding again


async def test_find_trusts_the_property_and_not_the_label(jira: JiraTickets, wire: respx.MockRouter) -> None:
    search = wire.post("/search/jql").mock(
        return_value=_found({"id": "1", "key": "ML-1"}, {"id": "2", "key": "ML-2"}, {"id": "3", "key": "ML-3"})
    )
    wire.get("/issue/1/properties/bellwether").respond(404, json={"errorMessages": ["no such property"]})
    wire.get("/issue/2/properties/bellwether").respond(200, json={"key": "bellwether", "value": {"nonce": "old"}})
    wire.get("/issue/3/properties/bellwether").respond(200, json={"key": "bellwether", "value": {"nonce": "n1"}})

    assert await jira.find(VIEW, "n1") == "3:ML-3"

    assert _sent(search)["jql"] == 'labels = "bellwether-prod-42" ORDER BY created ASC'


async def test_find_reads_the_newest_by_key_because_the_index_lags(jira: JiraTickets, wire: respx.MockRouter) -> None:
    wire.post("/search/jql").mock(side_effect=[_found(), _found({"id": "431", "key": "ML-431"})])
    ours = {"id": "490", "key": "ML-490", "properties": {"bellwether": {"nonce": "n1"}}}
    fetch = wire.post("/issue/bulkfetch").mock(
        side_effect=[
            _found({"id": "431", "key": "ML-431"}, {"id": "480", "key": "ML-480", "properties": {"bellwether": 3}}),
            _found({"id": "480", "key": "ML-480"}, ours),
        ]
    )

    assert await jira.find(VIEW, "n1") == "490:ML-490"

    read = [json.loads(call.request.content)["issueIdsOrKeys"] for call in fetch.calls]
    assert [(keys[0], keys[-1]) for keys in read] == [("ML-382", "ML-481"), ("ML-431", "ML-530")]


async def test_find_of_what_nobody_made_is_none(jira: JiraTickets, wire: respx.MockRouter) -> None:
    wire.post("/search/jql").mock(return_value=_found())
    fetch = wire.post("/issue/bulkfetch").mock(return_value=_found())

    assert await jira.find(VIEW, "n1") is None

    assert _sent(fetch)["issueIdsOrKeys"][0] == "ML-1"


# Whose words


async def test_an_update_without_news_writes_nothing(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)
    await jira.create(VIEW, key="k", nonce="n")

    await jira.update(ML_431, VIEW)

    assert issue.puts == []
    assert issue.moves == []


async def test_an_update_writes_our_fields_and_the_stamp_together(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)
    await jira.create(VIEW, key="k", nonce="n")
    issue.fields["labels"] = ["payments"]  # a person removed ours and set another

    await jira.update(ML_431, replace(VIEW, summary="resolved", paragraphs=("All good.",)))

    assert len(issue.puts) == 1
    assert issue.fields["summary"] == "resolved"
    assert [adf.plain(block) for block in issue.fields["description"]["content"]] == ["All good."]
    assert issue.fields["labels"] == ["payments", "bellwether-prod-42"]
    assert issue.properties["bellwether"]["nonce"] == "n"
    assert issue.properties["bellwether"]["wrote"]["summary"] == "resolved"


async def test_a_summary_that_a_person_changed_stays_theirs(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)
    await jira.create(VIEW, key="k", nonce="n")
    issue.fields["summary"] = "Card payments: rejections up"

    await jira.update(ML_431, replace(VIEW, summary="news 1", paragraphs=("News 1.",)))
    await jira.update(ML_431, replace(VIEW, summary="news 2", paragraphs=("News 2.",)))

    assert issue.fields["summary"] == "Card payments: rejections up"
    assert adf.plain(issue.fields["description"]) == "News 2."


async def test_what_people_write_around_our_paragraphs_stays(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)
    await jira.create(VIEW, key="k", nonce="n")
    ours = issue.fields["description"]["content"]
    ours[1]["content"][1:2] = [{"type": "inlineCard", "attrs": {"url": "https://acme.slack.com/archives/C1/p1"}}]
    above, below = ({"type": "paragraph", "content": [{"type": "text", "text": t}]} for t in ("Above", "Below"))
    issue.fields["description"]["content"] = [above, *ours, below]

    await jira.update(ML_431, replace(VIEW, paragraphs=("One.", "Two.", "Three.")))
    await jira.update(ML_431, replace(VIEW, paragraphs=("Four.",)))

    assert [adf.plain(block) for block in issue.fields["description"]["content"]] == [
        "Above",
        "Four.",
        "Below",
    ]


async def test_a_description_that_a_person_rewrote_stays_theirs(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)
    await jira.create(VIEW, key="k", nonce="n")
    issue.fields["description"] = adf.document(adf.blocks(["Mine now."]))

    await jira.update(ML_431, replace(VIEW, paragraphs=("News.",)))

    assert adf.plain(issue.fields["description"]) == "Mine now."


@pytest.mark.parametrize("stamp", [{}, {"bellwether": "something else"}, {"bellwether": {"nonce": "n", "key": "k"}}])
async def test_a_ticket_that_a_person_made_gets_only_the_label(
    jira: JiraTickets, wire: respx.MockRouter, stamp: dict[str, Any]
) -> None:
    issue = FakeIssue(wire)
    issue.fields |= {"summary": "Theirs", "labels": ["x"]}
    issue.properties = stamp

    await jira.update(ML_431, VIEW)

    assert issue.puts == [{"update": {"labels": [{"add": "bellwether-prod-42"}]}}]


async def test_an_edit_screen_without_labels_does_not_stop_the_rest(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)
    await jira.create(VIEW, key="k", nonce="n")
    issue.fields["labels"] = []
    route = wire.put("/issue/10001")
    route.side_effect = [
        httpx.Response(400, json={"errors": {"labels": "not on the screen"}}),
        httpx.Response(204),
    ]

    await jira.update(ML_431, replace(VIEW, summary="news"))

    assert _sent(route)["fields"] == {"summary": "news"}
    assert "update" not in _sent(route)


# Moving


@pytest.mark.parametrize(
    ("status", "target", "moves"),
    [
        ("To Do", StatusCategory.DONE, ["31"]),
        ("To Do", StatusCategory.IN_PROGRESS, ["21"]),
        ("To Do", StatusCategory.TODO, []),
        ("To Do", None, []),
        ("Won't do", StatusCategory.DONE, []),
        ("Won't do", None, []),
        ("Done", StatusCategory.IN_PROGRESS, ["21"]),
        ("Done", StatusCategory.TODO, ["11"]),
    ],
)
async def test_a_ticket_moves_only_when_its_category_differs(
    jira: JiraTickets, wire: respx.MockRouter, status: str, target: StatusCategory | None, moves: list[str]
) -> None:
    issue = FakeIssue(wire, status=status)

    await jira.update(ML_431, replace(VIEW, category=target))

    assert [m["transition"]["id"] for m in issue.moves] == moves


async def test_a_workflow_without_a_direct_way_is_walked_in_two_steps(
    jira: JiraTickets, wire: respx.MockRouter
) -> None:
    issue = FakeIssue(wire)
    issue.ways = {"21": "In Progress"}

    def after_first_step(request: httpx.Request) -> httpx.Response:
        response = issue._move(request)
        issue.ways = {"31": "Done"}
        return response

    wire.post("/issue/10001/transitions").mock(side_effect=after_first_step)

    await jira.update(ML_431, replace(VIEW, category=StatusCategory.DONE))

    assert issue.status == "Done"


async def test_a_screen_that_asks_for_a_resolution_gets_one(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire)
    allowed = [{"name": "Won't do"}, {"name": "Fixed"}]
    issue.asks["31"] = {"resolution": {"required": True, "hasDefaultValue": False, "allowedValues": allowed}}

    await jira.update(ML_431, replace(VIEW, category=StatusCategory.DONE))

    assert issue.moves == [{"transition": {"id": "31"}, "fields": {"resolution": {"name": "Fixed"}}}]


async def test_a_screen_that_asks_for_more_is_left_to_people(jira: JiraTickets, wire: respx.MockRouter) -> None:
    issue = FakeIssue(wire, status="In Progress")
    issue.asks["31"] = {"customfield_1": {"required": True}}

    with pytest.raises(PermanentError, match=r"is In Progress and should be done.*asks for customfield_1") as caught:
        await jira.update(ML_431, replace(VIEW, category=StatusCategory.DONE))

    assert "Move it by hand" in str(caught.value)


async def test_a_ticket_that_somebody_moves_meanwhile_is_looked_at_again(
    jira: JiraTickets, wire: respx.MockRouter
) -> None:
    issue = FakeIssue(wire)

    def too_late(request: httpx.Request) -> httpx.Response:
        issue.status = "Done"
        return httpx.Response(400, json={"errorMessages": ["not valid for the current state of the workflow"]})

    route = wire.post("/issue/10001/transitions").mock(side_effect=too_late)

    await jira.update(ML_431, replace(VIEW, category=StatusCategory.DONE))

    assert route.call_count == 1


# Reading


async def test_read_asks_fifty_ids_a_call_fresh_and_on_every_page(jira: JiraTickets, wire: respx.MockRouter) -> None:
    done = {
        "status": _status("Done"),
        "summary": "s",
        "priority": {"name": "High"},
        "assignee": {"displayName": "Bob"},
    }
    route = wire.post("/search/jql")
    route.side_effect = [
        _found({"id": "10001", "key": "ML-431", "fields": done}, token="t2"),
        _found({"id": "10002", "key": "OPS-7", "fields": {"status": _status("To Do"), "priority": None}}),
        _found(),
    ]
    tickets = {RemoteId(f"{10000 + n}:ML-{430 + n}"): n for n in range(1, 61)}

    facts = await jira.read(tickets)

    assert facts == [
        TicketFact(
            incident_id=1,
            key="ML-431",
            url=f"{SITE}/browse/ML-431",
            status="Done",
            category=StatusCategory.DONE,
            summary="s",
            priority="High",
            assignee="Bob",
        ),
        TicketFact(
            incident_id=2,
            key="OPS-7",  # moved to another project: the id holds
            url=f"{SITE}/browse/OPS-7",
            status="To Do",
            category=StatusCategory.TODO,
        ),
    ]
    first, second, third = (_sent(route, n) for n in range(3))
    assert len(first["reconcileIssues"]) == 50
    assert first["reconcileIssues"][0] == 10001
    assert first["fields"] == ["status", "summary", "priority", "assignee", "updated"]
    assert second == {**first, "nextPageToken": "t2"}
    assert len(third["reconcileIssues"]) == 10


async def test_read_leaves_out_a_deleted_ticket_that_spoils_the_query(
    jira: JiraTickets, wire: respx.MockRouter
) -> None:
    words = "An issue with key '10002' does not exist for field 'id'."
    route = wire.post("/search/jql")
    route.side_effect = [
        httpx.Response(400, json={"errorMessages": [words], "errors": {}}),
        _found({"id": "10001", "key": "ML-431", "fields": {"status": _status("To Do")}}),
    ]

    facts = await jira.read({ML_431: 1, RemoteId("10002:ML-432"): 2})

    assert [fact.key for fact in facts] == ["ML-431"]
    assert _sent(route)["reconcileIssues"] == [10001]


async def test_an_unknown_status_category_closes_nothing(jira: JiraTickets, wire: respx.MockRouter) -> None:
    odd = {"status": {"name": "Limbo", "statusCategory": {"key": "undefined"}}}
    wire.post("/search/jql").mock(return_value=_found({"id": "10001", "key": "ML-431", "fields": odd}))

    (fact,) = await jira.read({ML_431: 1})

    assert (fact.status, fact.category) == ("Limbo", StatusCategory.TODO)


async def test_read_of_nothing_calls_nobody(jira: JiraTickets, wire: respx.MockRouter) -> None:
    assert await jira.read({}) == []
    assert wire.calls.call_count == 0


# What an outcome means

LIMITED = httpx.Response(429, headers={"Retry-After": "17", "RateLimit-Reason": "jira-burst-based"})
AWAY = httpx.Response(503, headers={"Retry-After": "40"})
OUTCOMES: list[tuple[str, Any, type[OutboundError], type[OutboundError], str]] = [
    ("refused", httpx.ConnectError("refused"), TemporaryError, TemporaryError, "can't be reached"),
    ("connecting takes too long", httpx.ConnectTimeout(""), TemporaryError, TemporaryError, "ConnectTimeout"),
    ("429", LIMITED, NoBudget, NoBudget, "jira-burst-based"),
    ("503 with a time", AWAY, TemporaryError, TemporaryError, "not available"),
    ("503", httpx.Response(503), UncertainError, TemporaryError, "503"),
    ("500", httpx.Response(500, text="<html>"), UncertainError, TemporaryError, "500"),
    ("time-out", httpx.ReadTimeout(""), UncertainError, TemporaryError, "did not answer"),
    ("reset", httpx.ReadError("reset"), UncertainError, TemporaryError, "reset"),
    ("cut off", httpx.RemoteProtocolError("closed"), UncertainError, TemporaryError, "closed"),
    ("409", httpx.Response(409), TemporaryError, TemporaryError, "409"),
    ("401", httpx.Response(401, text=""), TemporaryError, TemporaryError, "JIRA_API_TOKEN"),
    ("403", httpx.Response(403, json={"errorMessages": ["No."]}), TemporaryError, TemporaryError, "No."),
    ("400", httpx.Response(400, json={"errors": {"x": "bad"}}), PermanentError, PermanentError, "x: bad"),
    ("404", httpx.Response(404, json={"message": "nope"}), PermanentError, PermanentError, "nope"),
    (
        "redirect",
        httpx.Response(302, headers={"location": "/login"}),
        PermanentError,
        PermanentError,
        "/login",
    ),
    ("a login page", httpx.Response(200, html="<html>"), UncertainError, PermanentError, "instead of JSON"),
]


@pytest.mark.parametrize(
    ("answer", "creating", "reading", "words"), [o[1:] for o in OUTCOMES], ids=[o[0] for o in OUTCOMES]
)
async def test_an_outcome_is_named_by_what_it_means(
    jira: JiraTickets,
    wire: respx.MockRouter,
    answer: Any,
    creating: type[OutboundError],
    reading: type[OutboundError],
    words: str,
) -> None:
    mock: dict[str, Any] = {"return_value" if isinstance(answer, httpx.Response) else "side_effect": answer}
    create = wire.post("/issue").mock(**mock)
    wire.post("/search/jql").mock(**mock)

    with pytest.raises(OutboundError) as caught:
        await jira.create(VIEW, key="k", nonce="n")
    with pytest.raises(OutboundError) as caught_reading:
        await jira.read({ML_431: 1})

    assert create.call_count == 1
    assert isinstance(caught.value, creating)
    assert isinstance(caught_reading.value, reading)
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_retry_after_is_respected(jira: JiraTickets, wire: respx.MockRouter) -> None:
    wire.post("/issue").mock(return_value=LIMITED)

    with pytest.raises(NoBudget) as caught:
        await jira.create(VIEW, key="k", nonce="n")

    assert caught.value.after == timedelta(seconds=17)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"id": "1"}'])
async def test_a_create_that_names_no_issue_is_uncertain(
    jira: JiraTickets, wire: respx.MockRouter, body: bytes
) -> None:
    wire.post("/issue").respond(201, content=body)

    with pytest.raises(UncertainError):
        await jira.create(VIEW, key="k", nonce="n")


async def test_a_deleted_ticket_is_gone(jira: JiraTickets, wire: respx.MockRouter) -> None:
    wire.get("/issue/10001").respond(404, json={"errorMessages": ["Issue does not exist or you may not see it."]})
    _allow(wire, "BROWSE_PROJECTS")

    with pytest.raises(GoneError, match="10001:ML-431 was deleted"):
        await jira.update(ML_431, VIEW)


async def test_a_ticket_hidden_by_a_lost_permission_is_not_gone(jira: JiraTickets, wire: respx.MockRouter) -> None:
    wire.get("/issue/10001").respond(404, json={"errorMessages": ["Issue does not exist or you may not see it."]})
    _allow(wire)

    with pytest.raises(TemporaryError, match="can't see Jira project ML any more"):
        await jira.update(ML_431, VIEW)


async def test_an_expired_token_does_not_look_like_a_deleted_ticket(jira: JiraTickets, wire: respx.MockRouter) -> None:
    headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    wire.get("/issue/10001").respond(404, headers=headers, json={"errorMessages": ["Issue does not exist"]})

    with pytest.raises(TemporaryError, match="JIRA_API_TOKEN"):
        await jira.update(ML_431, VIEW)


# The operator's check


def _allow(wire: respx.MockRouter, *names: str) -> None:
    grants = {name: {"havePermission": True} for name in names} | {"LINK_ISSUES": {"havePermission": False}}
    wire.get("/mypermissions").respond(200, json={"permissions": grants})


async def test_check_names_the_missing_permissions(jira: JiraTickets, wire: respx.MockRouter) -> None:
    wire.get("/myself").respond(200, json={"accountId": "1"})
    wire.get("/issue/createmeta/ML/issuetypes").respond(200, json={"issueTypes": []})
    _allow(wire, "BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES")

    trouble = await jira.check()

    assert trouble is not None
    assert "bot@acme.example lacks permissions in Jira project ML: Transition issues, Link issues." in trouble


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(401), "does not accept the credentials of bot@acme.example"),
        (httpx.Response(404, html="<html>"), "There is no Jira at https://acme.atlassian.net"),
        (httpx.Response(503), "failed at GET myself (503)"),
    ],
)
async def test_check_says_what_is_wrong_in_a_sentence(
    jira: JiraTickets, wire: respx.MockRouter, answer: httpx.Response, words: str
) -> None:
    wire.get("/myself").mock(return_value=answer)

    assert words in str(await jira.check())


@pytest.mark.parametrize("url", ["acme.atlassian.net", "http://[", "https://", "", "ftp://acme.example"])
def test_an_address_that_is_none_is_found_at_start(url: str) -> None:
    with pytest.raises(ConfigError, match=r"JIRA_URL .* is not an address"):
        TICKETS(replace(OPTIONS, url=url))


# Real sockets


def _server_that(answer: Callable[[asyncio.StreamWriter], None]) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        answer(writer)

    return asyncio.start_server(serve, "127.0.0.1", 0)


async def test_a_reset_after_sending_is_uncertain_on_a_real_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # must not be asked for loopback
    async with await _server_that(lambda writer: writer.transport.abort()) as server:
        port = server.sockets[0].getsockname()[1]
        tickets = TICKETS(replace(OPTIONS, url=f"http://127.0.0.1:{port}/jira/"))

        with pytest.raises(UncertainError):
            await tickets.create(VIEW, key="k", nonce="n")

        assert tickets.browse_url("ML-1") == f"http://127.0.0.1:{port}/jira/browse/ML-1"
        await tickets.close()


async def test_a_closed_port_is_temporary_on_a_real_socket() -> None:
    tickets = TICKETS(replace(OPTIONS, url=f"http://127.0.0.1:{free_port()}"))

    with pytest.raises(TemporaryError, match="can't be reached"):
        await tickets.create(VIEW, key="k", nonce="n")

    await tickets.close()


# Documents


@pytest.mark.parametrize(
    ("paragraphs", "texts"),
    [
        (("", "  ", "\x00\x1b"), []),
        (("a\x07b", " c "), ["ab", "c"]),
        (("one\ntwo",), ["one two"]),
        (("see (https://x.example/a_(b)), ok",), ["see (https://x.example/a_(b)), ok"]),
    ],
)
def test_a_document_says_what_the_paragraphs_say(paragraphs: tuple[str, ...], texts: list[str]) -> None:
    assert [adf.plain(block) for block in adf.blocks(paragraphs)] == texts


def test_a_document_has_no_empty_text_and_keeps_line_breaks() -> None:
    (block,) = adf.blocks(["https://x.example\n\nend"])

    kinds = [node["type"] for node in block["content"]]
    assert kinds == ["text", "hardBreak", "hardBreak", "text"]
    assert block["content"][0]["marks"] == [{"type": "link", "attrs": {"href": "https://x.example"}}]


def test_a_document_never_grows_past_what_jira_takes() -> None:
    content = adf.blocks(["é" * 10_000] * 50)

    assert len(json.dumps(adf.document(content))) < 32_767
    assert adf.plain(content[-1]) == "…"
