"""Where the users of a model are: at the last of its own stages, or everywhere but at those that usually have none."""

from collections.abc import Sequence

NOT_LIVE = frozenset({"dev", "test", "staging", "shadow", "offline"})
"""Stages without users, by the usual words; a team's own word for any other counts as production."""
CANARY = "canary"
"""Some of the users are there, whatever stages a model has."""


def has_users(stage: str | None, stages: Sequence[str] = ()) -> bool:
    """Return whether users are at STAGE of a model that has these STAGES of its own, in their order; None = yes."""
    if stage in stages and stage != CANARY:
        return stage == stages[-1]
    return stage not in NOT_LIVE
