"""What people do with words: commands, messages, shortcuts, opening App Home. Pressing and filling in: pressing.py.

`POST /_sandbox/{deed}` returns after the last visible effect, see acting.py.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox import asked, deeds, modals, payloads, pressing, speech
from bot.sandbox.acting import LONGEST_S, PASSIVE_S, Act
from bot.sandbox.asked import BadAct
from bot.sandbox.box import Sandbox
from bot.sandbox.delivery import Answer
from bot.sandbox.errors import SlackError
from bot.sandbox.events import tell, told_mention, told_message
from bot.sandbox.responses import acked, refuse
from bot.sandbox.world import TEAM, Channel, User

Deed = Callable[[Sandbox, dict[str, Any]], Awaitable[dict[str, Any]]]


def routes(sandbox: Sandbox) -> list[Route]:
    table: dict[str, Deed] = {
        "command": command,
        "message": message,
        "shortcut": shortcut,
        "home": home,
        **pressing.DEEDS,
        **modals.DEEDS,
        **deeds.DEEDS,
    }
    return [Route(f"/_sandbox/{name}", _endpoint(sandbox, deed), methods=["POST"]) for name, deed in table.items()]


def _endpoint(sandbox: Sandbox, deed: Deed) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await deed(sandbox, await asked.body_of(request)))
        except (BadAct, SlackError) as refusal:
            nothing: dict[str, Any] = {"ack_ms": None, "visible_ms": None, "ephemerals": [], "messages": []}
            return JSONResponse({"ok": False, "error": str(refusal), **nothing, "view": None}, 200)

    return endpoint


async def command(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Send a slash command; `text` is the whole line as typed ("/model status fraud-scorer")."""
    user = asked.person(sandbox, body)
    channel = asked.writable(sandbox, body, user)
    name, _, text = str(body.get("text", "")).strip().partition(" ")
    act = Act(sandbox, user, channel)
    if body.get("thread_ts"):
        refuse(sandbox, user, channel, f"{name} is not supported in threads. Sorry!")
        return act.answer("not_supported_in_threads")
    known = sandbox.manifest.commands.get(name)
    if known is None:
        refuse(sandbox, user, channel, f"`{name}` is not a valid command. {_UNKNOWN}")
        return act.answer("invalid_command")
    if known.should_escape:
        text = speech.with_ids(sandbox.world, text)
    payload = payloads.command(sandbox, user, channel, name, text.strip())
    answer = act.acked(await sandbox.delivery.ask("slash_commands", payload))
    error = answer.error or _show_ack(sandbox, answer, user, channel)
    if error:
        words = "because the app did not respond" if error == "operation_timeout" else f'with the error "{error}"'
        refuse(sandbox, user, channel, f"{name} failed {words}.")
        return act.answer(error)
    await act.settle()
    return act.answer()


def _show_ack(sandbox: Sandbox, answer: Answer, user: User, channel: Channel) -> str:
    try:
        acked(sandbox, answer.payload, user, channel)
    except SlackError:
        return "invalid_command_response"
    return ""


async def message(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Write in a channel, a thread (`thread_ts`) or a direct message."""
    user = asked.person(sandbox, body)
    channel = asked.writable(sandbox, body, user)
    typed = str(body.get("text", ""))
    if not typed.strip():
        raise BadAct("no_text")
    world = sandbox.world
    said = {"type": "message", "user": user.id, "text": speech.sent(world, typed), "team": TEAM}
    said["client_msg_id"] = world.new_id("M")
    thread_ts = str(body.get("thread_ts") or "")
    if thread_ts:
        root = world.message(channel.id, thread_ts)
        if root is None or root.get("deleted"):
            raise BadAct("thread_not_found")
        said["thread_ts"] = root.get("thread_ts", thread_ts)
        said["parent_user_id"] = root["user"]
    act = Act(sandbox, user, channel)
    stored = world.add_message(channel.id, said, "person")
    mentions = told_mention(sandbox, channel, stored)
    told = mentions + told_message(sandbox, channel, stored)
    act.extra["ts"] = stored["ts"]
    await act.heard(told, LONGEST_S if mentions or channel.is_im else PASSIVE_S)
    return act.answer()


async def shortcut(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Use a message shortcut (`channel`, `ts`) or, without `ts`, a global one."""
    user = asked.person(sandbox, body)
    callback_id = str(body.get("callback_id", ""))
    known = sandbox.manifest.shortcuts.get(callback_id)
    kind = "message" if body.get("ts") else "global"
    if known is None or known.kind != kind:
        raise BadAct(f"no such {kind} shortcut: {callback_id!r}")
    if kind == "message":
        channel = asked.place(sandbox, body, user)
        stored = asked.message(sandbox, body, channel)
        act = Act(sandbox, user, channel)
        payload = payloads.message_shortcut(sandbox, user, channel, stored, callback_id)
    else:
        act = Act(sandbox, user)
        payload = payloads.global_shortcut(sandbox, user, callback_id)
    answer = act.acked(await sandbox.delivery.ask("interactive", payload))
    if answer.error:
        return act.answer(answer.error)
    await act.settle(LONGEST_S)
    return act.answer()


async def home(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Open the app's Home tab."""
    user = asked.person(sandbox, body)
    act = Act(sandbox, user)
    channel = sandbox.world.direct(user.id)
    event: dict[str, Any] = {"type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": "home"}
    published = sandbox.world.homes.get(user.id)
    if published is not None:
        event["view"] = {key: value for key, value in published.items() if key != "user"}
    told = tell(sandbox, event)
    await act.heard(told, LONGEST_S if published is None else PASSIVE_S)
    answer = act.answer()
    return answer | {"home": sandbox.world.homes.get(user.id)}


_UNKNOWN = (
    'In Slack, all messages that start with the "/" character are interpreted as commands. '
    'To send it as a message, put a space before the "/".'
)
