"""A bad release: v42 of fraud-scorer goes live, eleven minutes later a thousand columns and one objective cry.

Each step plays something and then looks at what a person would see. Times are the sandbox's, Friday 20 November 2026.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.demo.history import before
from bot.demo.stage import Stage, State, Step, Story, StoryFailed, key_of, messages, words_of

CONFIGURATION = Path(__file__).parent / "bellwether.yml"
MODEL, CHANNEL, BOB = "fraud-scorer", "ml-fraud", "U02BOB"
LIVE = datetime(2026, 11, 20, 7, 51, tzinfo=UTC)
CANARY = LIVE - timedelta(minutes=5)
START = CANARY - timedelta(seconds=10)
ONSET = LIVE + timedelta(minutes=11)
FOR = timedelta(minutes=2)
"""The rules' `for`: they fire this long after the trouble began."""
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""09:00 in Paris, the zone of the demo's digest."""
NULLS, DRIFTS = 600, 400
MOST_CALLS = 25
STORM_SPEED = 2.0
"""The storm's quarter of a minute is watched at this speed, in eight seconds."""
A_PERSON_S = 120.0
"""How long the story waits for a person to press before it presses for them."""
LEARNS_S = 0.3
"""The bot hears within milliseconds that the clock jumped; what came before that would be dated ahead of it."""


async def deploy(stage: Stage) -> None:
    """Eight weeks of history, then v42 on its way to production."""
    history = before(START)
    await stage.deliver("events", history, events=len(history))
    await stage.deliver("events", _rollout("in_progress", traffic_percent=10, at=CANARY))
    await stage.expect("deployment card: v42 canary at 10 %", lambda s: _shows(s, "slack/deployment/", "v42", "10"))
    feed = {"kind": "change", "change_type": "data", "model": MODEL, "summary": "feed geo-2 replaces geo-1"}
    await stage.deliver("events", feed | {"actor": "dana", "occurred_at": (LIVE - timedelta(minutes=1)).isoformat()})
    await stage.pass_until(LIVE)
    await stage.deliver("events", _rollout("succeeded", traffic_percent=100, at=LIVE))
    await stage.expect(
        "the same card, edited: v41 → v42 in production, all traffic",
        lambda s: (
            len(_cards(s, "slack/deployment/")) == 1 and _shows(s, "slack/deployment/", "🟢", "v41", "v42", "100")
        ),
    )


async def storm(stage: Stage) -> None:
    """A thousand columns, and in the middle of it one objective."""
    await stage.pass_until(ONSET + FOR)
    first_call = len(await stage.calls())
    started = time.monotonic()
    await stage.run_at(STORM_SPEED)
    for second, body, new in _storm():
        await _at_story_second(stage, second, started)
        await stage.deliver("alertmanager", body, events=new)
    await stage.tell(first_call=first_call)
    await stage.expect(
        "one incident, with the suspect named: v42 deployed 11 min before onset",
        lambda s: (
            len(_cards(s, "slack/incident/", roots=True)) == 1
            and _shows(s, "slack/incident/", "INC-1", "SEV2", "v42", "11 min")
        ),
    )
    await stage.expect(
        f"{NULLS + DRIFTS:,} column alerts and the objective stand in the cards, none with a message of its own",
        lambda s: _shows(s, "", f"{NULLS}", f"{DRIFTS}", "FeatureNullRateHigh", "FeatureDriftHigh", "GoodPaymentsSLO"),
    )
    await stage.expect("one ticket, linked with the thread both ways", _ticket_is_linked)
    await stage.expect(
        "first reply of the thread: the changes of the 72 h before, and what is not connected",
        lambda s: _first_reply_lists_changes(s),
    )


async def look(stage: Stage) -> None:
    """Bob, on call, asks how the model is and tells the others what he sees."""
    answer = await stage.act("command", user="bob", channel=CHANNEL, text=f"/model status {MODEL}")
    took = answer["visible_ms"]  # None where the machine is so slow that it comes later
    after = "" if took is None else f", {took:.0f} ms after Enter"
    await stage.expect(
        f"/model status answers bob alone with incident and version{after}",
        lambda s: [m["user"] for m in s["ephemerals"] if "INC-1" in words_of(m) and "v42" in words_of(m)] == [BOB],
    )
    card = _incident(await stage.state())
    await stage.act("action", user="bob", channel=CHANNEL, ts=card["ts"], action_id="incident_update")
    (view,) = await stage.expect("a form opens before bob", lambda s: [v for v in s["views"] if v["type"] == "modal"])
    text = "drift comes with v42 and the geo feed of 07:50; going back to v41"
    await stage.act("submit", user="bob", view_id=view["id"], values={"text": text, "status": "fixing"})
    await stage.expect("bob's words stand in the thread, and he leads", lambda s: _shows(s, "slack/incident/", text))


