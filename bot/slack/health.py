"""How each model is, in one word: the worst of what is known; for the status answer, the list and the App Home.

Unknown is not fine: a model that nobody ever measured where its users are is `no_data`, never `good`; nor is one of
which every value still waits for its labels.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from sqlmodel import Session

from bot.domain import health
from bot.domain.health import WORST_FIRST, state_of
from bot.domain.names import version_label
from bot.slack.text import STATES
from bot.store.queries.alerts import open_groups
from bot.store.queries.incidents import models_in_trouble
from bot.store.queries.judging import is_product, rank, redefinitions
from bot.store.queries.marks import bad_versions, gets_users
from bot.store.queries.metrics import Reading, newest_values, standing
from bot.store.queries.models import live_of
from bot.store.queries.objectives import is_judged, misses
from bot.store.queries.sources import Hearing
from bot.store.tables import AlertGroup, Decision, Incident, Model, Serving


@dataclass(frozen=True)
class Health:
    """A model's state with what it was derived from."""

    model: Model
    state: str
    """One of WORST_FIRST."""
    incidents: Sequence[Incident]
    """Open ones, the most severe first."""
    groups: Sequence[AlertGroup]
    """Alert groups that are not resolved, oldest first."""
    readings: Mapping[str, Sequence[Reading]]
    """Newest values of each metric, newest first; of the most telling ones at least."""
    matured: Mapping[str, Reading]
    """The newest value of each metric where users are whose labels had arrived."""
    serving: Sequence[Serving]
    """What serves now, production first."""
    redefined: Mapping[str, datetime]
    """When each metric last got another definition."""
    bad: Mapping[tuple[int, str], Decision]
    """Who said of which versions that they are bad: (model, version) -> the last word on it."""

    @property
    def place(self) -> tuple[int, str]:
        """For sorting: the worst first, then by name."""
        return WORST_FIRST.index(self.state), self.model.name

    @property
    def sharing(self) -> list[Serving]:
        """What of it users get at its first stage."""
        return [row for row in self.serving if row.stage == self.serving[0].stage and row.traffic_percent != 0]

    @property
    def live(self) -> str:
        """The versions that share the traffic, in plain text: `v42`; `v42 90 %, v43 10 %`; empty when none is known."""
        rows = self.sharing
        labels = list(dict.fromkeys(version_label(row.version) for row in rows))
        if len(labels) <= 1:
            return labels[0] if labels else ""
        shares = ("" if row.traffic_percent is None else f" {row.traffic_percent:g} %" for row in rows)
        return ", ".join(dict.fromkeys(f"{version_label(row.version)}{s}" for row, s in zip(rows, shares, strict=True)))

    @property
    def sign(self) -> str:
        """The state's sign; its word stands beside it."""
        return STATES[self.state][0]

    @property
    def word(self) -> str:
        """The state's word."""
        return STATES[self.state][1]


@dataclass(frozen=True)
class Known:
    """What a model's state follows from that may be read of all models at once."""

    trouble: Mapping[int, Sequence[Incident]]
    """The open incidents by model, the most severe first."""
    bad: Mapping[tuple[int, str], Decision]
    """The versions that are marked bad: (model, version) -> the last word on it."""


def as_heard(one: Health, hearing: Hearing) -> Health:
    """Return how a model is, but not `good` when every source that was ever heard fell silent."""
    return replace(one, state=health.as_heard(one.state, deaf=hearing.deaf))


def health_of(
    db: Session,
    models: Sequence[Model],
    *,
    brief: bool = False,
    known: Known | None = None,
) -> list[Health]:
    """Return how these models are, the worst first; a handful of queries for all of them.

    BRIEF: only their most telling metrics are read, one of the product and one of the model. KNOWN: what has been read
    already.
    """
    ids = [m.id for m in models if m.id is not None]
    if known is None:
        known = Known(models_in_trouble(db), bad_versions(db, ids))
    serving = live_of(db, models)
    readings: dict[int, dict[str, list[Reading]]] = {}
    stands = standing(db, ids)
    told = {metric for m in models for metric in _most_telling(m, stands.get(m.id or 0, ()))} if brief else None
    for (owner, metric), rows in newest_values(db, ids, told).items():
        readings.setdefault(owner, {})[metric] = rows
    groups: dict[int, list[AlertGroup]] = {}
    for group in open_groups(db, ids):
        groups.setdefault(group.model_id or 0, []).append(group)
    redefined = redefinitions(db, models)
    found = []
    for model in models:
        number = model.id or 0
        own = readings.get(number, {})
        stand = stands.get(number, ())
        incidents, alerts, live = known.trouble.get(number, ()), groups.get(number, ()), serving.get(number, ())
        matured = {r.metric: r for r in stand if is_judged(r)}
        missed = any(misses(model, r) for r in matured.values())
        serves_bad = any((number, row.version) in known.bad and gets_users(row, model) for row in live)
        state = state_of(incidents, alerts, misses=missed, serves_bad=serves_bad, measured=bool(matured))
        since = redefined.get(number, {})
        found.append(Health(model, state, incidents, alerts, own, matured, live, since, known.bad))
    return sorted(found, key=lambda h: h.place)


def _most_telling(model: Model, readings: Iterable[Reading]) -> Iterator[str]:
    """Yield the most telling metric of the product, and of the model."""
    for _, found in groupby(sorted(readings, key=lambda r: rank(model, r)), key=lambda r: is_product(model, r)):
        yield next(found).metric
