"""Pressing buttons, choosing from menus, submitting and closing modals.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox import asked, fieldstate, payloads
from bot.sandbox.acting import Act
from bot.sandbox.api.views import checked, replace, show
from bot.sandbox.asked import BadAct
from bot.sandbox.box import Sandbox
from bot.sandbox.content import all_blocks, elements_of
from bot.sandbox.delivery import Answer
from bot.sandbox.errors import SlackError
from bot.sandbox.world import User


async def action(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, channel, ts, action_id, value?}` or `view_id` (also "home") in the place of channel and ts."""
    user = asked.person(sandbox, body)
    where = _where(sandbox, body, user)
    shown = where.get("view") or where.get("message") or where["ephemeral"]
    act = Act(sandbox, user, where.get("channel"))
    block, element, pressed = _find(shown, str(body.get("action_id", "")), body.get("value"), body.get("block_id"))
    state = shown["state"]["values"] if "view" in where else fieldstate.initial_values(all_blocks(shown))
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


async def submit(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, view_id, values}`: what is not given is submitted as it stands in the modal."""
    user = asked.person(sandbox, body)
    view = _modal(sandbox, body, user)
    act = Act(sandbox, user)
    _fill(view, body.get("values") or {})
    errors = _client_errors(view)
    if errors:
        _show_errors(sandbox, view, errors, "person")
        act.extra["errors"] = errors
        return act.answer("; ".join(errors.values()))
    view.pop("errors", None)
    payload = payloads.view_submission(sandbox, user, view)
    answer = act.acked(await sandbox.delivery.ask("interactive", payload))
    if answer.error:
        _show_errors(sandbox, view, {"": "We had some trouble connecting. Try again?"}, "slack")
        return act.answer(answer.error)
    error = _obey(sandbox, answer, user, view)
    if error:
        act.extra["errors"] = view.get("errors", {})
        return act.answer(error)
    await act.settle()
    return act.answer()


async def close(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, view_id, all?}`: cancel a modal; the app hears of it with notify_on_close."""
    user = asked.person(sandbox, body)
    view = _modal(sandbox, body, user)
    act = Act(sandbox, user)
    cleared = bool(body.get("all")) or bool(view.get("clear_on_close"))
    mine = [one for one in sandbox.world.views.values() if one["user"] == user.id]
    for one in mine if cleared else [view]:
        del sandbox.world.views[one["id"]]
    sandbox.world.touch("view", "person", user=user.id, ref=view["id"])
    if view.get("notify_on_close"):
        payload = payloads.view_closed(sandbox, user, view, cleared=cleared)
        act.acked(await sandbox.delivery.ask("interactive", payload))
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
    shown: dict[str, Any], action_id: str, value: Any, block_id: Any
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the block, the element and the entry for `actions`. Raises BadAct."""
    why = "no such action"
    for block in all_blocks(shown):
        if block_id and block["block_id"] != block_id:
            continue
        for element in elements_of(block):
            if element.get("action_id") != action_id:
                continue
            try:
                pressed = _pressed(element, value)
            except fieldstate.BadValue as error:
                why = f"no such action: {error}"
                continue
            return block, element, {"action_id": action_id, "block_id": block["block_id"], **pressed}
    raise BadAct(why)


def _pressed(element: dict[str, Any], value: Any) -> dict[str, Any]:
    kind = element["type"]
    if kind == "feedback_buttons":
        for name in ("positive_button", "negative_button"):
            button = element[name]
            if value in (None, button["value"], button["text"]["text"]):
                return {"type": kind, "text": button["text"], "value": button["value"]}
        raise fieldstate.BadValue(f"no button {value!r}")
    if kind in fieldstate.KEYS:
        return fieldstate.chosen(element, value)
    if value is not None and str(value) != str(element.get("value", "")):
        raise fieldstate.BadValue(f"the button has the value {element.get('value')!r}")
    return {key: element[key] for key in ("type", "text", "value", "style", "url") if key in element}


def _modal(sandbox: Sandbox, body: dict[str, Any], user: User) -> dict[str, Any]:
    ident = str(body.get("view_id") or "")
    view = sandbox.world.views.get(ident) if ident else sandbox.world.open_view(user.id)
    if view is None or view["user"] != user.id:
        raise BadAct("no such view")
    return view


def _fill(view: dict[str, Any], values: dict[str, Any]) -> None:
    """Take `{action_id: value}` or Slack's `{block_id: {action_id: entry}}`. Raises BadAct."""
    state = view["state"]["values"]
    left = dict(values)
    for block in all_blocks(view):
        for element in elements_of(block):
            ident, kind = element.get("action_id"), str(element.get("type"))
            if kind not in fieldstate.KEYS or ident is None:
                continue
            nested = values.get(block["block_id"])
            if isinstance(nested, dict) and ident in nested:
                given = nested[ident]
                left.pop(block["block_id"], None)
            elif ident in values:
                given = values[ident]
                left.pop(ident, None)
            else:
                continue
            try:
                state.setdefault(block["block_id"], {})[ident] = fieldstate.chosen(element, given)
            except ValueError as error:
                raise BadAct(f"{ident}: {error}") from error
    if left:
        raise BadAct(f"no such input: {', '.join(map(str, left))}")


def _client_errors(view: dict[str, Any]) -> dict[str, str]:
    """Return what Slack's client refuses before the app sees anything, by block_id."""
    errors: dict[str, str] = {}
    for block in all_blocks(view):
        if block.get("type") != "input":
            continue
        element = block["element"]
        entry = view["state"]["values"].get(block["block_id"], {}).get(element["action_id"])
        if entry is None:
            continue
        if fieldstate.is_blank(entry):
            if not block.get("optional") and element["type"] not in ("file_input",):
                errors[block["block_id"]] = "Please complete this required field."
        elif wrong := fieldstate.problem(element, entry):
            errors[block["block_id"]] = wrong
    return errors


def _show_errors(sandbox: Sandbox, view: dict[str, Any], errors: dict[str, str], cause: Any) -> None:
    view["errors"] = errors
    sandbox.world.touch("view", cause, user=view["user"], ref=view["id"])


def _obey(sandbox: Sandbox, answer: Answer, user: User, view: dict[str, Any]) -> str:
    """Do what the ack of a submission says; without a word the modal closes. Return an error or nothing."""
    body = answer.payload if isinstance(answer.payload, dict) else {}
    views = sandbox.world.views
    kind = body.get("response_action")
    try:
        match kind:
            case "errors":
                known = {block["block_id"] for block in all_blocks(view)}
                errors = {str(key): str(text) for key, text in (body.get("errors") or {}).items()}
                if not errors or not set(errors) <= known:
                    return "invalid_response: errors must name blocks of the view"
                _show_errors(sandbox, view, errors, "app")
                return "; ".join(errors.values())
            case "update":
                replace(sandbox, view, checked(body.get("view"), "modal"))
            case "push":
                show(sandbox, user.id, checked(body.get("view"), "modal"))
            case "clear":
                for one in [one for one in views.values() if one["user"] == user.id]:
                    del views[one["id"]]
                sandbox.world.touch("view", "app", user=user.id, ref=view["id"])
            case None:
                views.pop(view["id"], None)
                sandbox.world.touch("view", "app", user=user.id, ref=view["id"])
            case _:
                return f"invalid_response: unknown response_action {kind}"
    except SlackError as error:
        lines = error.extra.get("response_metadata", {}).get("messages", [])
        return " ".join([error.error, *lines])
    return ""


DEEDS: dict[str, Callable[[Sandbox, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "action": action,
    "submit": submit,
    "close": close,
    "options": options,
}
