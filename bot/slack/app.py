"""Bolt, inbound only: what people type and click, to answers from rows and to facts.

`process_before_response` is on: Bolt's other runner adds 11 ms to every ack (performance.md 0.1). So a listener only
reads rows or writes facts; forms are opened beside the ack (`clicks`), and what takes longer is answered after it
(`late`). What Slack would not send again is stored before it is acknowledged, unless it is answered by that.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from prometheus_client import Gauge
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import StoreUnavailable, UserError
from bot.slack import clicks, commands, home, inbox, owed, submissions
from bot.slack.answers.problems import UNWRITABLE, our_fault
from bot.slack.blocks import Message
from bot.slack.kept import KEEP_S, KEPT, DoneBefore, Keeper, Kept, kept_soon, number
from bot.slack.late import Late
from bot.slack.questions import Asker
from bot.slack.text import typed
from bot.slack.workspace import Workspace
from bot.store.projection import try_again

logger = logging.getLogger(__name__)
bolt_logger = logging.getLogger("slack_bolt.quiet")
bolt_logger.setLevel(logging.ERROR)  # it warns of a token in the environment, which is where ours is

HEARD = Gauge("bellwether_slack_last_envelope_timestamp_seconds", "When Slack last sent us anything")
Next = Callable[[], Awaitable[Any]]
UNUSABLE = (TimeoutError, StoreUnavailable)
IN_HAND = "in_hand"
"""Where a request's context holds what it has in hand."""


def build(client: AsyncWebClient, workspace: Workspace, *, words: tuple[str, ...]) -> "App":
    """Return the Bolt app for the slash commands WORDS; what is handed to it is Slack's (`http` checks that)."""
    app = App(
        workspace,
        client=client,
        process_before_response=True,
        request_verification_enabled=False,
        logger=bolt_logger,
    )

    @app.middleware
    async def store(body: dict[str, Any], context: AsyncBoltContext, next: Next) -> BoltResponse | None:
        """Keep what came, unless it is from the inbox, or a command, which may not need it; what came before is done
        already, or is being done: then Slack asks again later, and of a double click the first one is answered."""
        if "delivery_id" in context:
            await next()
            return None
        HEARD.set(workspace.now().timestamp())
        if (name := inbox.identity(body)) is not None:
            if name.subject in app.in_hand:
                return BoltResponse(status=200 if "actions" in body else 503)
            app.in_hand.add(name.subject)
            context[IN_HAND] = name.subject
            if "command" in body:
                context[KEPT] = Kept(app.keeper, body)
            else:
                async with asyncio.timeout(KEEP_S):
                    stored = await workspace.database.write(inbox.keep, name, body, workspace.now(), workspace.replica)
                if stored.finished:
                    return BoltResponse(status=200)
                if stored.in_hand:
                    return BoltResponse(status=503)
                context["delivery_id"] = stored.id
        await next()
        return None

    _listen_to_commands(app, workspace, words)
    _listen_to_events(app, workspace)
    clicks.listen(app, workspace)
    submissions.listen(app, workspace)

    @app.error
    async def failed(error: Exception, body: dict[str, Any], context: AsyncBoltContext) -> BoltResponse:
        """Tell whoever typed, clicked or sent a form; leave an event unacknowledged: Slack sends it again."""
        reference = None
        if not isinstance(error, UNUSABLE):
            with suppress(*UNUSABLE, DoneBefore):
                async with asyncio.timeout(KEEP_S):
                    reference = await number(context)
        logger.error("listener failed", exc_info=error, extra={"reference": reference})
        said = Message(UNWRITABLE) if isinstance(error, UNUSABLE) else our_fault(str(reference or ""))
        if "command" in body:
            return BoltResponse(status=200, body={"response_type": "ephemeral", **said.content})
        if body.get("type") == "view_submission":
            return BoltResponse(status=200, body=submissions.refusal(body["view"], said.content["text"]))
        if "actions" in body:
            await clicks.tell(client, body, said)
            return BoltResponse(status=200)
        return BoltResponse(status=500)

    return app


