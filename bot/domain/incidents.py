"""When alerts open, join and close incidents: rules over values (design section 3)."""

from collections.abc import Iterable

from bot.domain.facts import AlertClass

SHARED_MODELS = 5
"""The same hard alert name on this many models within the shared window is one incident, not one for each."""


UNTOLD = frozenset({"rollback_asked"})
"""Timeline entries that the card shows already: a thread is for words of people and decisive news."""


def opens(alert_class: str, status: str) -> bool:
    """Return whether an alert group opens an incident by itself: only a hard one that is not over."""
    return alert_class == AlertClass.HARD and status != "resolved"


def is_shared(model_ids: Iterable[int | None]) -> bool:
    """Return whether the groups of these models, all of one alert name, have a shared cause; None is no model."""
    return len({m for m in model_ids if m is not None}) >= SHARED_MODELS


def closes(*, opened_by: str | None, statuses: Iterable[str]) -> bool:
    """Return whether an incident is over by itself.

    Only one that the bot opened, when each of its groups is resolved; what a person opened, a person closes. A group
    from which alerts were cut off never has the status `resolved`.
    """
    found = list(statuses)
    return opened_by is None and bool(found) and all(status == "resolved" for status in found)


def title_of(symptom: str, model: str | None, *, summary: str = "", models: int = 1) -> str:
    """Return the title of an incident that an alert opened: what its source says of it, named by the model."""
    if models > 1:
        return f"{symptom} on {models} models: shared cause suspected"
    said = summary or symptom
    return said if model is None or model.lower() in said.lower() else f"{model}: {said}"


def severity_of(severity: str) -> str:
    """Return the incident severity of an alert's: critical is sev2; sev1 is for people to call."""
    return "sev2" if severity == "critical" else "sev3"
