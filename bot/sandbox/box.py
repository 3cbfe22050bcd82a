"""One running sandbox: the parts that every endpoint needs, in one place."""

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
        self.sockets = Sockets(self.faults)
        self._push = Push(settings.events_url, settings.signing_secret) if settings.events_url else None
        self.delivery = Delivery(self._push or self.sockets, self.world.clock, self.faults, settings.ack_s)
        self.hooks = Hooks(settings.jira_webhook_url, settings.jira_webhook_secret, self.world.clock)

    async def close(self) -> None:
        """Stop what is under way, and let go of everybody who waits for a change."""
        self.closing = True
        for pulse in (self.world.pulse, self.world.story_pulse, self.world.clock.pulse):
            pulse.beat()
        await self.delivery.close()
        await self.hooks.close()
        if self._push is not None:
            await self._push.close()
