"""More to say than Slack allows: people first, then incidents, and every card its last word."""

from collections.abc import Sequence

import pytest
from sqlmodel import Session

from bot.ports import Body
from bot.store.projection import touch
from tests.slack.live import Bot, message

CARDS = [f"slack/group/{n}" for n in range(20)]
STORM_S, GAPS_S = 75, (2, 5)
LAST_S = 5 + 20 * 1.2


async def say(bot: Bot, keys: Sequence[str], text: str) -> None:
    """Have KEYS show TEXT, at their turn."""
    for key in keys:
        bot.bodies[key] = lambda _refused: message(text)
    await bot.database.write(touch, bot.now(), *keys)


def refused(bot: Bot) -> list[str]:
    return [call["method"] for call in bot.calls("chat.") if call["status"] == 429]


@pytest.mark.parametrize("gap_s", GAPS_S)
async def test_cards_that_run_hot_keep_an_edit_for_the_last_word_of_each(bot: Bot, gap_s: int) -> None:
    await say(bot, CARDS, "new")
    await bot.later(90)
    assert len(bot.messages()) == len(CARDS)

    for second in range(0, STORM_S, gap_s):
        await say(bot, CARDS, f"after {second} s")
        await bot.later(gap_s)
    during = [m["text"] for m in bot.messages()]
    await say(bot, CARDS, "over")
    await bot.later(LAST_S)

    assert "new" not in during
    assert {m["text"] for m in bot.messages()} == {"over"}
    assert refused(bot) == []


async def test_while_cards_wait_people_are_served_and_then_incidents(bot: Bot) -> None:
    await bot.show("slack/group/pressed", message("a card"))
    await bot.later(3)
    await say(bot, CARDS, "new")
    await bot.later(3)
    waiting = len(CARDS) + 1 - len(bot.messages())

    await bot.show("slack/group/pressed", message("acted by bob"))
    await say(bot, ["slack/incident/1"], "an incident")
    await bot.later(4)

    texts = [m["text"] for m in bot.messages()]
    assert waiting > 10
    assert texts[0] == "acted by bob"
    assert "an incident" in texts
    assert texts.count("new") < len(CARDS)


async def test_a_card_that_waits_for_budget_is_not_looked_at_again_and_again(bot: Bot) -> None:
    await say(bot, CARDS, "new")
    await bot.later(3)
    looked: list[str] = []
    render = bot.loop.render

    def looking(db: Session, key: str) -> Body | None:
        looked.append(key)
        return render(db, key)

    bot.loop.render = looking
    before = len(bot.messages())
    await bot.later(10)

    assert len(bot.messages()) - before >= 8
    assert len(looked) <= 2 * 10


async def test_a_slack_that_is_stricter_than_documented_is_learnt(bot: Bot) -> None:
    await bot.fault(rate_limit={"post_per_s": 0.4, "post_burst": 1})
    await say(bot, CARDS, "new")
    await bot.later(120)

    assert len(bot.messages()) == len(CARDS)
    assert len(refused(bot)) <= 8
