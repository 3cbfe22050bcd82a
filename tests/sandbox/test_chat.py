"""chat.*: what is posted, changed and refused."""

from typing import Any

import pytest

from bot.sandbox.world import BOT_USER
from tests.sandbox.conftest import Web

GENERAL = "C01GENERAL"
DIVIDER = [{"type": "divider"}]


async def post(web: Web, **args: Any) -> dict[str, Any]:
    return await web.api("chat.postMessage", **{"channel": GENERAL, "text": "hello"} | args)


async def stored(web: Web, ts: str) -> dict[str, Any]:
    found = web.sandbox.world.message(GENERAL, ts)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"channel": "C9"}, "channel_not_found"),
        ({"channel": "#nowhere"}, "channel_not_found"),
        ({"text": ""}, "no_text"),
        ({"text": "  ", "blocks": []}, "no_text"),
        ({"blocks": "[{"}, "invalid_blocks_format"),
        ({"blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ({"attachments": [{"blocks": [{"type": "x"}]}]}, "invalid_attachments"),
        ({"thread_ts": "1795420800.000100"}, "thread_not_found"),
        ({"thread_ts": "nonsense"}, "invalid_thread_ts"),
        ({"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "x", "event_payload": {"a": "b" * 9000}}}, "metadata_too_large"),
    ],
)
async def test_a_post_that_slack_refuses(web: Web, args: dict[str, Any], error: str) -> None:
    answer = await post(web, **args)

    assert (answer["ok"], answer["error"]) == (False, error)
    assert web.sandbox.world.messages[GENERAL] == []


async def test_invalid_blocks_come_with_pointers(web: Web) -> None:
    answer = await post(web, blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}])

    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]


async def test_names_and_people_are_accepted_as_channels(web: Web) -> None:
    by_name = await post(web, channel="#general")
    direct = await post(web, channel="U01ALICE")

    assert by_name["channel"] == GENERAL
    assert direct["channel"] == "D01ALICE"


@pytest.mark.parametrize(("change", "error"), [("archive", "is_archived"), ("leave", "not_in_channel")])
async def test_where_the_app_cannot_write(web: Web, change: str, error: str) -> None:
    channel = web.sandbox.world.channels[GENERAL]
    channel.is_archived = change == "archive"
    if change == "leave":
        channel.members.discard(BOT_USER)

    assert (await post(web))["error"] == error


async def test_text_alone_removes_the_blocks_and_shows_that_it_was_edited(web: Web) -> None:
    ts = (await post(web, blocks=DIVIDER, metadata={"event_type": "card", "event_payload": {"key": "a"}}))["ts"]

    await web.api("chat.update", channel=GENERAL, ts=ts, text="new")

    message = await stored(web, ts)
    assert message["text"] == "new"
    assert "blocks" not in message
    assert message["edited"]["user"] == BOT_USER
    assert message["metadata"]["event_payload"] == {"key": "a"}


async def test_an_update_with_blocks_shows_no_label(web: Web) -> None:
    ts = (await post(web, blocks=DIVIDER))["ts"]

    answer = await web.api("chat.update", channel=GENERAL, ts=ts, text="new", blocks=DIVIDER, metadata={})

    assert answer["ok"]
    assert "edited" not in await stored(web, ts)
    assert "metadata" not in await stored(web, ts)


async def test_only_own_messages_can_be_changed_or_deleted(web: Web) -> None:
    said = await web.act("message", user="alice", channel="general", text="mine")
    args = {"channel": GENERAL, "ts": said["ts"]}

    assert (await web.api("chat.update", **args, text="x"))["error"] == "cant_update_message"
    assert (await web.api("chat.delete", **args))["error"] == "cant_delete_message"
    assert (await web.api("chat.update", channel=GENERAL, ts="1.000001", text="x"))["error"] == "message_not_found"


async def test_an_update_may_not_be_long(web: Web) -> None:
    ts = (await post(web, text="x" * 5000))["ts"]

    assert (await web.api("chat.update", channel=GENERAL, ts=ts, text="x" * 4001))["error"] == "msg_too_long"


async def test_a_deleted_message_is_hidden_but_not_forgotten(web: Web) -> None:
    ts = (await post(web))["ts"]

    await web.api("chat.delete", channel=GENERAL, ts=ts)

    history = await web.api("conversations.history", channel=GENERAL)
    state = (await web.http.get("/_sandbox/state")).json()
    assert history["messages"] == []
    assert state["channels"][0]["messages"][0]["deleted"] is True
    assert (await web.api("chat.update", channel=GENERAL, ts=ts, text="x"))["error"] == "message_not_found"


