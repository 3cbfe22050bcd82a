"""A version on its way to its users: asked for, decided by others than who asked, carried out, watched (F14, F16)."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from bot.demo.stage import StoryFailed, words_of
from tests.flows.conftest import CONFIGURATION

CHANNEL, LEADS = "ml-fraud", "ml-leads"
CARD, GATE = "slack/proposal/1", "slack/proposal/1/gate"
CD = "https://cd.example.com/hooks/bellwether"
RUN = "https://cd.example.com/runs/91"
MODEL = '  fraud-scorer: {owner: "@alice", channel: "#ml-fraud"}\n'
RULED = """  fraud-scorer:
    owner: "@alice"
    channel: "#ml-fraud"
    metrics: {auc: {title: AUC, role: primary, gate: ">= 0.92"}}
    approvers: {prod: {group: "@ml-leads", channel: "#ml-leads"}}
people: {"@ml-leads": ["@bob", "@dana"]}
deployers:
  cd: {type: outgoing, url: https://cd.example.com/hooks/bellwether, secret_env: CD_SECRET}
"""


BY_HAND = """  fraud-scorer:
    channel: "#ml-fraud"
    approvers: {prod: {users: ["@bob", "@dana"], channel: "#ml-leads", rollback: true}}
    deploy_url: "https://cd.example.com/{model}/deploy?version={version}&stage={stage}"
"""


@pytest.fixture
def configuration(request: pytest.FixtureRequest) -> str:
    assert MODEL in CONFIGURATION
    return CONFIGURATION.replace(MODEL, BY_HAND if "by_hand" in request.fixturenames else RULED)


@pytest.fixture
async def by_hand(company: Any) -> Any:
    """v42 serves, nobody is asked to deploy v43, and going back needs approvers, too."""
    await company.deliver("events", [deployed("42"), {"kind": "version", "model": "fraud-scorer", "version": "43"}])
    await company.see(CHANNEL, "slack/deployment/1", "v42")
    return company


@pytest.fixture
def cd() -> Iterator[respx.Route]:
    """The pipeline that the orders go to; everything on this machine is real."""
    with respx.mock(assert_all_called=False) as wire:
        wire.route(host="127.0.0.1").pass_through()
        yield wire.post(CD).respond(202, json={"url": RUN})


@pytest.fixture
async def candidate(cd: respx.Route, company: Any) -> Any:
    """v42 serves, v43 was evaluated beside it: better as a whole, worse in Brazil."""
    await company.deliver("events", deployed("42"))
    await company.see(CHANNEL, "slack/deployment/1", "v42")
    await company.deliver("events", [evaluated("42", 0.912, 0.87), evaluated("43", 0.934, 0.85)], events=2)
    return company


def deployed(version: str, **more: Any) -> dict[str, Any]:
    return {"kind": "deployment", "model": "fraud-scorer", "version": version, "stage": "production", **more}


def evaluated(version: str, value: float, brazil: float, kind: str = "offline") -> dict[str, Any]:
    near = {"ci_low": value - 0.004, "ci_high": value + 0.004, "n": 41_200}
    far = {"threshold": {"op": ">=", "value": 0.86}, "slice": "country=BR", "n": 900}
    return {
        "kind": "evaluation",
        "model": "fraud-scorer",
        "version": version,
        "evaluation_type": kind,
        "suite": "std",
        "suite_version": "3",
        "labelled_fraction": 1.0,
        "metrics": [{"name": "auc", "value": value, **near}, {"name": "auc", "value": brazil, **far}],
    }


async def typed(company: Any, text: str, user: str = "alice") -> str:
    """Type a command; returns what only its author reads."""
    return words_of(await company.told("command", user, channel=CHANNEL, text=text))


async def asked(company: Any, text: str = "/model promote fraud v43 prod") -> Any:
    """Ask as alice; returns the card."""
    await typed(company, text)
    return await company.see(LEADS, CARD, "Approval needed")


async def form(company: Any, user: str, card: Any, button: str = "approve") -> str:
    """Open the form; returns its view's id."""
    return str((await company.press(user, LEADS, card, f"proposal_{button}"))["view"]["id"])


async def fallen_back(company: Any) -> None:
    """v43 serves and fails; bob presses *Roll back* on its incident."""
    await company.deliver("events", deployed("43"))
    await company.see(CHANNEL, "slack/deployment/2", "v43")
    await company.set_clock(await company.now() + timedelta(minutes=30))
    hard = {"kind": "alert", "name": "RejectsPayments", "model": "fraud-scorer", "class": "hard"}
    await company.deliver("events", hard | {"status": "firing", "starts_at": (await company.now()).isoformat()})
    incident = await company.see(CHANNEL, "slack/incident/1", "INC-1")
    await company.press("bob", CHANNEL, incident, "incident_rollback")


async def sent(company: Any, user: str, view_id: str, **values: str) -> str:
    """Send the form; returns what stands beside its field then, nothing when it was taken."""
    try:
        await company.act("submit", user=user, view_id=view_id, values=values)
    except StoryFailed as refusal:
        return str(refusal)
    return ""


async def decide(company: Any, user: str, card: Any, button: str = "approve", **values: str) -> None:
    """Open the form and send it."""
    assert await sent(company, user, await form(company, user, card, button), **values) == ""


async def refused(company: Any, user: str, card: Any, button: str = "approve") -> str:
    """Press a button that opens no form; returns what only this person reads."""
    return words_of(await company.told("action", user, channel=LEADS, ts=card["ts"], action_id=f"proposal_{button}"))


async def test_an_approved_version_is_ordered_watched_and_measured(candidate: Any, cd: respx.Route) -> None:
    receipt = await typed(candidate, "/model promote fraud v43 prod")
    card = await candidate.see(LEADS, CARD, "Approval needed", "1 of 2 gates fails", "@ml-leads", "not the author")

    assert "Asked @ml-leads to promote *fraud-scorer* `v43` to `production`" in receipt
    assert "waits for @ml-leads to let it" in await typed(candidate, "/model fraud")
    assert {"AUC", "0.912", "0.934 ▴", "≥ 0.920 ✅", "≥ 0.860 ❌"} <= set(cells(card))

    unexplained = await sent(candidate, "dana", await form(candidate, "dana", card), reason=" ")
    await decide(candidate, "dana", card, reason="BR known, fix in v44")
    await candidate.see(LEADS, CARD, "Approved", "BR known, fix in v44", "1 of 2 gates failing", RUN)
    await candidate.see(LEADS, GATE, "What was decided on")

    assert "Say why" in unexplained
    order = json.loads(cd.calls.last.request.content)
    assert order["type"] == "bellwether.promote"
    assert (order["data"]["version"], order["data"]["decided_by"]) == ("43", "dana")
    assert "promotion of `v43` to production approved" in await typed(candidate, "/model changes fraud")
    assert "to go to `production`, not there yet" in await typed(candidate, "/model fraud")
    again = await typed(candidate, "/model promote fraud v43 prod", user="bob")
    assert "`v43` of *fraud-scorer* to `production` is approved and under way since" in again
    assert f"/p{card['ts'].replace('.', '')}|its card>. Nothing done." in again

    await candidate.deliver("events", deployed("43"))
    await candidate.see(LEADS, CARD, "Promoted", "serves since", "no live evaluation since")
    await candidate.set_clock(await candidate.now() + timedelta(hours=1))
    await candidate.deliver("events", evaluated("43", 0.931, 0.86, kind="live"))

    await candidate.see(LEADS, CARD, "live evaluation since", "AUC *0.931*")
    assert cd.call_count == 1


def cells(card: Any) -> list[str]:
    table = next(block for block in card["blocks"] if block["type"] == "data_table")
    return [cell["text"] for row in table["rows"] for cell in row]


async def test_a_version_whose_gate_nobody_measured_needs_a_reason(candidate: Any, cd: respx.Route) -> None:
    other = {"name": "good_payments_declined", "value": 0.02, "unit": "ratio"}
    await candidate.deliver("events", evaluated("45", 0.9, 0.87) | {"suite": "adhoc", "metrics": [other]})
    card = await asked(candidate, "/model promote fraud v45 prod")

    unexplained = await sent(candidate, "dana", await form(candidate, "dana", card), reason=" ")

    assert {"AUC", "0.912", "not measured", "≥ 0.920 ❌"} <= set(cells(card))
    assert "2 of 2 gates fail: AUC · country=BR not measured; AUC not measured" in words_of(card)
    assert "non-standard suite adhoc 3; the standard is suite std 3" in words_of(card)
    assert "Say why" in unexplained
    assert not cd.called


async def test_only_approvers_decide_and_never_who_asked(candidate: Any, cd: respx.Route) -> None:
    card = await asked(candidate)

    outsider = await refused(candidate, "alice", card)
    await candidate.deliver("events", {"kind": "version", "model": "fraud-scorer", "version": "44"})
    await typed(candidate, "/model promote fraud v44 prod", user="bob")
    own = await candidate.see(LEADS, "slack/proposal/2", "v44")
    author = await refused(candidate, "bob", own)

    assert "needs @ml-leads" in outsider
    assert "You asked for it" in author
    assert not cd.called


async def test_what_is_held_may_be_approved_and_what_is_rejected_is_over(candidate: Any, cd: respx.Route) -> None:
    card = await asked(candidate)

    await decide(candidate, "dana", card, "reject", word="hold", reason="after the holidays")
    held = await candidate.see(LEADS, CARD, "Held", "after the holidays")
    await decide(candidate, "bob", held, "reject", word="reject", reason="BR is too bad")

    over = await candidate.see(LEADS, CARD, "Rejected", "BR is too bad")
    assert "actions" not in [block["type"] for block in over["blocks"]]
    assert not cd.called


async def test_nobody_approves_what_is_not_what_they_were_shown(candidate: Any, cd: respx.Route) -> None:
    card = await asked(candidate)
    opened = await form(candidate, "dana", card)

    await candidate.deliver("events", evaluated("43", 0.915, 0.80))
    late = await sent(candidate, "dana", opened, reason="go")

    assert "Look at the card again" in late
    await candidate.see(LEADS, CARD, "2 of 2 gates fail")
    assert not cd.called


async def test_of_two_who_approve_at_once_one_does(candidate: Any, cd: respx.Route) -> None:
    card = await asked(candidate)
    forms = {user: await form(candidate, user, card) for user in ("bob", "dana")}

    answers = await asyncio.gather(*(sent(candidate, *pair, reason="go") for pair in forms.items()))
    await candidate.see(LEADS, CARD, RUN)

    assert sum("already approved it" in answer for answer in answers) == 1
    assert cd.call_count == 1


async def test_nobody_decides_what_expired(candidate: Any, cd: respx.Route) -> None:
    await asked(candidate)

    await candidate.set_clock(await candidate.now() + timedelta(hours=25))

    over = await candidate.see(LEADS, CARD, "Expired", "/model promote fraud-scorer 43 production")
    assert "actions" not in [block["type"] for block in over["blocks"]]
    assert not cd.called


async def test_an_order_that_nobody_answered_is_sent_again_with_the_same_key(candidate: Any, cd: respx.Route) -> None:
    cd.side_effect = [httpx.ReadTimeout("slow"), httpx.Response(202, json={"url": RUN})]
    card = await asked(candidate)

    await decide(candidate, "dana", card, reason="go")

    await candidate.see(LEADS, CARD, RUN)
    first, second = (call.request.headers["webhook-id"] for call in cd.calls)
    assert first == second


async def test_what_does_not_serve_in_time_is_said_and_not_ordered_any_more(candidate: Any, cd: respx.Route) -> None:
    cd.side_effect = httpx.ConnectError("refused")
    card = await asked(candidate)
    await decide(candidate, "dana", card, reason="go")
    await candidate.see(LEADS, CARD, "can't be reached")

    await candidate.set_clock(await candidate.now() + timedelta(minutes=40))

    await candidate.see(LEADS, CARD, "not deployed after 30 min", "not ordered any more")


async def test_what_stands_in_the_way_is_said_before_anybody_is_asked(candidate: Any) -> None:
    said = {
        text: await typed(candidate, f"/model promote fraud {text}")
        for text in ("v99 prod", "v43 prodution", "v42 prod", "v43", "v43 shadow")
    }

    assert "I never heard of `v99`" in said["v99 prod"]
    assert "Did you mean `production`" in said["v43 prodution"]
    assert "serves at production already" in said["v42 prod"]
    assert "Which version, and to which stage?" in said["v43"]
    assert "has no stage `shadow`" in said["v43 shadow"]
    await candidate.deliver("events", deployed("41", stage="staging"))
    await candidate.see(CHANNEL, "slack/deployment/2", "v41")
    assert "approvers: {staging: {users:" in await typed(candidate, "/model promote fraud v43 staging")


async def test_a_version_marked_bad_is_warned_of_where_it_is_asked_for(candidate: Any) -> None:
    await typed(candidate, '/model mark fraud v43 bad "label leak"')

    receipt = await typed(candidate, "/model promote fraud v43 prod")

    assert "`v43` is marked bad: label leak" in receipt
    await candidate.see(LEADS, CARD, "`v43` is marked bad: label leak")


async def test_a_roll_back_goes_to_the_same_pipeline_and_tells_in_its_thread(candidate: Any, cd: respx.Route) -> None:
    await fallen_back(candidate)

    await candidate.see(CHANNEL, CARD, "*Roll back*  *fraud-scorer* `v43` → `v42`", "last served", RUN)
    order = json.loads(cd.calls.last.request.content)
    assert (order["type"], order["data"]["version"]) == ("bellwether.rollback", "42")
    await candidate.deliver("events", deployed("42", trigger="rollback"))
    await candidate.see(CHANNEL, CARD, "Rolled back", "serves since")


async def test_what_people_do_by_hand_is_linked_and_watched_all_the_same(by_hand: Any) -> None:
    card = await asked(by_hand)
    await decide(by_hand, "dana", card)

    link = "https://cd.example.com/fraud-scorer/deploy?version=43&amp;stage=production"
    await by_hand.see(LEADS, CARD, "Approved", "now deploy it", link)
    await by_hand.deliver("events", deployed("43"))
    await by_hand.see(LEADS, CARD, "Promoted", "serves since")


async def test_a_roll_back_waits_for_approvers_where_the_configuration_wants_them(by_hand: Any) -> None:
    await fallen_back(by_hand)
    card = await by_hand.see(LEADS, CARD, "Approval needed", "roll back *fraud-scorer* `v43` → `v42`", "last served")
    own = await refused(by_hand, "bob", card)
    await decide(by_hand, "dana", card, "reject", word="reject", reason="it is the data")

    assert "You asked for it" in own
    await by_hand.see(LEADS, CARD, "Rejected", "it is the data")
    await by_hand.see(CHANNEL, "slack/incident/1/log", "rejected the roll-back: it is the data")

    def pressed_again(state: Any) -> bool:
        return "incident_rollback" in str(by_hand.cards(state, CHANNEL, "slack/incident/1")[0]["attachments"])

    await by_hand.expect("the button is there again", pressed_again)


async def test_going_back_without_an_incident_is_asked_once_more(candidate: Any, cd: respx.Route) -> None:
    await candidate.deliver("events", deployed("43"))
    await candidate.see(CHANNEL, "slack/deployment/2", "v43")
    (answer,) = (await candidate.act("command", user="bob", channel=CHANNEL, text="/model rollback fraud"))[
        "ephemerals"
    ]

    await candidate.press("bob", CHANNEL, answer, "run_1")

    assert "Roll back *fraud-scorer* `v43` → `v42` in `production`?" in words_of(answer)
    await candidate.see(CHANNEL, CARD, "*Roll back*  *fraud-scorer* `v43` → `v42`", RUN)
    assert json.loads(cd.calls.last.request.content)["data"]["version"] == "42"
    assert "was asked for already" in await typed(candidate, "/model rollback fraud v42 --from=43")
    await candidate.deliver("events", deployed("42", trigger="rollback"))
    await candidate.see(CHANNEL, CARD, "Rolled back", "serves since")
    assert "back to which version?" in await typed(candidate, "/model rollback fraud v42")
