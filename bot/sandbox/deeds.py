"""The small things that people do: react, edit, delete, pin, invite, archive. They return sooner than a command."""

import copy
from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox import asked, speech
from bot.sandbox.acting import PASSIVE_S, Act
from bot.sandbox.api import marks
from bot.sandbox.asked import BadAct
from bot.sandbox.box import Sandbox
from bot.sandbox.events import Told, tell, told_message
from bot.sandbox.world import BOT_USER, TEAM, Channel, User


async def react(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, ts, name, remove?}`"""
    user, channel, message = _message(sandbox, body)
    name = str(body.get("name") or body.get("reaction") or body.get("emoji") or "").strip(":")
    if not name:
        raise BadAct("invalid_name")
    act = Act(sandbox, user, channel)
    remove = bool(body.get("remove"))
    change = marks.unreact if remove else marks.react
    change(sandbox, channel, message, name, user=user.id, cause="person")
    event = {"type": "reaction_removed" if remove else "reaction_added", "user": user.id, "reaction": name}
    item = {"type": "message", "channel": channel.id, "ts": message["ts"]}
    return await _after(act, tell(sandbox, event | {"item": item, "item_user": message["user"]}))


async def edit(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, ts, text}`: only one's own messages."""
    user, channel, message = _message(sandbox, body)
    if message["user"] != user.id:
        raise BadAct("cant_update_message")
    before = copy.deepcopy(message)
    act = Act(sandbox, user, channel)
    world = sandbox.world
    message["text"] = speech.sent(world, str(body.get("text", "")))
    message["edited"] = {"user": user.id, "ts": world.new_ts()}
    world.touch("message", "person", channel=channel.id, ref=message["ts"])
    more = {"message": copy.deepcopy(message), "previous_message": before, "hidden": True}
    changed = told_message(sandbox, channel, {"ts": world.new_ts()}, subtype="message_changed", **more)
    return await _after(act, changed)


async def delete(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, ts}`: one's own messages; dana, an admin, also those of others and of the app."""
    user, channel, message = _message(sandbox, body)
    if message["user"] != user.id and user.id != "U03DANA":
        raise BadAct("cant_delete_message")
    act = Act(sandbox, user, channel)
    sandbox.world.remove_message(channel.id, message, "person")
    more = {"deleted_ts": message["ts"], "previous_message": copy.deepcopy(message), "hidden": True}
    stamp = {"ts": sandbox.world.new_ts()}
    return await _after(act, told_message(sandbox, channel, stamp, subtype="message_deleted", **more))


async def pin(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, ts, remove?}`"""
    user, channel, message = _message(sandbox, body)
    act = Act(sandbox, user, channel)
    remove = bool(body.get("remove"))
    change = marks.unpin if remove else marks.pin
    change(sandbox, channel, message, "person")
    event = {"type": "pin_removed" if remove else "pin_added", "user": user.id, "channel_id": channel.id}
    return await _after(act, tell(sandbox, event | {"item": {"type": "message", "message": message}}))


async def member(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, invite or kick: name of a person or of the app}`"""
    user = asked.person(sandbox, body)
    channel = asked.place(sandbox, body, user)
    joins = bool(body.get("invite"))
    ref = str(body.get("invite") or body.get("kick") or "")
    other = sandbox.world.user(ref)
    if other is None or channel.is_im:
        raise BadAct(f"no such user: {ref!r}" if other is None else "method_not_supported_for_channel_type")
    if joins == (other.id in channel.members):
        raise BadAct("already_in_channel" if joins else "not_in_channel")
    act = Act(sandbox, user, channel)
    told: Told = []
    event = {"user": other.id, "channel": channel.id, "channel_type": "C", "team": TEAM}
    if joins:
        channel.members.add(other.id)
        _line(sandbox, channel, other, f"<@{other.id}> has joined the channel", "channel_join")
        if BOT_USER in channel.members:
            told = tell(sandbox, event | {"type": "member_joined_channel", "inviter": user.id})
    else:
        if BOT_USER in channel.members:
            told = tell(sandbox, event | {"type": "member_left_channel"})
        channel.members.discard(other.id)
        _line(sandbox, channel, other, f"<@{other.id}> has left the channel", "channel_leave")
    sandbox.world.touch("channel", "person", channel=channel.id)
    return await _after(act, told)


async def archive(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, undo?}`"""
    user = asked.person(sandbox, body)
    channel = asked.place(sandbox, body, user)
    undo = bool(body.get("undo"))
    if channel.is_im or channel.name == "general":
        raise BadAct("cant_archive_general" if not channel.is_im else "method_not_supported_for_channel_type")
    if channel.is_archived != undo:
        raise BadAct("not_archived" if undo else "already_archived")
    act = Act(sandbox, user, channel)
    channel.is_archived = not undo
    sandbox.world.touch("channel", "person", channel=channel.id)
    event = {"type": "channel_unarchive" if undo else "channel_archive", "channel": channel.id, "user": user.id}
    return await _after(act, tell(sandbox, event) if BOT_USER in channel.members else [])


async def _after(act: Act, told: Told) -> dict[str, Any]:
    await act.heard(told, PASSIVE_S)
    return act.answer()


def _message(sandbox: Sandbox, body: dict[str, Any]) -> tuple[User, Channel, dict[str, Any]]:
    user = asked.person(sandbox, body)
    channel = asked.writable(sandbox, body, user)
    return user, channel, asked.message(sandbox, body, channel)


def _line(sandbox: Sandbox, channel: Channel, user: User, text: str, subtype: str) -> None:
    """Say in the channel who came or went."""
    line = {"type": "message", "subtype": subtype, "user": user.id, "text": text}
    sandbox.world.add_message(channel.id, line, "person")


DEEDS: dict[str, Callable[[Sandbox, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "react": react,
    "edit": edit,
    "delete": delete,
    "pin": pin,
    "member": member,
    "archive": archive,
}
