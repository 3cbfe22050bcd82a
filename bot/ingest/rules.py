"""The numbers and names that recording needs from the configuration, and the rules' constants."""

from dataclasses import dataclass
from datetime import timedelta

HISTORY = timedelta(hours=24)
"""An event older than this when it comes fills history and posts nothing, except an alert that still fires."""

SHOWN = timedelta(days=30)
"""Cards of what happened this lately follow when a model is called otherwise, or what was of none is one's."""

FLAPPING = timedelta(minutes=30)
"""A symptom that fires again this soon after it resolved continues on its old card."""

SHARED_WINDOW = timedelta(minutes=5)
"""How long after one another the groups of a shared incident may open."""

STORM_GROUPS = 5
STORM_WINDOW = timedelta(seconds=60)
"""This many groups opening in one channel within this time become one storm card."""

STORM_QUIET = timedelta(minutes=10)
"""A storm is over when no group joined for this long; groups still open then get cards of their own."""


@dataclass(frozen=True)
class Rules:
    """What recording needs to know of the configuration."""

    default_channel: str = "#general"
    tickets: bool = True
    """A ticket system is connected."""
    admins: tuple[str, ...] = ()
    """Whom the bot tells by DM when something is wrong with itself; names or ids."""
