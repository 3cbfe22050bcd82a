"""Storms against a Slack that limits: how many calls it sees, when people see what, and when the last word is true.

Goals: performance.md 8 (G8, G9) for 10,000 alerts; the others are what Alertmanager was measured to do on the same rig
(200 groups, one message a second allowed: 570 calls, 7 groups visible after 45 s). Seconds are the sandbox's.
"""

import asyncio
import time
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from benchmarks.alerts import notification
from benchmarks.figures import Figure
from benchmarks.rig import MODEL, Rig, kinds, running, seconds_after

SPEED = 4.0
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
STRICT = {"post_per_s": 1, "post_burst": 1}
"""Slack as the documentation has it: one message a second in a channel, and no burst."""
ALERTS, GROUPS, AT_ONCE = 10_000, 20, 25
MANY = 200
OVER = timedelta(minutes=11)
"""A storm is over by then, and its groups get cards of their own."""
PRESSES, BETWEEN_S = 30, 1.0


async def measure() -> list[Figure]:
    figures: list[Figure] = []
    for part in (one_storm_card, twenty_cards, one_hot_card, two_hundred_groups, a_button_meanwhile):
        print(f"  {part.__name__.replace('_', ' ')} ...", flush=True)
        async with running(SPEED) as rig:
            figures += await part(rig)
    return figures


async def one_storm_card(rig: Rig) -> list[Figure]:
    """10,000 alerts in a minute, in 20 groups that open at once."""
    return await _ten_thousand(rig, "10,000 alerts, 20 groups at once")


async def twenty_cards(rig: Rig) -> list[Figure]:
    """The same alerts for groups that opened one by one, so that each has a card of its own that runs hot."""
    for group in range(GROUPS):
        await rig.deliver(_notification(group, await rig.now(), 10 * ALERTS + group, 1))
        while len(await rig.messages()) <= group:  # noqa: ASYNC110 - the other side's state
            await asyncio.sleep(0.05)
        await rig.jump(20 * SECOND)
    await rig.jump(MINUTE)
    await rig.settled()
    return await _ten_thousand(rig, "10,000 alerts, 20 cards of their own")


