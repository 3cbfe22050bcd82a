"""Messages in a workspace: made once whatever happens on the way, edited in place, drawn simpler where they must."""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.sandbox.world import BOT_USER, Channel
from bot.slack.surface import EVENT_TYPE
from bot.store.projection import release_leases
from tests.slack.live import FRAUD, Bot, key_of, message

KEY = "slack/group/1"


async def test_a_message_carries_its_key_and_nonce(bot: Bot) -> None:
    await bot.show(KEY, message("FeatureDrift fires"))

    (posted,) = bot.messages()
    assert posted["text"] == "FeatureDrift fires"
    assert posted["metadata"]["event_type"] == EVENT_TYPE
    assert posted["metadata"]["event_payload"] == {"key": KEY, "nonce": bot.row(KEY).nonce}
    assert bot.row(KEY).remote_id == f"{FRAUD}:{posted['ts']}"


async def test_an_edit_keeps_the_message_and_its_key(bot: Bot) -> None:
    await bot.show(KEY, message("FeatureDrift fires"))
    await bot.show(KEY, message("FeatureDrift is over"))

    (stands,) = bot.messages(KEY)
    assert stands["text"] == "FeatureDrift is over"
    assert [call["method"] for call in bot.calls("chat.")] == ["chat.postMessage", "chat.update"]


async def test_an_edit_removes_what_is_not_there_any_more(bot: Bot) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "much"}}
    await bot.show(KEY, message("x", blocks=[block], attachments=[{"color": "#cc0000", "blocks": [block]}]))
    await bot.show(KEY, message("y", blocks=[block]))

    (stands,) = bot.messages(KEY)
    assert (stands["text"], len(stands["blocks"]), stands.get("attachments") or []) == ("y", 1, [])


@pytest.mark.parametrize("trouble", ["accept_then_reset", "accept_then_hang"])
async def test_a_message_whose_answer_was_lost_is_found_and_not_posted_again(bot: Bot, trouble: str) -> None:
    await bot.fault(**{trouble: {"methods": ["chat.postMessage"], "n": 1}})
    await bot.show(KEY, message("FeatureDrift fires"))
    why = bot.row(KEY).error

    await bot.later(10)

    assert "connection to Slack broke" in why
    (stands,) = bot.messages(KEY)
    assert bot.row(KEY).remote_id == f"{FRAUD}:{stands['ts']}"
    assert bot.row(KEY).error == ""


async def test_a_reply_whose_answer_was_lost_is_found_in_its_thread(bot: Bot) -> None:
    await bot.show(KEY, message("root"))
    root = bot.messages(KEY)[0]["ts"]
    await bot.fault(accept_then_reset={"methods": ["chat.postMessage"], "n": 1})
    await bot.show(f"{KEY}/log/1", message("what happened", thread_ts=root))

    await bot.later(10)

    (reply,) = bot.messages(f"{KEY}/log/1")
    assert reply["thread_ts"] == root
    assert bot.row(f"{KEY}/log/1").remote_id == f"{FRAUD}:{reply['ts']}"
    assert len(bot.calls("conversations.replies")) >= 1


async def test_a_process_that_died_with_the_message_on_its_way_adopts_it(bot: Bot) -> None:
    await bot.fault(accept_then_hang={"methods": ["chat.postMessage"], "n": 1})
    await bot.show(KEY, message("FeatureDrift fires"))
    bot.restart()
    await bot.database.write(release_leases, bot.now())

    await bot.later(10)

    assert len(bot.messages(KEY)) == 1


async def test_a_message_far_down_a_busy_channel_is_still_found(bot: Bot) -> None:
    await bot.fault(accept_then_reset={"methods": ["chat.postMessage"], "n": 1})
    await bot.show(KEY, message("FeatureDrift fires"))
    for n in range(230):  # more than a page of history
        user = {"type": "message", "user": "U01ALICE", "text": f"talk {n}"}
        bot.sandbox.world.add_message(FRAUD, user, "person")

    await bot.later(10)

    assert len(bot.messages(KEY)) == 1
    assert bot.row(KEY).remote_id


