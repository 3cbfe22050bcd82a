"""What people wrote down of a model last: changes that they typed, and their words on versions."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Select, bindparam, literal_column, null, select, union_all
from sqlmodel import Session, col

from bot.store.queries.marks import BAD, GOOD
from bot.store.queries.sources import TYPED
from bot.store.tables import Change, Decision

_typed: Select[*tuple[Any, ...]] = (
    select(
        col(Change.occurred_at).label("at"),
        col(Change.actor).label("by"),
        col(Change.change_type).label("kind"),
        col(Change.summary).label("text"),
        null().label("version"),
    )
    .where(col(Change.model_id) == bindparam("model"), col(Change.occurred_at) >= bindparam("since"))
    .where(col(Change.source) == TYPED)
)
_marked = select(
    col(Decision.at), col(Decision.by), col(Decision.kind), col(Decision.reason), col(Decision.version)
).where(
    col(Decision.model_id) == bindparam("model"),
    col(Decision.at) >= bindparam("since"),
    col(Decision.kind).in_((BAD, GOOD)),
)
_newest: CompoundSelect[*tuple[Any, ...]] = (
    union_all(_typed, _marked).order_by(literal_column("at").desc()).limit(bindparam("limit"))
)
"""Built once: building it costs more than running it."""


class Note(NamedTuple):
    """One line of a person."""

    at: datetime
    by: str | None
    kind: str
    """A ChangeType, or BAD or GOOD of a version."""
    text: str
    version: str | None = None


def newest_notes(db: Session, model_id: int, since: datetime, *, limit: int) -> list[Note]:
    """Return what was written down of a model SINCE then, newest first."""
    given = {"model": model_id, "since": since, "limit": limit}
    return [Note(*row) for row in db.connection().execute(_newest, given)]
