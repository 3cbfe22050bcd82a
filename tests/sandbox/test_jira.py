"""The local Jira behaves as Jira Cloud does."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from bot.sandbox.box import Sandbox
from bot.sandbox.server import application
from bot.sandbox.settings import Settings
from tests.sandbox.conftest import MONDAY, Web

BASE = {"project": {"key": "ML"}, "issuetype": {"name": "Bug"}, "summary": "fraud-scorer declines good payments"}


def doc(text: str) -> dict[str, Any]:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": text}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


async def create(web: Web, **fields: Any) -> str:
    response = await web.jira("POST", "issue", json={"fields": BASE | fields})
    assert response.status_code == 201, response.text
    return str(response.json()["key"])


async def find(web: Web, jql: str, **more: Any) -> list[str]:
    response = await web.jira("POST", "search/jql", json={"jql": jql, "fields": ["status"], **more})
    assert response.status_code == 200, response.text
    return [issue["key"] for issue in response.json()["issues"]]


@pytest.mark.parametrize("auth", [None, httpx.BasicAuth("a@b.c", "wrong"), httpx.BasicAuth("", "sandbox")])
async def test_only_the_sandbox_token_is_let_in(web: Web, auth: httpx.BasicAuth | None) -> None:
    response = await web.http.get("/jira/rest/api/3/myself", auth=auth)

    assert response.status_code == 401
    assert response.json()["errorMessages"]


async def test_an_issue_is_created_with_label_and_property(web: Web) -> None:
    body = {
        "fields": BASE | {"labels": ["bellwether-x-42"], "description": doc("why"), "priority": {"name": "High"}},
        "properties": [{"key": "bellwether", "value": {"nonce": "n1"}}],
        "update": {"labels": [{"add": "ml"}]},
    }

    made = (await web.jira("POST", "issue", json=body)).json()
    issue = (await web.jira("GET", f"issue/{made['key']}", params={"properties": "*all"})).json()
    one = (await web.jira("GET", f"issue/{made['id']}/properties/bellwether")).json()

    assert (made["key"], made["id"]) == ("ML-1", "10101")
    assert issue["fields"]["labels"] == ["bellwether-x-42", "ml"]
    assert issue["fields"]["status"]["statusCategory"]["key"] == "new"
    assert issue["fields"]["priority"]["name"] == "High"
    assert issue["properties"] == {"bellwether": {"nonce": "n1"}}
    assert one == {"key": "bellwether", "value": {"nonce": "n1"}}


@pytest.mark.parametrize(
    ("fields", "named", "text"),
    [
        ({"summary": ""}, "summary", "You must specify a summary of the issue."),
        ({"summary": "a\nb"}, "summary", "newline"),
        ({"summary": "x" * 256}, "summary", "255"),
        ({"project": {"key": "OPS"}}, "project", "valid project is required"),
        ({"issuetype": {"name": "Epic"}}, "issuetype", "valid issue type"),
        ({"labels": ["a b"]}, "labels", "contains spaces"),
        ({"description": "plain"}, "description", "Atlassian Document"),
        ({"priority": {"name": "Urgent"}}, "priority", "Priority name 'Urgent' is not valid"),
        ({"customfield_1": 1}, "customfield_1", "cannot be set"),
        ({"assignee": {"accountId": "nobody"}}, "assignee", "does not exist"),
    ],
)
async def test_fields_are_checked(web: Web, fields: dict[str, Any], named: str, text: str) -> None:
    response = await web.jira("POST", "issue", json={"fields": BASE | fields})

    assert response.status_code == 400
    assert text in response.json()["errors"][named]
    assert web.sandbox.world.issues == {}


async def test_a_transition_is_chosen_by_category(web: Web) -> None:
    key = await create(web)

    listed = (await web.jira("GET", f"issue/{key}/transitions")).json()["transitions"]
    done = next(one for one in listed if one["to"]["statusCategory"]["key"] == "done")
    moved = await web.jira("POST", f"issue/{key}/transitions", json={"transition": {"id": done["id"]}})
    wrong = await web.jira("POST", f"issue/{key}/transitions", json={"transition": {"id": "99"}})

    fields = (await web.jira("GET", f"issue/{key}", params={"fields": "status,resolution"})).json()["fields"]
    assert moved.status_code == 204
    assert (fields["status"]["name"], fields["resolution"]["name"]) == ("Done", "Done")
    assert set(fields) == {"status", "resolution"}
    assert wrong.status_code == 400


async def test_a_remote_link_is_an_upsert_by_global_id(web: Web) -> None:
    key = await create(web)
    link = {"globalId": "slack:T:C:1", "object": {"url": "https://x", "title": "thread"}, "relationship": "chat"}

    made = await web.jira("POST", f"issue/{key}/remotelink", json=link)
    again = await web.jira("POST", f"issue/{key}/remotelink", json=link | {"relationship": None})
    empty = await web.jira("POST", f"issue/{key}/remotelink", json={"object": {"title": "x"}})

    listed = (await web.jira("GET", f"issue/{key}/remotelink")).json()
    assert (made.status_code, again.status_code, empty.status_code) == (201, 200, 400)
    assert made.json()["id"] == again.json()["id"]
    assert [(one["globalId"], one["relationship"]) for one in listed] == [("slack:T:C:1", None)]


async def test_comments_and_properties(web: Web) -> None:
    key = await create(web)

    comment = await web.jira("POST", f"issue/{key}/comment", json={"body": doc("hello")})
    await web.jira("PUT", f"issue/{key}/comment/{comment.json()['id']}", json={"body": doc("changed")})
    plain = await web.jira("POST", f"issue/{key}/comment", json={"body": "hello"})
    statuses = [(await web.jira("PUT", f"issue/{key}/properties/p", json=n)).status_code for n in (1, 2)]

    listed = (await web.jira("GET", f"issue/{key}/comment")).json()
    assert listed["total"] == 1
    assert listed["comments"][0]["body"] == doc("changed")
    assert plain.status_code == 400
    assert statuses == [201, 200]
    assert (await web.jira("GET", f"issue/{key}/properties/q")).status_code == 404


async def test_search_finds_by_label_project_and_key(web: Web) -> None:
    first, second = await create(web, labels=["a"]), await create(web, labels=["a", "b"])

    assert await find(web, 'project = ML AND labels = "a" ORDER BY created ASC') == [first, second]
    assert await find(web, "labels = b") == [second]
    assert await find(web, f"key in ({first}, {second}) AND labels not in (b)") == [first]
    assert await find(web, "project = ML AND statusCategory != Done AND assignee is EMPTY") == [second, first]
    assert await find(web, "project = ML AND created >= -1h AND summary ~ payments") == [second, first]


async def test_search_pages_and_shows_ids_only_by_default(web: Web) -> None:
    for _ in range(3):
        await create(web)

    first = (await web.jira("GET", "search/jql", params={"jql": "project = ML", "maxResults": 2})).json()
    token = {"jql": "project = ML", "maxResults": 2, "nextPageToken": first["nextPageToken"]}
    second = (await web.jira("GET", "search/jql", params=token)).json()

    assert [issue["id"] for issue in first["issues"] + second["issues"]] == ["10103", "10102", "10101"]
    assert (first["isLast"], second["isLast"]) == (False, True)
    assert "fields" not in first["issues"][0]


@pytest.mark.parametrize(
    "jql",
    ["", "ORDER BY created", "labels =", "labels = a OR labels = b", "colour = red", "key in (ML-1", "project ML"],
)
async def test_bad_jql_is_refused(web: Web, jql: str) -> None:
    response = await web.jira("POST", "search/jql", json={"jql": jql})

    assert response.status_code == 400
    assert response.json()["errorMessages"]


async def test_the_index_lags_but_reconciled_issues_do_not(web: Web) -> None:
    web.sandbox.faults.merge({"search_lag_s": 30})
    key = await create(web, labels=["a"])

    at_once = await find(web, "labels = a")
    reconciled = await find(web, "labels = a", reconcileIssues=[10101])
    fetched = (await web.jira("POST", "issue/bulkfetch", json={"issueIdsOrKeys": [key, "ML-9"]})).json()
    web.sandbox.world.clock.advance(timedelta(seconds=31))
    later = await find(web, "labels = a")
    await web.jira("PUT", f"issue/{key}", json={"fields": {"labels": ["b"]}})
    stale = await find(web, "labels = a")

    assert at_once == []
    assert reconciled == later == stale == [key]
    assert [issue["key"] for issue in fetched["issues"]] == [key]
    assert fetched["issueErrors"][0]["id"] == "ML-9"


async def test_too_many_writes_to_one_issue_are_refused(web: Web) -> None:
    key = await create(web)

    answers = [await web.jira("PUT", f"issue/{key}", json={"fields": {"labels": [str(n)]}}) for n in range(21)]

    assert [answer.status_code for answer in answers] == [204] * 20 + [429]
    assert answers[20].headers["ratelimit-reason"] == "jira-per-issue-on-write"


async def test_a_person_moves_and_renames_an_issue(web: Web) -> None:
    key = await create(web)

    moved = await web.act("jira", key=key, status="In Progress", assignee="bob", summary="new name", user="dana")
    by_page = await web.http.post("/jira/_move", json={"key": key, "status": "Done"})
    wrong = await web.act("jira", key=key, status="Later")

    fields = web.sandbox.world.issues[key]["fields"]
    assert moved["ok"]
    assert by_page.status_code == 200
    assert wrong["error"] == "no such status: 'Later'"
    assert (fields["summary"], fields["status"]["name"]) == ("new name", "Done")
    assert fields["assignee"]["displayName"] == "Bob Okafor"


async def test_what_a_client_asks_before_it_works(web: Web) -> None:
    me = (await web.jira("GET", "myself")).json()
    mine = await web.jira("GET", "mypermissions", params={"permissions": "CREATE_ISSUES,ADMINISTER"})
    types = (await web.jira("GET", "issue/createmeta/ML/issuetypes")).json()["issueTypes"]
    fields = (await web.jira("GET", f"issue/createmeta/ML/issuetypes/{types[0]['id']}")).json()["fields"]

    assert me["displayName"] == "bellwether"
    allowed = {name: one["havePermission"] for name, one in mine.json()["permissions"].items()}
    assert allowed == {"CREATE_ISSUES": True, "ADMINISTER": False}
    assert [one["name"] for one in types] == ["Task", "Bug"]
    assert [one["fieldId"] for one in fields if one["required"]] == ["summary", "issuetype", "project"]
    assert (await web.jira("GET", "serverInfo")).json()["deploymentType"] == "Cloud"
    assert (await web.jira("GET", "search")).status_code == 410
    assert (await web.jira("GET", "issue/ML-9")).status_code == 404


async def test_changes_are_told_by_signed_webhooks() -> None:
    url, secret = "http://127.0.0.1:9/hook", "s3cret"
    settings = Settings(started=MONDAY, speed=0, jira_webhook_url=url, jira_webhook_secret=secret)
    sandbox = Sandbox(settings)
    transport = httpx.ASGITransport(application(sandbox))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as http:
        web = Web(sandbox, http)
        with respx.mock:
            hook = respx.post(url)
            key = await create(web)
            await web.act("jira", key=key, status="Done", user="bob")
            await web.jira("PUT", f"issue/{key}", json={"fields": {"summary": BASE["summary"]}})
            await sandbox.hooks.drain()

    requests = [call.request for call in hook.calls]
    bodies = [json.loads(request.content) for request in requests]
    assert [body["webhookEvent"] for body in bodies] == ["jira:issue_created", "jira:issue_updated"]
    assert bodies[1]["user"]["displayName"] == "Bob Okafor"
    assert {item["field"] for item in bodies[1]["changelog"]["items"]} == {"status", "resolution"}
    digest = hmac.new(secret.encode(), requests[0].content, hashlib.sha256).hexdigest()
    assert requests[0].headers["x-hub-signature"] == f"sha256={digest}"
    await sandbox.close()
