"""From a captured notification to a solved incident: what people see and do, in Slack and in Jira."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import integrations.alertmanager
from bot.demo.stage import StoryFailed

EXAMPLES = Path(integrations.alertmanager.__file__).parent / "examples"
CHANNEL, INCIDENT = "ml-fraud", "slack/incident/1"


def captured(name: str, *, status: str | None = None) -> Any:
    """Return a captured notification, of our model; with STATUS, what Alertmanager says of its alerts later."""
    text = (EXAMPLES / f"webhook_{name}.json").read_text().replace("churn-scorer", "fraud-scorer")
    body = json.loads(text)["body"]
    for alert in body["alerts"] if status else ():
        alert["status"] = status
    return body


async def calls(company: Any, *methods: str) -> int:
    return sum(call["method"] in methods for call in await company.calls())


async def rooted(company: Any) -> Any:
    """Wait until the incident stands with its ticket; returns its card."""
    return await company.see(CHANNEL, INCIDENT, "INC-1", "ML-1", "To Do")


async def issue(company: Any) -> Any:
    (found,) = (await company.state())["issues"]
    return found


async def test_one_alert_is_one_incident_one_thread_and_one_ticket(company: Any) -> None:
    await company.deliver("alertmanager", captured("single_firing"))

    card = await rooted(company)
    await company.see(CHANNEL, f"{INCIDENT}/changes", "Changes")
    await company.see(CHANNEL, f"{INCIDENT}/ticket", "ML-1")
    assert "p99 latency of fraud-scorer above 400 ms" in company.shown(await company.state(), CHANNEL, INCIDENT)
    replies = company.cards(await company.state(), CHANNEL, f"{INCIDENT}/")
    assert [r["thread_ts"] for r in replies] == [card["ts"]] * 2
    (link,) = (await issue(company))["remotelinks"]
    assert card["ts"].replace(".", "") in link["object"]["url"]

    before = await calls(company, "chat.postMessage", "chat.update")
    await company.deliver("alertmanager", captured("single_firing"))
    await company.pass_until(await company.now() + timedelta(minutes=5))
    await company.deliver("alertmanager", captured("single_firing"))
    await asyncio.sleep(0.5)

    assert await calls(company, "chat.postMessage", "chat.update") == before
    assert len(company.cards(await company.state(), CHANNEL, INCIDENT)) == 3


async def test_an_incident_is_worked_on_resolved_and_reopened(company: Any) -> None:
    await company.deliver("alertmanager", captured("single_firing"))
    card = await rooted(company)
    old_form = (await company.press("alice", CHANNEL, card, "incident_update"))["view"]
    form = (await company.press("bob", CHANNEL, card, "incident_update"))["view"]

    told = {"text": "rolling back, numbers at 06:30", "status": "fixing", "severity": "sev1"}
    await company.act("submit", user="bob", view_id=form["id"], values=told)
    await company.see(CHANNEL, INCIDENT, "SEV1", "Fixing")
    await company.see(CHANNEL, f"{INCIDENT}/log/", "rolling back, numbers at 06:30")

    with pytest.raises(StoryFailed, match="already updated it"):
        await company.act("submit", user="alice", view_id=old_form["id"], values={"text": "me too"})
    assert "me too" not in company.shown(await company.state(), CHANNEL)

    form = (await company.press("bob", CHANNEL, card, "incident_resolve"))["view"]
    cause = {"cause": "deploy", "text": "v42 had no cache", "eval_case": "cases/7"}
    await company.act("submit", user="bob", view_id=form["id"], values=cause)
    await company.see(CHANNEL, INCIDENT, "✅", "INC-1", "cause: deploy", "cases/7", "Done")
    assert (await issue(company))["fields"]["status"]["name"] == "Done"

    await company.press("alice", CHANNEL, card, "incident_reopen")
    await company.see(CHANNEL, INCIDENT, "🔥", "Investigating", "In Progress")
    assert (await issue(company))["fields"]["status"]["name"] == "In Progress"
    replies = company.cards(await company.state(), CHANNEL, f"{INCIDENT}/")
    assert len(replies) == 5  # changes, ticket, and what bob told, bob resolved, alice reopened


async def test_an_incident_closes_with_its_alert(company: Any) -> None:
    await company.deliver("alertmanager", captured("from_prometheus_rule_firing"))
    await rooted(company)

    await company.deliver("alertmanager", captured("from_prometheus_rule_resolved"))

    await company.see(CHANNEL, INCIDENT, "✅", "its alerts resolved", "Done")
    assert (await issue(company))["fields"]["status"]["name"] == "Done"


async def test_what_a_person_does_in_jira_is_shown_and_stays(company: Any) -> None:
    await company.deliver("alertmanager", captured("single_firing"))
    card = await rooted(company)
    key = (await issue(company))["key"]
    jira = company.sandbox
    bob = {"auth": ("bob@acme.example", "sandbox")}

    ways = (await jira.get(f"/jira/rest/api/3/issue/{key}/transitions", **bob)).json()["transitions"]
    doing = next(w["id"] for w in ways if w["to"]["name"] == "In Progress")
    moved = await jira.post(f"/jira/rest/api/3/issue/{key}/transitions", json={"transition": {"id": doing}}, **bob)
    named = {"fields": {"summary": "Card payments: rejections up"}}
    renamed = await jira.put(f"/jira/rest/api/3/issue/{key}", json=named, **bob)

    assert moved.status_code == renamed.status_code == 204
    await company.see(CHANNEL, INCIDENT, "In Progress")
    await company.see(CHANNEL, f"{INCIDENT}/ticket", "Card payments: rejections up")
    form = (await company.press("alice", CHANNEL, card, "incident_update"))["view"]
    await company.act("submit", user="alice", view_id=form["id"], values={"text": "looking"})
    await company.see(CHANNEL, f"{INCIDENT}/log/", "looking")
    await company.expect("the ticket tells the story", _tells("looking"))
    assert (await issue(company))["fields"]["summary"] == "Card payments: rejections up"
    assert (await issue(company))["fields"]["status"]["name"] == "In Progress"


def _tells(word: str) -> Any:
    return lambda state: word in json.dumps(state["issues"][0]["fields"]["description"])


async def test_of_two_verdicts_at_once_one_counts_and_the_other_is_told(company: Any) -> None:
    await company.deliver("alertmanager", captured("drift_alert_without_model_version"))
    card = await company.see(CHANNEL, "slack/group/1", "FeatureDriftHigh", "spend")

    answers = await asyncio.gather(
        company.press("alice", CHANNEL, card, "group_acted"), company.press("bob", CHANNEL, card, "group_noise")
    )

    said = [e["text"] for answer in answers for e in answer["ephemerals"]]
    assert len(said) == 1
    assert "already marked it" in said[0]
    assert "Nothing done" in said[0]
    winner = "bob" if "U01ALICE" not in said[0] else "alice"
    await company.see(CHANNEL, "slack/group/1", "acted by" if winner == "alice" else "noise, says")


async def test_an_incident_is_declared_from_the_card_of_an_alert(company: Any) -> None:
    await company.deliver("alertmanager", captured("drift_alert_without_model_version"))
    card = await company.see(CHANNEL, "slack/group/1", "FeatureDriftHigh")

    form = (await company.press("bob", CHANNEL, card, "group_open_incident"))["view"]
    await company.act("submit", user="bob", view_id=form["id"], values={"title": "drift hurts", "severity": "sev1"})

    await company.see(CHANNEL, INCIDENT, "SEV1", "drift hurts", "FeatureDriftHigh", "ML-1")
    await company.see(CHANNEL, "slack/group/1", "INC-1")
    assert "drift hurts" in (await issue(company))["fields"]["summary"]
    await company.deliver("alertmanager", captured("drift_alert_without_model_version", status="resolved"))
    await company.see(CHANNEL, "slack/group/1", "Resolved")
    assert "✅ *INC-1*" not in company.shown(await company.state(), CHANNEL, INCIDENT)


async def test_fifty_models_with_one_trouble_are_one_incident(company: Any) -> None:
    await company.deliver("alertmanager", captured("storm_50_first_flush_has_22"))
    await company.deliver("alertmanager", captured("storm_50_second_flush_has_50"))

    await company.see("general", INCIDENT, "ModelErrorRateHigh on 50 models: shared cause suspected", "ML-1")
    await company.see("general", "slack/storm/1", "50 alert groups", "m00", "m49")

    await company.deliver("alertmanager", captured("storm_10_of_50_resolved"))
    await company.see("general", "slack/storm/1", "40 still open")
    await company.deliver("alertmanager", captured("storm_10_of_50_resolved", status="resolved"))
    await company.see("general", INCIDENT, "✅", "Done")
    state = await company.state()
    assert len(company.cards(state, "general", "slack/storm/")) == 1
    assert company.cards(state, "general", "slack/group/") == []
    assert len(state["issues"]) == 1
    assert await calls(company, "chat.postMessage") <= 6
