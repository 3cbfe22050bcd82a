"""What people said of versions: which are bad, why, and who said so; the newest word on a version counts."""

from collections.abc import Collection

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.domain.stages import has_users
from bot.store.prepared import prepared
from bot.store.tables import Decision, Model, Serving

BAD, GOOD = "marked_bad", "marked_good"


def bad_versions(db: Session, model_ids: Collection[int] | None = None) -> dict[tuple[int, str], Decision]:
    """Return the versions that are marked bad: (model, version) -> who said it, when and why; None = of all models."""
    said = _said(db) if model_ids is None else _said_of(db, list(model_ids))
    newest = {(d.model_id or 0, d.version or ""): d for d in said}
    return {key: decision for key, decision in newest.items() if decision.kind == BAD}


@prepared
def _said() -> SelectOfScalar[Decision]:
    return select(Decision).where(col(Decision.kind).in_((BAD, GOOD))).order_by(col(Decision.id))


@prepared
def _said_of(models: list[int]) -> SelectOfScalar[Decision]:
    said = select(Decision).where(col(Decision.kind).in_((BAD, GOOD)), col(Decision.model_id).in_(models))
    return said.order_by(col(Decision.id))


def models_serving(db: Session, bad: Collection[tuple[int, str]]) -> set[int]:
    """Return the models of which users get one of these BAD versions: (model, version)."""
    if not bad:
        return set()
    live = select(Serving, Model).join(Model, col(Model.id) == col(Serving.model_id))
    live = live.where(col(Serving.until).is_(None), col(Model.id).in_({model_id for model_id, _ in bad}))
    rows = [row for row, model in db.exec(live) if gets_users(row, model)]
    return {row.model_id for row in rows if (row.model_id, row.version) in bad}


def gets_users(serving: Serving, model: Model) -> bool:
    """Return whether users of MODEL get what is serving."""
    return serving.traffic_percent != 0 and has_users(serving.stage, model.stages)