async def roll_back(stage: Stage) -> None:
    """Somebody presses the button; the deployment system does it two minutes later."""
    waited = 0.0 if not stage.headless else A_PERSON_S
    while waited < A_PERSON_S and not stage.hurry.is_set() and not _asked(await stage.state()):
        await stage.tell(hint=f"Press «Roll back to v41…» in #{CHANNEL}, or bob does it in {A_PERSON_S - waited:.0f} s")
        await stage.wait(0.5)
        waited += 0.5
    if not _asked(await stage.state()):
        card = _incident(await stage.state())
        await stage.act("action", user="bob", channel=CHANNEL, ts=card["ts"], action_id="incident_rollback")
    await stage.tell(hint="")
    await stage.expect("the card says who asked to roll back v42 → v41", _asked)
    done = await stage.now() + timedelta(minutes=2)
    await stage.pass_until(done)
    back = _rollout("succeeded", version="41", previous_version="42", traffic_percent=100, at=done)
    await stage.deliver("events", back | {"trigger": "rollback", "actor": "bob"})
    await stage.expect(
        "the deployment card turned where it stands: ↩️ v42 → v41",
        lambda s: len(_cards(s, "slack/deployment/")) == 1 and _shows(s, "slack/deployment/", "↩️", "v41"),
    )


async def all_green(stage: Stage) -> None:
    """The alerts resolve; nothing new is posted for it."""
    at = await stage.now() + timedelta(minutes=4)
    await stage.pass_until(at)
    for body in _resolved(at):
        await stage.deliver("alertmanager", body, events=len(body["alerts"]))
    await stage.expect("every alert card turned green where it stands", _alert_cards_are_green)
    await stage.expect("the incident is resolved", lambda s: "✅" in words_of(_incident(s)))
    await stage.expect("Jira moved the ticket to Done", lambda s: _ticket(s)["fields"]["status"]["name"] == "Done")
    await stage.expect("the card and the ticket line say so", lambda s: "Done" in words_of(_incident(s)))
    first = (await stage.tell()).get("first_call", 0)
    chat = [c for c in await stage.calls() if str(c["method"]).startswith("chat.") and c["n"] > first]
    if len(chat) > MOST_CALLS:
        raise StoryFailed(f"{len(chat)} chat.* calls, more than {MOST_CALLS}: {_by_card(chat, await stage.state())}")
    stage.note(f"{NULLS + DRIFTS + 1:,} alerts in, {len(chat)} chat.* calls out, from the first alert to all green")


async def monday(stage: Stage) -> None:
    """Monday, 09:00: the digest."""
    sunday = MONDAY - timedelta(hours=17)
    await stage.set_clock(sunday)
    await asyncio.sleep(LEARNS_S)
    await stage.deliver("events", [_week(0.0216, sunday)])
    await stage.set_clock(MONDAY - timedelta(seconds=1))
    await stage.run_at(1)
    await stage.expect(
        "Monday 09:00: one digest in #ml-weekly, with a table and a chart",
        lambda s: (
            len(digests := [m for m in messages(s, "ml-weekly", "slack/digest/") if not _is_reply(m)]) == 1
            and {"data_table", "data_visualization"} <= {b["type"] for b in digests[0]["blocks"]}
            and MODEL in words_of(digests[0])
        ),
    )
    await stage.expect(
        "its thread tells the values of the whole week",
        lambda s: any(f"of {sunday.day} Nov" in words_of(m) for m in messages(s, "ml-weekly", "slack/digest/")),
    )


STORY = Story(
    "A bad release",
    START,
    (
        Step("v42 goes live", deploy),
        Step("Eleven minutes later: 1,001 alerts", storm),
        Step("Bob looks", look),
        Step("Roll back", roll_back),
        Step("All green", all_green),
        Step("Monday 09:00: the digest", monday),
    ),
)


async def _at_story_second(stage: Stage, second: float, started: float) -> None:
    """Wait until SECOND of the storm: it is quick enough to be watched as it is."""
    await asyncio.sleep(max(0.0, second / STORM_SPEED - (time.monotonic() - started)))


def _rollout(status: str, *, at: datetime, version: str = "42", **more: Any) -> dict[str, Any]:
    event = {"kind": "deployment", "model": MODEL, "stage": "production", "version": version, "status": status}
    return event | {"actor": "alice", "occurred_at": at.isoformat(), **more}


def _week(declined: float, end: datetime) -> dict[str, Any]:
    week = {"kind": "evaluation", "model": MODEL, "version": "41", "stage": "production", "evaluation_type": "product"}
    window = {"window_start": (end - timedelta(days=7)).isoformat(), "window_end": end.isoformat()}
    metric = {"name": "good_payments_declined", "value": declined, "unit": "ratio", "family": "product", "n": 415_000}
    return week | window | {"occurred_at": end.isoformat(), "metrics": [metric]}


def _storm() -> Iterator[tuple[float, dict[str, Any], int]]:
    """Yield second, notification and how many of its alerts are new: storms come in parts, each with all so far."""
    nulls, drifts = _columns("FeatureNullRateHigh", NULLS), _columns("FeatureDriftHigh", DRIFTS)
    yield 0, _notification("FeatureNullRateHigh", nulls[:40]), 40
    yield 4, _notification("FeatureNullRateHigh", nulls[:200]), 160
    yield 8, _notification("GoodPaymentsSLO", [_slo()]), 1
    yield 9, _notification("FeatureDriftHigh", drifts[:150]), 150
    yield 12, _notification("FeatureNullRateHigh", nulls), NULLS - 200
    yield 15, _notification("FeatureDriftHigh", drifts), DRIFTS - 150


