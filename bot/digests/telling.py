"""What each section is given, and what a section is: a function that adds its part to the view."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.digests.health import Story, attention
from bot.digests.period import Period
from bot.digests.rows import Week
from bot.digests.values import Reading
from bot.domain import keys
from bot.domain.digest import DigestView
from bot.store.tables import Incident


@dataclass(frozen=True)
class Telling:
    """One period with its models judged, worst first."""

    week: Week
    stories: Sequence[Story]
    history: Sequence[Reading]
    """Values of the worst model's leading metric, which is drawn, in eight weeks (or days), newest first."""
    copies: Mapping[str, str]
    """Keys of incidents -> where their cards stand."""
    people: Mapping[str, str]
    """Names as configured -> Slack user ids, as far as they are known."""

    @property
    def period(self) -> Period:
        """The days told of."""
        return self.week.period

    @cached_property
    def attention(self) -> list[Story]:
        """The models that need it, worst first."""
        return attention(self.stories)

    def person(self, name: str | None) -> str | None:
        """Return the Slack id of a person, or the name as it was configured."""
        return self.people.get(name, name) if name else None

    def copy(self, incident: Incident) -> str | None:
        """Return where the card of an incident stands."""
        return self.copies.get(keys.incident(incident.id or 0))


Section = Callable[[DigestView, Telling], DigestView]