async def test_a_server_error_is_looked_into_before_it_is_posted_again(bot: Bot) -> None:
    await bot.fault(server_error={"methods": ["chat.postMessage"], "status": 502, "n": 1})
    await bot.show(KEY, message("FeatureDrift fires"))

    await bot.later(10)

    assert len(bot.messages(KEY)) == 1
    order = [call["method"] for call in bot.calls() if call["method"] != "conversations.list"]
    assert order == ["chat.postMessage", *["conversations.history"] * 2, "chat.postMessage"]


async def test_an_error_that_says_nothing_is_looked_into_before_it_is_posted_again(bot: Bot) -> None:
    await bot.fault(slack_error={"methods": ["chat.postMessage"], "error": "fatal_error", "n": 1})
    await bot.show(KEY, message("FeatureDrift fires"))
    why = bot.row(KEY).error

    await bot.later(10)

    assert "fatal_error" in why
    assert len(bot.messages(KEY)) == 1
    assert bot.calls("conversations.history")


async def test_a_storm_of_429_is_waited_for_and_ends_with_the_newest_state(bot: Bot) -> None:
    await bot.show(KEY, message("one"))
    await bot.fault(rate_limit={"retry_after": 5})
    for n in range(20):
        await bot.show(KEY, message(f"change {n}"))
        await bot.later(1)
    during = [call for call in bot.calls("chat.update") if call["status"] == 429]
    errors = bot.row(KEY).error
    await bot.fault(rate_limit=False)
    await bot.later(20)

    assert len(during) <= 5
    assert errors == ""
    assert [m["text"] for m in bot.messages()] == ["change 19"]


async def test_a_429_parks_its_method_until_retry_after_and_no_other(bot: Bot) -> None:
    await bot.show(KEY, message("one"))
    await bot.fault(rate_limit={"methods": ["chat.update"], "retry_after": 7, "n": 1})
    await bot.show(KEY, message("two"))
    await bot.show("slack/group/2", message("another card"))
    for _ in range(6):
        await bot.later(1)
        await bot.show(KEY, message("three"))
    parked = len(bot.calls("chat.update"))
    await bot.later(2)

    assert parked == 1
    assert bot.row(KEY).error == ""
    assert [m["text"] for m in bot.messages()] == ["three", "another card"]


async def test_posts_to_one_channel_go_out_at_the_pace_that_slack_allows(bot: Bot) -> None:
    for n in range(12):
        await bot.show(f"slack/group/{n}", message(f"card {n}"))
    at_once = len(bot.messages())
    await bot.later(15)

    assert at_once <= 4
    assert len(bot.messages()) == 12
    assert [call["error"] for call in bot.calls("chat.postMessage") if call["error"]] == []


async def test_a_message_that_a_person_deleted_is_made_anew(bot: Bot) -> None:
    await bot.show(KEY, message("one"))
    first = bot.messages(KEY)[0]["ts"]
    await bot.act("delete", user="dana", channel="ml-fraud", ts=first)

    await bot.show(KEY, message("two"))

    (stands,) = bot.messages(KEY)
    assert stands["text"] == "two"
    assert stands["ts"] != first


async def test_replies_move_to_the_new_root_when_somebody_deleted_the_old_one(bot: Bot) -> None:
    def reply(_refused: frozenset[str]) -> Mapping[str, Any]:
        return message("what happened", thread_ts=(bot.row(KEY).remote_id or "").partition(":")[2])

    await bot.show(KEY, message("root"))
    first = bot.messages(KEY)[0]["ts"]
    await bot.act("delete", user="dana", channel="ml-fraud", ts=first)

    await bot.show(f"{KEY}/log/1", reply)
    await bot.later(20)

    root, answer = bot.messages(KEY)
    assert key_of(root) == KEY
    assert root["ts"] != first
    assert answer["thread_ts"] == root["ts"]
    assert len(bot.calls("chat.postMessage")) <= 5


