"""What people said of versions: which are bad, why, and who said so; the newest word on a version counts."""

from collections.abc import Collection

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.store.prepared import prepared
from bot.store.tables import Decision, Serving

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


def models_serving_bad(db: Session) -> set[int]:
    """Return the models of which a version serves that is marked bad."""
    bad = bad_versions(db)
    if not bad:
        return set()
    live = select(Serving.model_id, Serving.version).where(col(Serving.until).is_(None))
    rows = db.exec(live.where(col(Serving.model_id).in_({model_id for model_id, _ in bad})))
    return {model_id for model_id, version in rows if (model_id, version) in bad}
