"""Where the users of a model are: at the last of its own stages, or everywhere but at those that usually have none."""

from collections.abc import Sequence

NOT_LIVE = frozenset({"dev", "test", "staging", "shadow", "offline"})
"""Stages without users, by the usual words; a team's own word for any other counts as production."""
PRODUCTION = "production"
"""Where users are at a model that has no stages of its own, and at every one of which an event names no stage."""
CANARY = "canary"
"""Some of the users are there, whatever stages a model has."""


def has_users(stage: str | None, stages: Sequence[str] = ()) -> bool:
    """Return whether users are at STAGE of a model that has these STAGES of its own, in their order; None = yes."""
    if stage in stages and stage != CANARY:
        return stage == stages[-1]
    return stage not in NOT_LIVE


def same_traffic(
    alerting: str | None, changed: str | None, stages: Sequence[str] = (), changed_stages: Sequence[str] = ()
) -> bool:
    """Return whether a change of one stage shows in an alert of another; one of none is about users.

    Each stage is of a model with such stages of its own. One without users explains only alerts of its own.
    """
    if changed is None:
        return True
    if alerting is None:
        return has_users(changed, changed_stages)
    return alerting == changed or (_is_rollout(alerting, stages) and _is_rollout(changed, changed_stages))


def _is_rollout(stage: str, stages: Sequence[str]) -> bool:
    """Return whether it is a stage of the rollout to all users, whose traffic is one."""
    return stage in (CANARY, PRODUCTION, *stages[-1:]) and has_users(stage, stages)