async def test_a_block_that_the_workspace_refuses_is_drawn_simpler_and_that_is_remembered(bot: Bot) -> None:
    # The sandbox has no fault that refuses a block type; a chart without its parts is refused as an unknown one is.
    def chart(refused: frozenset[str]) -> Mapping[str, Any]:
        simple = {"type": "section", "text": {"type": "mrkdwn", "text": "▁▂▃"}}
        broken = {"type": "data_visualization", "title": "AUC"}
        return message("AUC", blocks=[simple if "data_visualization" in refused else broken])

    await bot.show(KEY, chart)
    await bot.work()
    await bot.later(2)
    await bot.show("slack/group/2", chart)

    assert [m["blocks"][0]["type"] for m in bot.messages()] == ["section", "section"]
    assert [call["error"] for call in bot.calls("chat.postMessage")] == ["invalid_blocks", None, None]


async def test_a_message_that_slack_refuses_for_another_reason_says_why_and_waits_for_a_change(bot: Bot) -> None:
    await bot.show(KEY, message("x", blocks=[{"type": "section"}]))
    await bot.later(5)
    why, tries = bot.row(KEY).error, len(bot.calls("chat.postMessage"))
    await bot.show(KEY, message("x"))

    assert "invalid_blocks" in why
    assert tries == 1
    assert len(bot.messages(KEY)) == 1
    assert bot.row(KEY).error == ""


async def test_a_channel_without_the_bot_says_how_to_invite_it_and_follows_the_invitation(bot: Bot) -> None:
    await bot.act("member", user="alice", channel="ml-fraud", kick="bellwether")
    await bot.show(KEY, message("FeatureDrift fires"))
    why = bot.row(KEY).error
    await bot.later(200)
    nothing = bot.messages(KEY)
    await bot.act("member", user="alice", channel="ml-fraud", invite="bellwether")
    await bot.later(301)

    assert "/invite @bellwether" in why
    assert nothing == []
    assert len(bot.messages(KEY)) == 1


async def test_an_archived_channel_says_so_and_follows_when_it_is_open_again(bot: Bot) -> None:
    await bot.show(KEY, message("FeatureDrift fires"))
    await bot.act("archive", user="alice", channel="ml-fraud")
    await bot.show(KEY, message("FeatureDrift is over"))
    await bot.show("slack/group/2", message("new meanwhile"))
    whys = [bot.row(key).error for key in (KEY, "slack/group/2")]
    await bot.act("archive", user="alice", channel="ml-fraud", undo=True)
    await bot.later(61)

    assert ["archived" in why for why in whys] == [True, True]
    assert [m["text"] for m in bot.messages()] == ["FeatureDrift is over", "new meanwhile"]


async def test_a_card_whose_channel_was_archived_is_made_anew_where_it_belongs_now(bot: Bot) -> None:
    await bot.show(KEY, message("FeatureDrift fires"))
    await bot.act("archive", user="alice", channel="ml-fraud")

    await bot.show(KEY, message("FeatureDrift fires", channel="#general"))

    assert [m["text"] for m in bot.messages(KEY, channel="C01GENERAL")] == ["FeatureDrift fires"]


async def test_a_channel_that_nobody_knows_is_asked_for_again(bot: Bot) -> None:
    await bot.show(KEY, message("FeatureDrift fires", channel="#ml-new"))
    why = bot.row(KEY).error
    bot.sandbox.world.add_channel(Channel("C0MLNEW", "ml-new", {BOT_USER}))
    await bot.later(61)

    assert "ml-new" in why
    assert len(bot.messages(KEY, channel="C0MLNEW")) == 1


async def test_a_revoked_token_tells_the_operator_and_heals(bot: Bot) -> None:
    await bot.fault(token_revoked=True)
    await bot.show(KEY, message("FeatureDrift fires"))
    why = bot.row(KEY).error
    await bot.fault(token_revoked=False)
    await bot.later(61)

    assert "SLACK_BOT_TOKEN" in why
    assert len(bot.messages(KEY)) == 1


async def test_a_missing_scope_is_named_and_heals(bot: Bot) -> None:
    await bot.fault(missing_scope=["chat:write"])
    await bot.show(KEY, message("FeatureDrift fires"))
    why = bot.row(KEY).error
    await bot.fault(missing_scope=False)
    await bot.later(61)

    assert "lacks the scope chat:write" in why
    assert len(bot.messages(KEY)) == 1


