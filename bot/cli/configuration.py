"""`bellwether check-config`: the file is right when this gets as far as printing; what is wrong raises ConfigError."""

from bot import integrations
from bot.config import Settings


def check(settings: Settings) -> int:
    """Load what the configuration names, and say what it amounts to."""
    inlets = integrations.inlets(settings)
    integrations.tickets(settings)
    decisions = settings.decisions
    there = settings.path is not None and settings.path.exists()
    counts = f"{len(inlets)} sources, {len(decisions.models)} models, {len(decisions.digests)} digests"
    print(f"{settings.path}: good. {counts}." if there else f"There is no {settings.path}: every key has its default.")
    for name, inlet in inlets.items():
        if inlet.auth.kind != "none" and not inlet.auth.secret:
            section = decisions.sources[name].auth
            print(f"! sources.{name}: {section.secret_env if section else ''} is not set, so it refuses everything")
    return 0
