"""`bellwether why KEY`: why a message or a ticket is, or is not, as it should be; the row in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from bot.domain.durations import short
from bot.store.tables import Projection


@dataclass(frozen=True)
class Reason:
    """One copy and its state."""

    key: str
    state: str
    """up to date | waiting | sending | looking | failing | refused | nothing to show."""
    words: str
    remote_id: str | None
    generation: int
    observed_generation: int
    not_before: datetime
    shown_at: datetime | None
    error: str

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in vars(self).items()}


def why(db: Session, key: str, now: datetime) -> list[Reason]:
    """Return the copies that KEY names: a whole key, or a subject such as `incident/42` with all its copies."""
    exact = db.exec(select(Projection).where(Projection.key == key)).all()
    if exact:
        return [_reason(row, now) for row in exact]
    subject = key.strip("/")
    pattern = col(Projection.key)
    query = select(Projection).where(pattern.like(f"%/{subject}") | pattern.like(f"%/{subject}/%"))
    return [_reason(row, now) for row in db.exec(query.order_by(pattern))]


def _reason(row: Projection, now: datetime) -> Reason:
    state, words = _in_words(row, now)
    return Reason(
        row.key,
        state,
        words,
        row.remote_id,
        row.generation,
        row.observed_generation,
        row.not_before,
        row.shown_at,
        row.error,
    )


def _in_words(row: Projection, now: datetime) -> tuple[str, str]:
    behind = row.generation - row.observed_generation
    due = f"due in {short(row.not_before - now)}" if row.not_before > now else "due now"
    if row.lease:
        return (
            "sending",
            f"A worker is on it; if that worker died, another takes over at {row.not_before:%H:%M:%S} UTC.",
        )
    if behind > 0 and row.remote_id is None and row.nonce and row.looks:
        return "looking", f"It was sent, but no answer came; looking for it in the channel before sending again, {due}."
    if behind > 0 and row.error:
        return "failing", f"Tried {row.attempts} times in vain: {row.error}. Next try {due}."
    if behind > 0:
        what = "It does not exist yet" if row.remote_id is None else f"It is {behind} change(s) behind"
        return "waiting", f"{what}; {due}."
    if row.error:
        return "refused", f"It cannot be shown as it is: {row.error}. The next change tries again."
    if row.remote_id is None:
        return "nothing to show", "There is nothing to show for it, or what it belongs to is not posted yet."
    when = f"; last drawn {row.shown_at:%Y-%m-%d %H:%M:%S} UTC" if row.shown_at else ""
    return "up to date", f"It shows the newest state ({row.remote_id}){when}."
