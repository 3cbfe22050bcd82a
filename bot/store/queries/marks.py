"""What people said of versions: which are bad, why, and who said so; the newest word on a version counts."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from bot.store.tables import Decision

BAD, GOOD = "marked_bad", "marked_good"


def bad_versions(db: Session, model_ids: Collection[int]) -> dict[tuple[int, str], Decision]:
    """Return the versions of these models that are marked bad: (model, version) -> who said it, when and why."""
    said = select(Decision).where(col(Decision.model_id).in_(model_ids), col(Decision.kind).in_((BAD, GOOD)))
    newest = {(d.model_id or 0, d.version or ""): d for d in db.exec(said.order_by(col(Decision.id)))}
    return {key: decision for key, decision in newest.items() if decision.kind == BAD}
