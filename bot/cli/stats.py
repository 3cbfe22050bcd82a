"""`bellwether db stats`: how much there is, and how far the copies lag."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, SQLModel, func, select

from bot.store.queries.lag import lag
from bot.store.tables import Delivery, Projection


def stats(db: Session, now: datetime) -> dict[str, Any]:
    """Return rows per table, and the state of projections and deliveries; counts of deliveries are of facts."""
    counts = {
        table.name: db.exec(select(func.count()).select_from(table)).one() for table in SQLModel.metadata.sorted_tables
    }
    behind = lag(db, "", now)
    errors = db.exec(select(func.count()).select_from(Projection).where(Projection.error != "")).one()
    recorded, duplicate, unmapped = db.exec(
        select(func.sum(Delivery.recorded), func.sum(Delivery.duplicate), func.sum(Delivery.unmapped)).where(
            Delivery.source != "slack"
        )
    ).one()
    return {
        **counts,
        "projections": {
            "total": counts["projection"],
            "lagging": behind.copies,
            "oldest_s": round(behind.oldest.total_seconds(), 3),
            "error": errors,
        },
        "deliveries": {"recorded": recorded or 0, "duplicate": duplicate or 0, "unmapped": unmapped or 0},
    }
