"""Slash commands in process: the payload of Slack, dispatched as Socket Mode does, until its acknowledgement."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.ingest.rules import Rules
from bot.sandbox.server import running
from bot.sandbox.settings import Settings
from bot.slack import app as slack_app
from bot.slack.cards.look import Look
from bot.slack.workspace import Workspace
from bot.store.database import Database

WORD = "/model"
numbers = count()


@asynccontextmanager
async def slack() -> AsyncIterator[AsyncWebClient]:
    """Run a sandbox; yields its client."""
    async with running(Settings(port=0)) as sandbox:
        yield AsyncWebClient("xoxb-sandbox", base_url=f"{sandbox.address}/api/")


def bot(client: AsyncWebClient, database: Database, now: datetime) -> slack_app.App:
    """Return the bot's Slack side, at NOW for good."""
    look = Look(sources=("events",))
    workspace = Workspace(database, Rules(), lambda _db: look, lambda: now, lambda: None, "one")
    return slack_app.build(client, workspace, words=(WORD,))


async def dispatch(app: AsyncApp, text: str, response_url: str = "") -> BoltResponse:
    """Have a person type TEXT after the slash command; returns the acknowledgement, empty for an answer to come."""
    body: dict[str, Any] = {
        "command": WORD,
        "text": text,
        "team_id": "T1",
        "user_id": "U1",
        "channel_id": "C1",
        "trigger_id": f"1.{next(numbers)}",
        "response_url": response_url,
    }
    response = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
    assert response.status == 200, response.body
    return response


async def answered(app: AsyncApp, text: str) -> None:
    """Ask TEXT and have it answered at once."""
    assert (await dispatch(app, text)).body
