"""`bellwether db stats`: how much there is, and how far the copies lag."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, SQLModel, col, func, select

from bot.store.tables import Delivery, Projection


def stats(db: Session, now: datetime) -> dict[str, Any]:
    """Return rows per table, and the state of projections and deliveries; counts of deliveries are of facts."""
    counts = {
        table.name: db.exec(select(func.count()).select_from(table)).one() for table in SQLModel.metadata.sorted_tables
    }
    behind = col(Projection.lagging)
    lagging, oldest = db.exec(select(func.count(), func.min(Projection.not_before)).where(behind)).one()
    errors = db.exec(select(func.count()).select_from(Projection).where(Projection.error != "")).one()
    recorded, duplicate, unmapped = db.exec(
        select(func.sum(Delivery.recorded), func.sum(Delivery.duplicate), func.sum(Delivery.unmapped)).where(
            Delivery.source != "slack"
        )
    ).one()
    waited = 0.0 if lagging == 0 else max(0.0, (now - oldest).total_seconds())
    return {
        **counts,
        "projections": {
            "total": counts["projection"],
            "lagging": lagging,
            "oldest_s": round(waited, 3),
            "error": errors,
        },
        "deliveries": {"recorded": recorded or 0, "duplicate": duplicate or 0, "unmapped": unmapped or 0},
    }
