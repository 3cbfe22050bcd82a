"""Slack's side of this process: what comes in, what goes out, and who is in the workspace."""

import logging
from contextlib import suppress
from datetime import datetime

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import Session

from bot.app.process import Process
from bot.reconcile.budget import Budget
from bot.rendering import Rendering
from bot.slack import app, directory
from bot.slack.sockets import Sockets
from bot.slack.surface import SlackSurface
from bot.slack.workspace import Workspace
from bot.store.queries.directory import channel_ids
from bot.store.tables import Capability

logger = logging.getLogger(__name__)

UNREACHABLE = (SlackApiError, aiohttp.ClientError, OSError)


class Chat:
    """One workspace."""

    def __init__(
        self, process: Process, rendering: Rendering, client: AsyncWebClient, outbound: AsyncWebClient
    ) -> None:
        """`outbound` is what the loop writes to Slack with: only while this replica has the lease."""
        self._process, self._rendering, self._client = process, rendering, client
        now, holder = process.clock.now, process.leases.holder
        self.budget = Budget()
        self.surface = SlackSurface(outbound, self.budget, now, resolve=self._channel_id, refuse=self._refuse)
        workspace = Workspace(process.database, process.rules, rendering.look, now, process.wake, holder)
        slack, environment = process.settings.decisions.slack, process.settings.environment
        self.bolt = app.build(client, workspace, words=(slack.command, *slack.aliases))
        token = environment.slack_app_token
        self.sockets = Sockets(self.bolt, token, process.leases) if token else None

    @property
    def state(self) -> str:
        """How Slack is; in HTTP mode it comes to us."""
        return self.sockets.state if self.sockets is not None else "connected"

    async def introduce(self) -> None:
        """Learn the address of the workspace."""
        identity = await self._client.auth_test()
        self._rendering.workspace_url = str(identity.get("url") or self._rendering.workspace_url).rstrip("/")

    async def sync_directory(self) -> None:
        """Read who and what is in the workspace."""
        await directory.sync(self._client, self._process.database)

    async def _channel_id(self, name: str) -> str | None:
        database = self._process.database
        found = (await database.read(channel_ids, [name])).get(name)
        if found is None:
            with suppress(*UNREACHABLE):  # it is asked for again
                await self.sync_directory()
            found = (await database.read(channel_ids, [name])).get(name)
        return found

    async def _refuse(self, kind: str, reason: str) -> None:
        logger.warning("slack refuses a block type", extra={"block": kind, "reason": reason})
        await self._process.database.write(_remember_refused, kind, reason, self._process.clock.now())


def _remember_refused(db: Session, kind: str, reason: str, now: datetime) -> None:
    db.merge(Capability(name=kind, refused_at=now, reason=reason[:500]))
