"""The configuration's models, written to rows: cards are functions of rows, so what they show must be one."""

from datetime import datetime

from sqlmodel import Session, col, select

from bot.config import Decisions
from bot.domain import keys
from bot.domain.names import clean_stage
from bot.store.projection import touch_existing
from bot.store.tables import Model


def apply(db: Session, decisions: Decisions, now: datetime) -> None:
    """Write what the configuration says of each model; refines what events said, never removes a model."""
    rows = {m.name: m for m in db.exec(select(Model))}
    for name, section in decisions.models.items():
        row = rows.get(name) or Model(name=name, created_at=now)
        row.owner, row.on_call, row.channel = section.owner, section.on_call, section.channel
        row.fallback, row.depends_on = section.fallback, list(section.depends_on)
        row.aliases = {alias: clean_stage(stage) or stage for alias, stage in section.aliases.items()}
        row.metrics = {metric: given.model_dump(exclude_none=True) for metric, given in section.metrics.items()}
        row.configured = True
        row.retired_at = (row.retired_at or now) if section.lifecycle == "retired" else None
        db.add(row)
    gone = select(Model).where(col(Model.configured), col(Model.name).not_in(list(decisions.models)))
    for row in db.exec(gone):
        row.owner, row.on_call, row.channel, row.configured, row.metrics, row.depends_on = (
            None,
            None,
            None,
            False,
            {},
            [],
        )
        db.add(row)
    touch_existing(db, now, keys.ALL_HOMES)