async def test_what_waits_goes_at_once_when_one_of_them_gets_through(bot: Bot) -> None:
    await bot.fault(slack_down=True)
    for n in range(1, 4):
        await bot.show(f"slack/group/{n}", message(f"card {n}"))
        await bot.later(40)
    await bot.fault(slack_down=False)
    waited = 0
    while not bot.messages():
        await bot.later(1)
        waited += 1
        assert waited < 300
    await bot.later(15)

    assert sorted(m["text"] for m in bot.messages()) == ["card 1", "card 2", "card 3"]


async def test_slack_being_down_loses_nothing_and_posts_nothing_twice(bot: Bot) -> None:
    await bot.show(KEY, message("one"))
    await bot.fault(slack_down=True)
    await bot.show(KEY, message("two"))
    await bot.show("slack/group/2", message("new meanwhile"))
    await bot.later(30)
    await bot.fault(slack_down=False)
    await bot.later(120)

    assert [m["text"] for m in bot.messages()] == ["two", "new meanwhile"]


async def test_a_home_is_published_and_an_equal_one_is_not_published_again(bot: Bot) -> None:
    view = {"type": "home", "blocks": [{"type": "divider"}]}
    await bot.show("slack/home/U01ALICE", {"user": "U01ALICE", "view": view})
    await bot.show("slack/home/U01ALICE", {"user": "U01ALICE", "view": dict(view)})
    once = len(bot.calls("views.publish"))
    await bot.show("slack/home/U01ALICE", {"user": "U01ALICE", "view": view | {"blocks": [{"type": "divider"}] * 2}})

    assert once == 1
    assert len(bot.sandbox.world.homes["U01ALICE"]["blocks"]) == 2
    assert bot.row("slack/home/U01ALICE").remote_id == "U01ALICE"


async def test_a_home_whose_answer_was_lost_is_published_again_without_looking(bot: Bot) -> None:
    await bot.fault(accept_then_reset={"methods": ["views.publish"], "n": 1})
    await bot.show("slack/home/U01ALICE", {"user": "U01ALICE", "view": {"type": "home", "blocks": []}})
    await bot.later(4)

    assert bot.row("slack/home/U01ALICE").remote_id == "U01ALICE"
    assert bot.calls("conversations.") == []


async def test_a_direct_message_goes_to_its_person_and_is_edited_there(bot: Bot) -> None:
    await bot.show("slack/dm/U03DANA/jira", {"user": "U03DANA", "text": "Jira does not take our tickets."})
    await bot.show("slack/dm/U03DANA/jira", {"user": "U03DANA", "text": "Jira takes our tickets again."})

    direct = bot.sandbox.world.direct("U03DANA").id
    assert [m["text"] for m in bot.messages(channel=direct)] == ["Jira takes our tickets again."]


NOTE = "slack/dm/alice/jira"


def note(text: str) -> Mapping[str, Any]:
    return {"user": "U01ALICE", "text": text}


async def test_a_direct_message_goes_to_a_person_of_an_enterprise_too(bot: Bot) -> None:
    await bot.show("slack/dm/alice/jira", message("Jira is down.", channel="") | {"user": "W01ALICE"})

    assert [call["args"]["channel"] for call in bot.calls("chat.postMessage")] == ["W01ALICE"]


async def test_a_direct_message_whose_answer_was_lost_is_found_and_not_posted_again(bot: Bot) -> None:
    await bot.fault(accept_then_reset={"methods": ["chat.postMessage"], "n": 1})
    await bot.show(NOTE, note("Jira does not take our tickets"))

    await bot.later(10)

    direct = bot.sandbox.world.direct("U01ALICE")
    (stands,) = bot.sandbox.world.messages[direct.id]
    assert bot.row(NOTE).remote_id == f"{direct.id}:{stands['ts']}"
    assert bot.row(NOTE).error == ""


async def test_without_the_scope_to_find_it_a_direct_message_is_sent_rather_twice_than_not_at_all(bot: Bot) -> None:
    await bot.fault(server_error={"methods": ["chat.postMessage"], "status": 502, "n": 1})
    await bot.fault(missing_scope={"methods": ["conversations.open"]})
    await bot.show(NOTE, note("Jira does not take our tickets"))

    await bot.later(10)

    assert len(bot.sandbox.world.messages[bot.sandbox.world.direct("U01ALICE").id]) == 1
    assert bot.row(NOTE).error == ""
