"""Where users are, as a condition of a query over many models: the words of `bot.domain.stages`."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_

from bot.domain.stages import CANARY, NOT_LIVE, has_users
from bot.store.tables import Model


def where_users_are(model_id: Any, stage: Any, models: Iterable[Model]) -> ColumnElement[bool]:
    """Return that users are at the column STAGE of the model MODEL_ID, one of MODELS; each of the two may be NULL."""
    special: dict[str, list[int]] = {}
    for model in models:
        for name in model.stages:
            if has_users(name, model.stages) != has_users(name):
                special.setdefault(name, []).append(model.id or 0)
    apart = {name: and_(stage == name, model_id.is_not(None), model_id.in_(ids)) for name, ids in special.items()}
    seen = [one for name, one in apart.items() if not has_users(name)]
    unseen = [not_(one) for name, one in apart.items() if has_users(name)]
    return or_(stage.is_(None), and_(stage.not_in(NOT_LIVE), *unseen), *seen)


def fully_live(model_id: Any, stage: Any, models: Iterable[Model]) -> ColumnElement[bool]:
    """Return the same, but for canaries: what is there is not yet what users get."""
    return and_(where_users_are(model_id, stage, models), or_(stage.is_(None), stage != CANARY))
