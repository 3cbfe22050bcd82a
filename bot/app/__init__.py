"""The composition root: settings in, tasks out; the only package that knows everyone.

It starts in two steps. Deliveries are taken as soon as the store is open; what speaks to Slack and to the ticket
system follows, because importing that takes as long as all the rest.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from bot import catalogue, integrations
from bot.app.front import Front
from bot.app.process import Partners, Process
from bot.clock import Clock, is_loopback
from bot.config import Settings
from bot.domain.errors import ConfigError
from bot.ingest.rules import Rules
from bot.reconcile.lease import Leases
from bot.reconcile.replica import Replica
from bot.store import schema
from bot.store.database import Database

logger = logging.getLogger(__name__)

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


async def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT, then drain and let go of everything. Raises ConfigError before it starts."""
    environment, decisions = settings.environment, settings.decisions
    if not environment.slack_bot_token:
        raise ConfigError("SLACK_BOT_TOKEN is not set; `bellwether manifest --open` makes the app, then copy its token")
    if not environment.slack_app_token and not environment.slack_signing_secret:
        raise ConfigError("neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP mode) is set; set one")
    if is_loopback(environment.slack_api_url):
        for name in PROXIES:  # the SDK ignores NO_PROXY, so a sandbox would be asked for through the proxy
            os.environ.pop(name, None)
    clock = Clock(environment.clock)
    inlets = integrations.inlets(settings)
    partners = Partners(integrations.tickets(settings), integrations.deployers(settings, clock.now))
    rules = Rules(decisions.slack.channel, tickets=partners.tickets is not None, admins=decisions.admins)
    database = Database(environment.database_url)
    replica = Replica(*environment.host_port)
    try:
        await database.write(schema.upgrade)
        if clock.url is not None:
            await _settle(clock)
        await database.write(catalogue.take, decisions, clock.now(), rules)
        leases, bell = Leases(database, replica.name), database.dialect.bell()
        process = Process(settings, clock, database, leases, rules, bell)
        await _run(process, Front(process, inlets), partners)
    finally:
        await partners.close()
        database.close()
        replica.close()


async def _settle(clock: Clock) -> None:
    from bot.clock.following import settle  # here, because only a sandbox's clock needs an HTTP client

    await settle(clock)


async def _run(process: Process, front: Front, partners: Partners) -> None:
    """Answer HTTP first, then connect everything else; ends with the server, which ends with a signal."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, front.stop)
    rest = asyncio.create_task(_connect(process, front, partners), name="everything but HTTP")
    rest.add_done_callback(lambda _task: front.stop())
    logger.info("listening", extra={"address": process.settings.environment.listen, "replica": process.leases.holder})
    try:
        await front.serve()
    finally:
        logger.info("stopping")
        process.closing.set()
        if not front.listening.is_set():
            rest.cancel()  # the server could not start, so nobody will tell it to
        await asyncio.wait((rest,))
        if not rest.cancelled():
            rest.result()


async def _connect(process: Process, front: Front, partners: Partners) -> None:
    await front.listening.wait()
    connect = await asyncio.to_thread(_outside)
    await connect(process, front, partners)


def _outside() -> Callable[[Process, Front, Partners], Coroutine[Any, Any, None]]:
    from bot.app import outside  # here, so that nobody who sends us something waits for it

    return outside.run
