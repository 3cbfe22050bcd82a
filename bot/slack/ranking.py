"""Which models are worst, of many: states first, from little, so that only what is shown is read as a whole.

The same states as in `bot.slack.health`, from less: a test compares them.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import NamedTuple

from sqlmodel import Session

from bot.domain import health
from bot.domain.health import WORST_FIRST, state_of
from bot.slack.health import Health, Known, as_heard, health_of
from bot.store.queries.alerts import open_groups_by_model
from bot.store.queries.incidents import models_in_trouble
from bot.store.queries.marks import bad_versions, models_serving
from bot.store.queries.metrics import models_missing
from bot.store.queries.models import Member, members, models_by_id
from bot.store.queries.sources import Hearing


class Place(NamedTuple):
    """A model's place among others: sorted, the worst come first, then by name."""

    badness: int
    name: str
    model_id: int

    @property
    def state(self) -> str:
        """One of WORST_FIRST."""
        return WORST_FIRST[self.badness]


@dataclass(frozen=True)
class Ranking:
    """The worst of some models, and how many there are."""

    places: list[Place]
    counts: Counter[str]
    """Models in each state, the worst first."""
    known: Known
    """What of all models was read for it."""

    @property
    def total(self) -> int:
        """How many models were ranked."""
        return self.counts.total()


def ranked(db: Session, shown: int, *, among: Collection[int] | None = None, hearing: Hearing | None = None) -> Ranking:
    """Return the SHOWN worst of the models that are not retired; of those AMONG some, if given.

    With HEARING none is called good while every source is silent.
    """
    deaf = hearing is not None and hearing.deaf
    every = members(db)
    known = Known(models_in_trouble(db), bad_versions(db))
    models = every if among is None else [one for one in every if one.id in among]
    badness = {state: WORST_FIRST.index(health.as_heard(state, deaf=deaf)) for state in WORST_FIRST}
    found = [badness[state] for state in _states(db, models, known)]
    places = zip(found, (one.name for one in models), (one.id for one in models), strict=True)
    counts = Counter(found)
    states = Counter({WORST_FIRST[n]: counts[n] for n in sorted(counts)})
    return Ranking([*map(Place._make, nsmallest(shown, places))], states, known)


def worst(db: Session, ranking: Ranking, *, hearing: Hearing | None = None) -> list[Health]:
    """Return how the models at these places are, in this order."""
    models = models_by_id(db, [place.model_id for place in ranking.places])
    read = {h.model.id: h for h in health_of(db, models, brief=True, known=ranking.known)}
    found = [read[place.model_id] for place in ranking.places]
    return [as_heard(one, hearing) for one in found] if hearing is not None else found


def _states(db: Session, models: Sequence[Member], known: Known) -> Iterator[str]:
    """Yield the state of each of these models; most of them are quiet."""
    groups, bad, missed = open_groups_by_model(db), models_serving(db, known.bad), models_missing(db)
    quiet = {
        measured: state_of((), (), misses=False, serves_bad=False, measured=measured) for measured in (True, False)
    }
    loud = {*known.trouble, *groups, *bad, *missed}
    for one in models:
        if one.id not in loud:
            yield quiet[one.measured]
            continue
        yield state_of(
            known.trouble.get(one.id, ()),
            groups.get(one.id, ()),
            misses=one.id in missed,
            serves_bad=one.id in bad,
            measured=one.measured,
        )