async def test_replies_are_counted_and_do_not_appear_in_history(web: Web) -> None:
    root = (await post(web))["ts"]
    reply = await post(web, text="reply", thread_ts=root)
    nested = await post(web, text="nested", thread_ts=reply["ts"])

    history = await web.api("conversations.history", channel=GENERAL)
    replies = await web.api("conversations.replies", channel=GENERAL, ts=root)

    assert nested["error"] == "cannot_reply_to_message"
    assert [message["text"] for message in history["messages"]] == ["hello"]
    assert history["messages"][0]["reply_count"] == 1
    assert [message["text"] for message in replies["messages"]] == ["hello", "reply"]


async def test_metadata_comes_back_whole_only_when_asked_for(web: Web) -> None:
    await post(web, metadata={"event_type": "card", "event_payload": {"nonce": "n1"}})

    plain = await web.api("conversations.history", channel=GENERAL)
    whole = await web.api("conversations.history", channel=GENERAL, include_all_metadata=True)

    assert plain["messages"][0]["metadata"] == {"event_type": "card"}
    assert whole["messages"][0]["metadata"]["event_payload"] == {"nonce": "n1"}
    assert whole["messages"][0]["app_id"]


async def test_history_pages_and_respects_bounds(web: Web) -> None:
    stamps = [(await post(web, text=str(n)))["ts"] for n in range(5)]

    first = await web.api("conversations.history", channel=GENERAL, limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    second = await web.api("conversations.history", channel=GENERAL, limit=2, cursor=cursor)
    since = await web.api("conversations.history", channel=GENERAL, oldest=stamps[2])
    inclusive = await web.api("conversations.history", channel=GENERAL, oldest=stamps[2], inclusive=True)

    assert [message["text"] for message in first["messages"] + second["messages"]] == ["4", "3", "2", "1"]
    assert first["has_more"]
    assert len(since["messages"]) == 2
    assert len(inclusive["messages"]) == 3


async def test_an_ephemeral_is_for_one_member(web: Web) -> None:
    shown = await web.api("chat.postEphemeral", channel=GENERAL, user="U01ALICE", text="psst")
    stranger = await web.api("chat.postEphemeral", channel=GENERAL, user="U9", text="psst")

    assert web.sandbox.world.ephemerals[0]["ts"] == shown["message_ts"]
    assert stranger["error"] == "user_not_in_channel"


async def test_reactions_pins_and_bookmarks(web: Web) -> None:
    ts = (await post(web))["ts"]
    args = {"channel": GENERAL, "timestamp": ts}

    first = await web.api("reactions.add", **args, name="eyes")
    again = await web.api("reactions.add", **args, name=":eyes:")
    pinned = [await web.api("pins.add", **args) for _ in range(2)]
    mark = await web.api("bookmarks.add", channel_id=GENERAL, title="t", type="link", link="https://example.com")

    assert first["ok"]
    assert again["error"] == "already_reacted"
    assert (await stored(web, ts))["reactions"] == [{"name": "eyes", "users": [BOT_USER], "count": 1}]
    assert pinned[1]["error"] == "already_pinned"
    assert (await web.api("pins.list", channel=GENERAL))["items"][0]["message"]["ts"] == ts
    assert (await web.api("bookmarks.list", channel_id=GENERAL))["bookmarks"] == [mark["bookmark"]]


async def test_channels_and_people_can_be_looked_up(web: Web) -> None:
    listed = await web.api("conversations.list", exclude_archived=True, limit=2)
    more = await web.api("conversations.list", cursor=listed["response_metadata"]["next_cursor"])
    members = await web.api("conversations.members", channel=GENERAL)
    bob = await web.api("users.info", user="U02BOB")
    direct = await web.api("conversations.open", users="U02BOB")

    names = [channel["name"] for channel in listed["channels"] + more["channels"]]
    assert names == ["general", "ml-fraud", "ml-weekly", "ml-leads"]
    assert set(members["members"]) == {"U01ALICE", "U02BOB", "U03DANA", BOT_USER}
    assert bob["user"]["tz"] == "America/New_York"
    assert direct["channel"]["id"] == "D02BOB"
    assert (await web.api("users.info", user="U9"))["error"] == "user_not_found"
