"""Which models are worst, of many: states first, by few seeks, so that only what is shown is read as a whole.

The same states as in `bot.slack.health`, from less: a test compares them.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from sqlmodel import Session

from bot.domain.metrics import plain_name
from bot.slack.health import WORST_FIRST, Health, as_heard, health_of, state_of
from bot.store.queries.alerts import open_groups_by_model
from bot.store.queries.incidents import models_in_trouble
from bot.store.queries.marks import models_serving_bad
from bot.store.queries.metrics import metric_names, newest_judged
from bot.store.queries.models import configured_metrics, count_models, models_by_id, names_in_order, names_of
from bot.store.queries.objectives import JUDGED, misses
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

    @property
    def total(self) -> int:
        """How many models were ranked."""
        return self.counts.total()


def ranked(db: Session, shown: int, *, among: Collection[int] | None = None, hearing: Hearing | None = None) -> Ranking:
    """Return the SHOWN worst of the models that are not retired; of those AMONG some, if given.

    With HEARING none is called good while every source is silent.
    """
    states = _troubled(db)
    names = names_of(db, states if among is None else states.keys() & set(among), retired=False)
    places = sorted(Place(WORST_FIRST.index(states[number]), name, number) for number, name in names.items())
    counts = Counter(place.state for place in places)
    calm = {"good": count_models(db, among, measured=True, without=names)}
    calm["no_data"] = count_models(db, among) - calm["good"] - len(places)
    if hearing is not None and hearing.deaf:
        counts["no_data"] = sum(calm.values())
        places += _calm(db, shown - len(places), "no_data", names, among, measured=None)
    else:
        for state in ("no_data", "good"):
            counts[state] = calm[state]
            places += _calm(db, shown - len(places), state, names, among, measured=state == "good")
    return Ranking(places[:shown], +counts)


def worst(db: Session, ranking: Ranking, *, hearing: Hearing | None = None) -> list[Health]:
    """Return how the models at these places are, in this order."""
    health = {h.model.id: h for h in health_of(db, models_by_id(db, [place.model_id for place in ranking.places]))}
    found = [health[place.model_id] for place in ranking.places]
    return [as_heard(one, hearing) for one in found] if hearing is not None else found


def _troubled(db: Session) -> dict[int, str]:
    """Return the states of the models that are worse than good, and known to be."""
    trouble, groups, bad, missed = models_in_trouble(db), open_groups_by_model(db), models_serving_bad(db), _missed(db)
    return {
        number: state_of(
            trouble.get(number, ()),
            groups.get(number, ()),
            misses=number in missed,
            serves_bad=number in bad,
            measured=True,
        )
        for number in trouble.keys() | groups.keys() | bad | missed
    }


def _calm(
    db: Session,
    room: int,
    state: str,
    without: Collection[int],
    among: Collection[int] | None,
    *,
    measured: bool | None,
) -> list[Place]:
    if room <= 0:
        return []
    found = names_in_order(db, among, measured=measured, without=without, limit=room)
    return [Place(WORST_FIRST.index(state), name, number) for number, name in found]


def _missed(db: Session) -> set[int]:
    """Return the models of which the newest matured value of some metric misses its objective."""
    models = configured_metrics(db)
    named = {metric for model in models.values() for metric, given in model.metrics.items() if given.get("slo")}
    plain = {plain_name(metric) for metric in named}
    wanted = [metric for metric in metric_names(db) if plain_name(metric) in plain]
    return {one.model_id for one in newest_judged(db, wanted, JUDGED) if misses(models[one.model_id], one)}