async def _ten_thousand(rig: Rig, what: str) -> list[Figure]:
    await rig.forget_calls()
    at = await rig.now()
    sent = [_notification(first // AT_ONCE % GROUPS, at, first, AT_ONCE) for first in range(0, ALERTS, AT_ONCE)]
    await rig.deliver(*sent, within=MINUTE)
    last = await rig.now()
    took = (last - at).total_seconds()
    wrong = await rig.settled()
    calls, cards = await rig.calls(), len(await rig.messages())
    late = seconds_after(last, calls)
    return [
        Figure(
            f"{what}, in {took:.0f} s",
            kinds(calls),
            f"1 call for {ALERTS / len(calls):,.0f} alerts",
            "100 calls",
            met=len(calls) <= 100,
        ),
        Figure("", f"{cards} cards, last word {late:.1f} s after the last alert", "", "5 s", met=late <= 5),
        _exact(wrong),
    ]


async def one_hot_card(rig: Rig) -> list[Figure]:
    """10,000 events on one card in a minute."""
    at, each = await rig.now(), 5
    sent = [_notification(0, at, first, each) for first in range(0, ALERTS, each)]
    await rig.deliver(*sent, within=MINUTE)
    last = await rig.now()
    wrong = await rig.settled()
    calls = await rig.calls()
    edits = sum(c["method"] == "chat.update" for c in calls)
    return [
        Figure("10,000 events on one card", kinds(calls), f"{edits} edits", "60 edits", met=edits <= 60),
        Figure("", f"last word {seconds_after(last, calls):.1f} s after the last event"),
        _exact(wrong),
    ]


async def two_hundred_groups(rig: Rig) -> list[Figure]:
    """Alertmanager's own rig: 200 groups in one channel, and a Slack that allows one message a second."""
    await rig.limit(**STRICT)
    begun = await rig.now()
    await rig.deliver(*[_notification(group, begun, group, 1) for group in range(MANY)], within=5 * SECOND)
    last = await rig.now()
    names = [f"Drift{group}" for group in range(MANY)]
    while (unseen := await rig.unseen(names)) and await rig.now() < last + MINUTE:  # noqa: ASYNC110 - the other side's
        await asyncio.sleep(0.1)
    seen = (await rig.now() - last).total_seconds()
    await asyncio.sleep(max(0.0, (begun + 45 * SECOND - await rig.now()).total_seconds() / rig.speed))
    calls = await rig.calls()
    await rig.jump(OVER)  # every group that is still open gets a card of its own then
    while len(await rig.messages()) < MANY:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    wrong = await rig.settled()
    later = (await rig.calls())[len(calls) :]
    refused = sum(c["status"] == 429 for c in later)
    return [
        Figure(
            f"{MANY} groups, 1 message a second",
            f"{MANY - len(unseen)} visible {seen:.1f} s after the last",
            f"{1 - len(unseen) / MANY:.0%}",
            "200 in 15 s",
            met=not unseen and seen <= 15,
        ),
        Figure("in 45 s", kinds(calls), "", "45 calls", met=len(calls) <= 45),
        Figure("afterwards", kinds(later), "", "0 answered 429", met=refused == 0),
        _exact(wrong),
    ]


async def a_button_meanwhile(rig: Rig) -> list[Figure]:
    """Somebody presses a button on a card while 200 cards wait to be posted in its channel; in real time."""
    await rig.limit(**STRICT)
    await rig.deliver(_notification(MANY, await rig.now(), MANY, 1))
    while not (cards := await rig.messages()):  # noqa: ASYNC110 - the other side's state
        await asyncio.sleep(0.05)
    await rig.jump(2 * MINUTE)
    begun = await rig.now()
    await rig.deliver(*[_notification(group, begun, group, 1) for group in range(MANY)])
    await rig.at_speed(1.0)
    await rig.jump(OVER)
    took: list[float] = []
    for press in range(PRESSES):
        pressed = time.monotonic()
        took.append(await _pressed(rig, cards[0]["ts"], "group_acted" if press % 2 else "group_real_later"))
        await asyncio.sleep(max(0.0, pressed + BETWEEN_S - time.monotonic()))
    left = MANY + 1 - len(await rig.messages())
    await rig.at_speed(20.0)
    wrong = await rig.settled()
    p95 = quantiles(took, n=20)[18]
    return [
        Figure(
            "a button while 200 cards wait",
            f"p95 {p95:.2f} s until the card shows it ({left} still wait at the end)",
            "",
            "2 s",
            met=p95 <= 2 and left > 0,
        ),
        _exact(wrong),
    ]


async def _pressed(rig: Rig, ts: str, button: str) -> float:
    """Press BUTTON; returns after how many seconds the edit of its card came in."""
    known = [c["n"] for c in await rig.calls()]
    begun = time.time()  # noqa: TID251 - compared with the times of calls
    act = {"user": "alice", "channel": "ml-fraud", "ts": ts, "action_id": button}
    pressing = asyncio.create_task(rig.slack.post("/_sandbox/action", json=act))
    while True:
        edits = [c for c in await rig.calls(after=max(known)) if c["args"].get("ts") == ts and c["status"] == 200]
        if edits or time.time() > begun + 20:  # noqa: TID251
            answer = (await pressing).json()
            if not edits:
                raise RuntimeError(f"{button} is not shown: {answer['error']}")
            return float(edits[0]["at"]) - begun
        await asyncio.sleep(0.02)


def _exact(wrong: list[str]) -> Figure:
    return Figure("", "; ".join(wrong[:3]) or "every message says what the rows say", "", "exact", met=not wrong)


def _notification(group: int, at: datetime, first: int, count: int) -> dict[str, Any]:
    return notification(f"Drift{group}", MODEL, at, first, count)
