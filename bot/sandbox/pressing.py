"""Pressing buttons and choosing from menus, in messages, modals and App Home.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox import asked, fieldstate, payloads
from bot.sandbox.acting import Act
from bot.sandbox.asked import BadAct
from bot.sandbox.box import Sandbox
from bot.sandbox.content import all_blocks, elements_of
from bot.sandbox.world import User, World


async def action(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, ts, action_id, value?}` or `view_id` (also "home") in the place of channel and ts."""
    user = asked.person(sandbox, body)
    where = _where(sandbox, body, user)
    shown = where.get("view") or where.get("message") or where["ephemeral"]
    act = Act(sandbox, user, where.get("channel"))
    block, element, pressed = _find(sandbox.world, shown, body)
    state = shown["state"]["values"] if "view" in where else _choices(sandbox, user, shown)
    if element["type"] in fieldstate.KEYS and element["type"] != "overflow":
        state.setdefault(block["block_id"], {})[element["action_id"]] = {
            key: value for key, value in pressed.items() if key not in ("action_id", "block_id", "action_ts")
        }
        if block["type"] == "input" and not block.get("dispatch_action"):
            return act.answer()
    pressed["action_ts"] = sandbox.world.new_ts()
    payload = payloads.block_actions(sandbox, user, where, pressed, state)
    answer = act.acked(await sandbox.delivery.ask("interactive", payload))
    if answer.error:
        return act.answer(answer.error)
    await act.settle()
    return act.answer()


async def options(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, ts or view_id, action_id, value}`: ask the app for the options of an external menu."""
    user = asked.person(sandbox, body)
    where = _where(sandbox, body, user)
    shown = where.get("view") or where.get("message") or where["ephemeral"]
    ident = str(body.get("action_id", ""))
    for block in all_blocks(shown):
        for element in elements_of(block):
            if element.get("action_id") == ident and "external" in str(element.get("type")):
                value = str(body.get("value", ""))
                payload = payloads.suggestion(sandbox, user, where, block["block_id"], ident, value)
                answer = await sandbox.delivery.ask("interactive", payload)
                found = answer.payload if isinstance(answer.payload, dict) else {}
                return {"ok": not answer.error, "error": answer.error or None, "options": [], **found}
    raise BadAct("no such action")


def _where(sandbox: Sandbox, body: dict[str, Any], user: User) -> dict[str, Any]:
    """Return {view} or {channel, message} or {channel, ephemeral}: what the person looks at."""
    world, ident = sandbox.world, str(body.get("view_id") or "")
    if ident:
        home = world.homes.get(user.id)
        if home is not None and ident in ("home", home["id"]):
            return {"view": home}
        view = world.views.get(ident)
        if view is None or view["user"] != user.id:
            raise BadAct("no such view")
        return {"view": view}
    channel = asked.place(sandbox, body, user)
    ts = str(body.get("ts", ""))
    for shown in reversed(world.ephemerals):
        if shown["ts"] == ts and shown["user"] == user.id and shown["channel"] == channel.id and not shown["gone"]:
            return {"channel": channel, "ephemeral": shown}
    if user.id not in channel.members:
        raise BadAct("not_in_channel")
    return {"channel": channel, "message": asked.message(sandbox, body, channel)}


def _find(
    world: World, shown: dict[str, Any], body: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the block, the element and the entry for `actions`. Raises BadAct."""
    ident, block_id = str(body.get("action_id", "")), body.get("block_id")
    why = "no such action"
    for block in all_blocks(shown):
        if block_id and block["block_id"] != block_id:
            continue
        for element in elements_of(block):
            if element.get("action_id") != ident:
                continue
            try:
                pressed = _pressed(world, element, body.get("value"))
            except fieldstate.BadValue as error:
                why = f"no such action: {error}"
                continue
            return block, element, {"action_id": ident, "block_id": block["block_id"], **pressed}
    raise BadAct(why)


def _pressed(world: World, element: dict[str, Any], value: Any) -> dict[str, Any]:
    kind = element["type"]
    if kind == "feedback_buttons":
        for name in ("positive_button", "negative_button"):
            button = element[name]
            if value in (None, button["value"], button["text"]["text"]):
                return {"type": kind, "text": button["text"], "value": button["value"]}
        raise fieldstate.BadValue(f"no button {value!r}")
    if kind in fieldstate.KEYS:
        return fieldstate.chosen(element, asked.with_ids(world, str(kind), value))
    if value is not None and str(value) != str(element.get("value", "")):
        raise fieldstate.BadValue(f"the button has the value {element.get('value')!r}")
    return {key: element[key] for key in ("type", "text", "value", "style", "url") if key in element}


def _choices(sandbox: Sandbox, user: User, shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return `state.values` of a message: what it began with, and what this person chose in it since."""
    values = fieldstate.initial_values(all_blocks(shown))
    kept = sandbox.choices.get((user.id, shown["ts"]), {})
    for block_id, entries in kept.items():
        if block_id in values:
            values[block_id] |= entries
    sandbox.choices[user.id, shown["ts"]] = values
    return values


DEEDS: dict[str, Callable[[Sandbox, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "action": action,
    "options": options,
}
