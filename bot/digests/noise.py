"""The alert rules of a period, the noisiest first: rules are ranked, people never."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.digests.telling import Telling
from bot.domain.actions import Verdict
from bot.domain.names import clip
from bot.store.tables import AlertGroup

USEFUL = (Verdict.ACTED, Verdict.REAL_LATER)
MOST_NAME = 60


@dataclass(frozen=True)
class Rule:
    """One alert name on one model."""

    name: str
    """`feature_drift on fraud-scorer`."""
    owner: str | None
    fires: int
    """Alerts, not cards."""
    unheeded: int
    """Of those, the ones that neither an incident nor a storm took up: they had a card to be judged by."""
    judged: int
    """Cards on which somebody gave a verdict."""
    ignored: int
    """Of those, the ones judged noise or known."""


def opened(telling: Telling) -> list[AlertGroup]:
    """Return the alert groups that opened in the period."""
    return [g for g in telling.week.groups if telling.period.contains(g.opened_at)]


def rules_of(telling: Telling) -> list[Rule]:
    """Return the rules that fired in the period, the most firings first."""
    found: dict[tuple[str, int | None], list[AlertGroup]] = {}
    for group in opened(telling):
        found.setdefault((group.symptom, group.model_id), []).append(group)
    models = {m.model.id: m.model for m in telling.week.models}
    rules = []
    for (symptom, model_id), groups in found.items():
        model = models.get(model_id)
        judged = [g.verdict for g in groups if g.verdict is not None]
        rules.append(
            Rule(
                name=f"{clip(symptom, MOST_NAME)} on {model.name}" if model else clip(symptom, MOST_NAME),
                owner=model.owner if model else None,
                fires=_fires(groups),
                unheeded=_fires(g for g in groups if g.incident_id is None and g.storm_id is None),
                judged=len(judged),
                ignored=sum(v not in USEFUL for v in judged),
            )
        )
    return sorted(rules, key=lambda r: (-r.fires, r.name))


def _fires(groups: Iterable[AlertGroup]) -> int:
    return sum(max(g.total, 1) for g in groups)
