"""A Slack that allows one message a second in a channel, without any burst, and 200 alert groups that open in one.

Alertmanager was measured on the same rig: 570 calls in 45 s, and 7 of the 200 groups delivered. Seconds are the
sandbox's, but for the button, which is pressed in real time.
"""

import asyncio
import time
from datetime import timedelta
from statistics import quantiles

from benchmarks.alerts import notification
from benchmarks.figures import Figure
from benchmarks.rig import CHANNEL, MODEL, Rig, exact, kinds, running

SPEED = 4.0
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
STRICT = {"post_per_s": 1, "post_burst": 1}
MANY = 200
OVER = timedelta(minutes=11)
"""A storm is over by then, and its groups get cards of their own."""
PRESSES, BETWEEN_S = 20, 0.5


async def measure() -> list[Figure]:
    figures: list[Figure] = []
    for part in (two_hundred_groups, a_button_meanwhile):
        print(f"  {part.__name__.replace('_', ' ')} ...", flush=True)
        async with running(SPEED) as rig:
            figures += await part(rig)
    return figures


async def two_hundred_groups(rig: Rig) -> list[Figure]:
    """Alertmanager's own rig: 200 groups in one channel, and a Slack that allows one message a second."""
    await rig.limit(**STRICT)
    begun = await rig.now()
    await rig.deliver(
        *[notification(f"Drift{group}", MODEL, begun, group, 1) for group in range(MANY)], within=5 * SECOND
    )
    last = await rig.now()
    names = [f"Drift{group}" for group in range(MANY)]
    while (unseen := await rig.unseen(names)) and await rig.now() < last + MINUTE:  # noqa: ASYNC110 - the other side's
        await asyncio.sleep(0.1)
    seen = (await rig.now() - last).total_seconds()
    await asyncio.sleep(max(0.0, (begun + 45 * SECOND - await rig.now()).total_seconds() / rig.speed))
    calls = await rig.calls()
    await rig.at_speed(2 * SPEED)
    await rig.jump(OVER)  # every group that is still open gets a card of its own then
    await rig.appear(MANY)
    wrong = await rig.settled()
    later = (await rig.calls())[len(calls) :]
    refused = sum(c["status"] == 429 for c in [*calls, *later])
    return [
        Figure(
            f"{MANY} groups, 1 message a second",
            f"{MANY - len(unseen)} visible {seen:.1f} s after the last",
            f"{1 - len(unseen) / MANY:.0%}",
            "200 in 15 s",
            met=not unseen and seen <= 15,
        ),
        Figure("in 45 s", kinds(calls), "", "45 calls", met=len(calls) <= 45),
        Figure("afterwards, a card each", kinds(later)),
        Figure("", f"{max(0, refused - 1)} answered 429 after the first, which teaches", "", "0", met=refused <= 1),
        exact(wrong),
    ]


async def a_button_meanwhile(rig: Rig) -> list[Figure]:
    """Somebody presses a button on a card while 200 cards wait to be posted in its channel; in real time."""
    await rig.limit(**STRICT)
    await rig.deliver(notification(f"Drift{MANY}", MODEL, await rig.now(), MANY, 1))
    cards = await rig.appear(1)
    await rig.jump(2 * MINUTE)
    begun = await rig.now()
    await rig.deliver(*[notification(f"Drift{group}", MODEL, begun, group, 1) for group in range(MANY)])
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
        exact(wrong),
    ]


async def _pressed(rig: Rig, ts: str, button: str) -> float:
    """Press BUTTON; returns after how many seconds the edit of its card came in."""
    known = [c["n"] for c in await rig.calls()]
    begun = time.time()  # noqa: TID251 - compared with the times of calls
    act = {"user": "alice", "channel": CHANNEL, "ts": ts, "action_id": button}
    pressing = asyncio.create_task(rig.slack.post("/_sandbox/action", json=act))
    while True:
        edits = [c for c in await rig.calls(after=max(known)) if c["args"].get("ts") == ts and c["status"] == 200]
        if edits or time.time() > begun + 20:  # noqa: TID251
            answer = (await pressing).json()
            if not edits:
                raise RuntimeError(f"{button} is not shown: {answer['error']}")
            return float(edits[0]["at"]) - begun
        await asyncio.sleep(0.02)
