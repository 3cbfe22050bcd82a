"""Buttons: each becomes a fact, a command, or a modal. A value is `<subject id>:<revision that was shown>`."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import Session

from bot.domain.actions import Action, AskRollback, GiveVerdict, ReopenIncident, Verdict
from bot.domain.errors import UserError
from bot.slack import commands, modals
from bot.slack.blocks import Message
from bot.slack.kept import number
from bot.slack.questions import Asker
from bot.slack.workspace import Workspace
from bot.store.tables import Audit

logger = logging.getLogger(__name__)

VERDICTS = {f"group_{verdict}": verdict for verdict in Verdict}


def listen(app: AsyncApp, workspace: Workspace) -> None:
    """Register every button of our cards."""

    @app.action(re.compile("^group_(acted|real_later|noise|known)$"))
    async def verdict(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        given = VERDICTS[action["action_id"]]

        def said(group_id: int, seen: int | None) -> Action:
            return GiveVerdict(group_id=group_id, verdict=given, by=_who(body), seen=seen)

        await _act(workspace, client, body, action, said)
        await ack()

    @app.action("incident_rollback")
    async def rollback(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        def asked(incident_id: int, seen: int | None) -> Action:
            return AskRollback(incident_id=incident_id, by=_who(body), seen=seen)

        await _act(workspace, client, body, action, asked)
        await ack()

    @app.action("incident_reopen")
    async def reopen(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        def asked(incident_id: int, seen: int | None) -> Action:
            return ReopenIncident(incident_id=incident_id, by=_who(body), seen=seen)

        await _act(workspace, client, body, action, asked)
        await ack()

    @app.action(re.compile("^run_"))
    async def run(
        ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        chosen = action.get("value") or action.get("selected_option", {}).get("value", "")
        asker = Asker(_who(body), _where(body) or _who(body))
        try:
            answer = await commands.answer(workspace, asker, chosen, partial(number, context))
        except UserError as e:
            answer = Message(str(e))
        await tell(client, body, answer)
        await ack()

    @app.action("status_share")
    async def share(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond) -> None:
        answer = await workspace.ask(modals.shared_status, action["value"], workspace.now(), workspace.look, _who(body))
        await respond(response_type="in_channel", replace_original=False, **answer.content)
        await ack()

    @app.action("digest_feedback")
    async def feedback(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        await workspace.database.write(_note_feedback, _who(body), action.get("value", ""), _where(body), workspace)
        await ack()

    @app.action({"type": "block_actions", "action_id": re.compile("^link_")})
    async def link(ack: AsyncAck) -> None:
        await ack()

    _listen_for_modals(app, workspace)


def _listen_for_modals(app: AsyncApp, workspace: Workspace) -> None:
    """Open forms beside the ack, with the trigger id still fresh.

    Not as Bolt's lazy listeners: those deep-copy the client, which one with a shared session does not survive.
    """
    opening: set[asyncio.Task[None]] = set()

    async def open_modal(body: dict[str, Any], client: AsyncWebClient) -> None:
        action = body["actions"][0]
        try:
            view = await workspace.ask(modals.for_button, action["action_id"], action.get("value", ""), _who(body))
            await client.views_open(trigger_id=body["trigger_id"], view=view)
        except UserError as e:
            await tell(client, body, Message(str(e)))
        except SlackApiError as e:
            logger.warning("form not opened", extra={"error": e.response.get("error")})
            await tell(client, body, Message("Slack did not open the form in time. Press the button again."))

    async def pressed(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        task = asyncio.create_task(open_modal(body, client))
        opening.add(task)
        task.add_done_callback(opening.discard)

    for name in modals.BUTTONS:
        app.action(name)(pressed)


def subject(action: Mapping[str, Any]) -> tuple[int, int | None]:
    """Return the subject's id and the revision that the button showed; raises UserError for what is not ours."""
    number, _, revision = str(action.get("value", "")).partition(":")
    if not number.isdigit():
        raise UserError("That button is not one of mine. Nothing done.")
    return int(number), int(revision) if revision.isdigit() else None


async def _act(
    workspace: Workspace,
    client: AsyncWebClient,
    body: dict[str, Any],
    pressed: Mapping[str, Any],
    made: Callable[[int, int | None], Action],
) -> None:
    """Record what a person did to the subject of the button; what they can't do is told to them alone."""
    try:
        await workspace.act(made(*subject(pressed)))
    except UserError as e:
        await tell(client, body, Message(str(e)))


async def tell(client: AsyncWebClient, body: Mapping[str, Any], message: Message) -> None:
    """Tell the person who clicked, and nobody else: beside the message, or by DM from the App Home."""
    channel, user = _where(body), _who(body)
    if channel is None:
        await client.chat_postMessage(channel=user, **message.content)
        return
    thread = body.get("container", {}).get("thread_ts") or body.get("message", {}).get("thread_ts")
    await client.chat_postEphemeral(channel=channel, user=user, thread_ts=thread, **message.content)


def _who(body: Mapping[str, Any]) -> str:
    return str(body["user"]["id"])


def _where(body: Mapping[str, Any]) -> str | None:
    found = body.get("channel", {}).get("id") or body.get("container", {}).get("channel_id")
    return str(found) if found else None


def _note_feedback(db: Session, user: str, value: str, channel: str | None, workspace: Workspace) -> None:
    db.add(
        Audit(
            at=workspace.now(), who=user, what="digest_feedback", subject=f"channel/{channel}", detail={"said": value}
        )
    )
