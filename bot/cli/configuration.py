"""`bellwether check-config`: the file is right when this gets as far as printing; what is wrong raises ConfigError."""

from functools import partial

from bot import integrations
from bot.clock.following import read_clock
from bot.config import Decisions, Settings
from bot.slack.text import plural


def check(settings: Settings) -> int:
    """Load what the configuration names, and say what it amounts to."""
    inlets = integrations.inlets(settings)
    integrations.tickets(settings)
    integrations.deployers(settings, partial(read_clock, None))
    decisions = settings.decisions
    there = settings.path is not None and settings.path.exists()
    good = f"{settings.path}: good. {amounts(decisions)}."
    print(good if there else f"There is no {settings.path}: every key has its default.")
    for name, inlet in inlets.items():
        if inlet.auth.kind != "none" and not inlet.auth.secret:
            section = decisions.sources[name].auth
            print(f"! sources.{name}: {section.secret_env if section else ''} is not set, so it refuses everything")
    for name, deployer in decisions.deployers.items():
        if deployer.secret_env and deployer.secret_env not in settings.environment.secrets:
            print(f"! deployers.{name}: {deployer.secret_env} is not set")
    return 0


def amounts(decisions: Decisions) -> str:
    """Return how much is configured, in words."""
    counts = (decisions.sources, "source"), (decisions.models, "model"), (decisions.digests, "digest")
    return ", ".join(plural(len(section), name) for section, name in counts)