class App(AsyncApp):
    """Bolt's app, which knows what it has in hand: a middleware learns only that the next one begins."""

    def __init__(self, workspace: Workspace, *, client: AsyncWebClient, **given: Any) -> None:
        super().__init__(client=client, **given)
        self.in_hand: set[str] = set()
        self.late = Late(client)
        self.keeper = Keeper(workspace.database, workspace.now, workspace.replica)
        self._workspace = workspace
        self._begun = workspace.now()
        self._answering: set[int] = set()

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Acknowledge in time. An event waits until it is done: Slack sends it again; a form shows what comes back."""
        req.body = inbox.storable(req.body)
        if "command" in req.body or "actions" in req.body:
            keep, given = partial(kept_soon, req.context), partial(self._given, req)
            return await self.late.soon(self._answered(req), req.body, keep, given)
        return await self._answered(req)

    async def answer_owed(self) -> None:
        """Answer what was acknowledged by a process that did not live to answer it."""
        workspace = self._workspace
        for one in await workspace.database.write(owed.left, workspace.replica, self._begun, workspace.now()):
            if one.delivery_id not in self._answering:
                self._answering.add(one.delivery_id)
                req = AsyncBoltRequest(mode="socket_mode", body=one.body, context={"delivery_id": one.delivery_id})
                self.late.follow(self._answered(req), one.body, partial(self._given, req))

    def _given(self, req: AsyncBoltRequest) -> None:
        if (command := req.context.get(KEPT)) is not None:
            command.when_kept(self._pay)
        elif "command" in req.body and "delivery_id" in req.context:  # it was owed
            self._pay(req.context["delivery_id"])

    def _pay(self, delivery_id: int) -> None:
        self._workspace.database.submit(owed.paid, delivery_id)
        self._answering.discard(delivery_id)

    async def _answered(self, req: AsyncBoltRequest) -> BoltResponse:
        try:
            return await super().async_dispatch(req)
        finally:
            if subject := req.context.get(IN_HAND):
                self.in_hand.discard(subject)
                if inbox.takes_time(req.body):
                    with suppress(StoreUnavailable):  # then it is let go when its time is over
                        await self._workspace.database.write(inbox.let_go, subject, self._workspace.replica)


def _listen_to_commands(app: AsyncApp, workspace: Workspace, words: tuple[str, ...]) -> None:
    pattern = re.compile("|".join(re.escape(word) for word in words))

    @app.command(pattern)
    async def command(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        asker = Asker(body["user_id"], body["channel_id"], word=body["command"])
        if workspace.turns.locked():  # they wait, so they are probably acknowledged before they are answered
            await kept_soon(context)
        try:
            answer = await commands.answer(workspace, asker, body.get("text", ""), partial(number, context))
        except UserError as e:
            answer = Message(str(e))
        except DoneBefore:
            await ack()
            return
        await ack(response_type="ephemeral", **answer.content)


def _listen_to_events(app: AsyncApp, workspace: Workspace) -> None:
    async def done(context: AsyncBoltContext) -> None:
        if (delivery_id := context.get("delivery_id")) is not None:
            await workspace.database.write(inbox.finish, delivery_id)

    @app.event("app_mention")
    async def mention(event: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext) -> None:
        if "user" not in event:  # an app or a workflow, which nobody can answer
            await done(context)
            return
        asker = Asker(event["user"], event["channel"], thread_ts=event.get("thread_ts"))
        said = re.sub(r"<@[A-Z0-9]+(\|[^>]*)?>", " ", event["text"], count=1)
        try:
            answer = await commands.answer(workspace, asker, typed(said), partial(number, context))
        except UserError as e:
            answer = Message(str(e))
        await _reply(client, asker, answer)
        await done(context)

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any], context: AsyncBoltContext) -> None:
        if event.get("tab", "home") == "home":
            await workspace.database.write(home.opened, event["user"], workspace.now())
            workspace.wake()
        await done(context)

    @app.event("member_joined_channel")
    async def joined(event: dict[str, Any], context: AsyncBoltContext) -> None:
        if event["user"] == context.bot_user_id:
            await workspace.database.write(try_again, workspace.now(), "slack/")
            workspace.wake()
        await done(context)

    @app.event(re.compile(".*"))
    async def anything(context: AsyncBoltContext) -> None:
        await done(context)


async def _reply(client: AsyncWebClient, asker: Asker, answer: Message) -> None:
    """Answer a mention: in a thread to everybody there, because the thread is the record; else to the asker alone."""
    content = answer.content
    if asker.thread_ts or asker.channel.startswith("D"):
        await client.chat_postMessage(channel=asker.channel, thread_ts=asker.thread_ts, **content)
        return
    await client.chat_postEphemeral(channel=asker.channel, user=asker.user, **content)
