"""Which models are worst, of many: states first, by few seeks, so that only what is shown is read as a whole.

The same states as in `bot.slack.health`, from less: a test compares them.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlmodel import Session

from bot.domain.metrics import plain_name
from bot.slack.health import WORST_FIRST, Health, as_heard, health_of, state_of
from bot.store.queries.alerts import open_groups_by_model
from bot.store.queries.incidents import models_in_trouble
from bot.store.queries.marks import models_serving_bad
from bot.store.queries.metrics import measured_where_users_are, newest_judged
from bot.store.queries.models import Listed, listed, models_by_id
from bot.store.queries.objectives import JUDGED, misses
from bot.store.queries.sources import Hearing


class Ranked(NamedTuple):
    """A model's place among others: sorted, the worst come first, then by name."""

    badness: int
    name: str
    model_id: int

    @property
    def state(self) -> str:
        """One of WORST_FIRST."""
        return WORST_FIRST[self.badness]


def ranked(db: Session, model_ids: Collection[int] | None = None, *, hearing: Hearing | None = None) -> list[Ranked]:
    """Return the models that are not retired, the worst first; of MODEL_IDS if given.

    With HEARING none is called good while every source is silent.
    """
    models = listed(db, model_ids)
    trouble, groups, bad = models_in_trouble(db), open_groups_by_model(db), models_serving_bad(db)
    measured = measured_where_users_are(db)
    missed = _missed(db, models, measured)
    known = {model_id for _, model_id, _, _ in measured}
    good = "no_data" if hearing is not None and hearing.deaf else "good"
    found = []
    for number, name, _ in models:
        alerts, incidents = groups.get(number, ()), trouble.get(number, ())
        is_known = number in known
        state = state_of(incidents, alerts, misses=number in missed, serves_bad=number in bad, measured=is_known)
        found.append(Ranked(WORST_FIRST.index(good if state == "good" else state), name, number))
    return sorted(found)


def worst(db: Session, places: Sequence[Ranked], *, hearing: Hearing | None = None) -> list[Health]:
    """Return how the models at these places are, in this order."""
    health = {h.model.id: h for h in health_of(db, models_by_id(db, [place.model_id for place in places]))}
    found = [health[place.model_id] for place in places]
    return [as_heard(one, hearing) for one in found] if hearing is not None else found


def _missed(db: Session, models: Sequence[Listed], measured: Sequence[tuple[int, int, str, bool]]) -> set[int]:
    """Return the models of which the newest matured value of some metric misses its objective."""
    by_id = {model.id: model for model in models}
    named = {
        model.id: {plain_name(metric) for metric, given in model.metrics.items() if given.get("slo")}
        for model in models
        if model.metrics
    }
    nothing: frozenset[str] = frozenset()
    wanted = [
        number
        for number, model_id, metric, stated in measured
        if model_id in by_id and (stated or plain_name(metric) in named.get(model_id, nothing))
    ]
    return {one.model_id for one in newest_judged(db, wanted, JUDGED) if misses(by_id[one.model_id], one)}