def _resolved(at: datetime) -> Iterator[dict[str, Any]]:
    for name, alerts in (
        ("GoodPaymentsSLO", [_slo()]),
        ("FeatureNullRateHigh", _columns("FeatureNullRateHigh", NULLS)),
        ("FeatureDriftHigh", _columns("FeatureDriftHigh", DRIFTS)),
    ):
        ended = [alert | {"status": "resolved", "endsAt": at.isoformat()} for alert in alerts]
        yield _notification(name, ended, status="resolved")


def _columns(name: str, count: int) -> list[dict[str, Any]]:
    what = "null rate above 5 %" if name == "FeatureNullRateHigh" else "PSI above 0.2"
    return [
        _alert(name, {"feature": feature, "severity": "warning"}, {"summary": f"{feature}: {what}"}, ONSET)
        for feature in (FEATURES[n] if n < len(FEATURES) else f"feature_{n:04d}" for n in range(count))
    ]


FEATURES = ("merchant_country", "device_id", "ip_distance_km", "card_age_days", "basket_size")


def _slo() -> dict[str, Any]:
    said = {
        "summary": "fraud-scorer declines 4.1 % of good payments (objective 2.5 %)",
        "value": "0.041",
        "threshold": "0.025",
        "unit": "ratio",
        "for": "2m",
        "runbook_url": "https://runbooks.example.com/fraud/good-payments",
    }
    return _alert("GoodPaymentsSLO", {"severity": "critical", "slo": "good_payments_declined"}, said, ONSET + FOR)


def _alert(name: str, labels: Mapping[str, str], said: Mapping[str, str], at: datetime) -> dict[str, Any]:
    all_labels = {"alertname": name, "model": MODEL, "stage": "production", **labels}
    return {
        "status": "firing",
        "labels": all_labels,
        "annotations": dict(said),
        "startsAt": at.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example.com/graph",
        "fingerprint": sha256(repr(sorted(all_labels.items())).encode()).hexdigest()[:16],
    }


def _notification(name: str, alerts: Sequence[Mapping[str, Any]], status: str = "firing") -> dict[str, Any]:
    group = {"alertname": name, "model": MODEL}
    return {
        "version": "4",
        "receiver": "bellwether",
        "status": status,
        "groupKey": f'{{}}:{{alertname="{name}", model="{MODEL}"}}',
        "groupLabels": group,
        "commonLabels": group,
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example.com",
        "truncatedAlerts": 0,
        "alerts": list(alerts),
    }


def _cards(state: State, key: str, *, roots: bool = False) -> list[Mapping[str, Any]]:
    found = messages(state, CHANNEL, key)
    return [m for m in found if not _is_reply(m)] if roots else found


def _is_reply(message: Mapping[str, Any]) -> bool:
    return message.get("thread_ts") not in (None, message["ts"])


def _shows(state: State, key: str, *words: str) -> bool:
    """Return whether these words all stand in the messages under KEY."""
    text = "\n".join(words_of(m) for m in _cards(state, key))
    return all(word in text for word in words)


def _incident(state: State) -> Mapping[str, Any]:
    found = _cards(state, "slack/incident/", roots=True)
    if not found:
        raise StoryFailed("there is no incident card")
    return found[0]


def _ticket(state: State) -> Mapping[str, Any]:
    if len(state["issues"]) != 1:
        raise StoryFailed(f"{len(state['issues'])} tickets instead of one")
    issue: Mapping[str, Any] = state["issues"][0]
    return issue


def _ticket_is_linked(state: State) -> bool:
    if len(state["issues"]) != 1:
        return False
    issue, card = state["issues"][0], _incident(state)
    links = [str(link) for link in issue.get("remotelinks") or issue.get("remote_links") or ()]
    return issue["key"] in words_of(card) and any(card["ts"].replace(".", "") in link for link in links)


def _first_reply_lists_changes(state: State) -> bool:
    card = _incident(state)
    replies = [m for m in _cards(state, "slack/incident/") if m.get("thread_ts") == card["ts"] and _is_reply(m)]
    if not replies or not key_of(replies[0]).endswith("/changes"):
        return False
    words = words_of(replies[0])
    return all(word in words for word in ("v42", "geo-2", "rule 7", "Not connected"))


def _by_card(calls: Sequence[Mapping[str, Any]], state: State) -> str:
    """Return how many of CALLS each card took."""
    names = {m["ts"]: key_of(m) for m in _cards(state, "")}
    counts = Counter(names.get(c["args"].get("ts", ""), str(c["method"])) for c in calls)
    return ", ".join(f"{key} {count}" for key, count in counts.most_common())


def _asked(state: State) -> bool:
    return "asked to roll back" in words_of(_incident(state))


def _alert_cards_are_green(state: State) -> bool:
    cards = _cards(state, "slack/group/")
    return bool(cards) and all("Resolved" in words_of(card) for card in cards)
