"""Filling in, submitting and closing modals. https://docs.slack.dev/surfaces/modals"""

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
from bot.sandbox.world import Cause, User, World


async def submit(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """`{user, view_id, values}`: what is not given is submitted as it stands in the modal."""
    user = asked.person(sandbox, body)
    view = _modal(sandbox, body, user)
    act = Act(sandbox, user)
    _fill(sandbox.world, view, body.get("values") or {})
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


def _modal(sandbox: Sandbox, body: dict[str, Any], user: User) -> dict[str, Any]:
    ident = str(body.get("view_id") or "")
    view = sandbox.world.views.get(ident) if ident else sandbox.world.open_view(user.id)
    if view is None or view["user"] != user.id:
        raise BadAct("no such view")
    return view


def _fill(world: World, view: dict[str, Any], values: dict[str, Any]) -> None:
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
                state.setdefault(block["block_id"], {})[ident] = fieldstate.chosen(
                    element, asked.with_ids(world, kind, given)
                )
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


def _show_errors(sandbox: Sandbox, view: dict[str, Any], errors: dict[str, str], cause: Cause) -> None:
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


DEEDS: dict[str, Callable[[Sandbox, dict[str, Any]], Awaitable[dict[str, Any]]]] = {"submit": submit, "close": close}
