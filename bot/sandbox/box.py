"""One running sandbox: the parts that every endpoint needs, in one place."""

from typing import TYPE_CHECKING, Any

from bot.sandbox.clock import Clock
from bot.sandbox.delivery import Delivery
from bot.sandbox.faults import Faults
from bot.sandbox.interactions import ResponseUrls, Triggers
from bot.sandbox.jira.hooks import Hooks
from bot.sandbox.manifest import Manifest, load
from bot.sandbox.push import Push
from bot.sandbox.rates import Rates
from bot.sandbox.settings import Settings
from bot.sandbox.sockets import Sockets
from bot.sandbox.world import World

if TYPE_CHECKING:
    from bot.sandbox.outgoing import Outgoing


class Sandbox:
    """Owned by the server. `address` is where it can be reached (http://127.0.0.1:PORT), known after binding."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.closing = False
        self.address = f"http://127.0.0.1:{settings.port}"
        self.manifest: Manifest = load(settings.manifest)
        self.world = World(Clock(settings.started, settings.speed), settings.bot_name)
        self.faults = Faults()
        self.rates = Rates(self.world.clock)
        self.triggers = Triggers()
        self.response_urls = ResponseUrls(self.world.clock)
        # What people chose in messages so far, by user and ts: (state.values); Slack's client keeps that too.
        self.choices: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self.sockets = Sockets(self.faults)
        outgoing = self._outgoing = _outgoing(settings)
        url = settings.events_url
        push = Push(outgoing, url, settings.signing_secret) if outgoing is not None and url else None
        self.delivery = Delivery(push or self.sockets, self.world.clock, self.faults, settings.ack_s)
        address, secret = settings.jira_webhook_url, settings.jira_webhook_secret
        self.hooks = Hooks(outgoing, address, secret, self.world.clock)

    async def close(self) -> None:
        """Stop what is under way, and let go of everybody who waits for a change."""
        self.closing = True
        for pulse in (self.world.pulse, self.world.story_pulse, self.world.clock.pulse):
            pulse.beat()
        await self.delivery.close()
        await self.hooks.close()
        if self._outgoing is not None:
            await self._outgoing.close()


def _outgoing(settings: Settings) -> "Outgoing | None":
    if not (settings.events_url or settings.jira_webhook_url):
        return None
    from bot.sandbox.outgoing import Outgoing  # here, because few need it and it is slow to load

    return Outgoing()
