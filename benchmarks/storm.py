"""10,000 alerts in a minute, in one channel: how many calls Slack sees, and when the last word is shown.

A message for each alert would be 10,000 calls and, at one a second, true after 2.8 hours. Seconds are the sandbox's.
"""

from datetime import datetime, timedelta
from typing import Any

from benchmarks.alerts import notification
from benchmarks.figures import Figure
from benchmarks.rig import MODEL, Rig, exact, kinds, running, seconds_after

SPEED = 4.0
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
ALERTS, GROUPS, AT_ONCE = 10_000, 20, 25


async def measure() -> list[Figure]:
    figures: list[Figure] = []
    for part in (one_storm_card, twenty_cards, one_hot_card):
        print(f"  {part.__name__.replace('_', ' ')} ...", flush=True)
        async with running(SPEED) as rig:
            figures += await part(rig)
    return figures


async def one_storm_card(rig: Rig) -> list[Figure]:
    """10,000 alerts in a minute, in 20 groups that open at once."""
    return await _ten_thousand(rig, "10,000 alerts, 20 groups at once", goal=5.0)


async def twenty_cards(rig: Rig) -> list[Figure]:
    """The same alerts for groups that opened one by one, so that each has a card of its own that runs hot."""
    for group in range(GROUPS):
        await rig.deliver(_notification(group, await rig.now(), 10 * ALERTS + group, 1))
        await rig.appear(group + 1)
        await rig.jump(20 * SECOND)
    await rig.jump(MINUTE)
    await rig.settled()
    return await _ten_thousand(rig, "10,000 alerts, 20 cards of their own", goal=GROUPS * 1.2 + 3)


async def _ten_thousand(rig: Rig, what: str, goal: float) -> list[Figure]:
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
        Figure(
            "", f"{cards} cards, last word {late:.1f} s after the last alert", "", f"{goal:.0f} s", met=late <= goal
        ),
        exact(wrong),
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
        exact(wrong),
    ]


def _notification(group: int, at: datetime, first: int, count: int) -> dict[str, Any]:
    return notification(f"Drift{group}", MODEL, at, first, count)
