"""What names no model, and the rules by which its labels may tell: few rows of rules, and sought by one label."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from bot.domain.links import ALERT, SOURCE, Rule
from bot.store.queries.alerts import OPEN
from bot.store.tables import Alert, AlertGroup, Change, Link, Model, Unlinked

Pair = tuple[str, str]
"""A label and its value."""
AT_ONCE = 1000


class UnlinkedAlert(NamedTuple):
    """An alert of no model."""

    id: int
    group_id: int
    status: str
    starts_at: datetime
    source: str
    name: str
    given: dict[str, str]

    @property
    def labels(self) -> dict[str, str]:
        """All that may tell of which model it is."""
        return {SOURCE: self.source, ALERT: self.name, **self.given}


COLUMNS = tuple(
    map(col, (Alert.id, Alert.group_id, Alert.status, Alert.starts_at, Alert.source, Alert.name, Alert.labels))
)


def rules(db: Session) -> list[Rule]:
    """Return every rule, the oldest first."""
    query = select(Model.name, Link.labels, Link.by).join(Link, col(Link.model_id) == col(Model.id))
    return [Rule(name, labels, by) for name, labels, by in db.exec(query.order_by(col(Link.id)))]


def links_of(db: Session, model_id: int) -> Sequence[Link]:
    """Return the rules that give events to a model, the oldest first."""
    return db.exec(select(Link).where(Link.model_id == model_id).order_by(col(Link.id))).all()


def alerts(db: Session, pair: Pair | None = None) -> Iterator[UnlinkedAlert]:
    """Yield the alerts of no model, those with the label PAIR."""
    query = sa.select(*COLUMNS).join(AlertGroup, col(AlertGroup.id) == col(Alert.group_id))
    query = query.where(col(AlertGroup.model_id).is_(None))
    if pair is not None:
        query = query.where(_has(pair, Alert.labels, Alert.source, Alert.name))
    for row in db.connection().execute(query.order_by(col(Alert.id))).yield_per(AT_ONCE):
        yield UnlinkedAlert._make(row)


def newest_alerts(db: Session, since: datetime, *, limit: int) -> list[UnlinkedAlert]:
    """Return the newest alerts of no model of groups that opened SINCE then."""
    groups = select(AlertGroup.id).where(col(AlertGroup.model_id).is_(None), col(AlertGroup.opened_at) >= since)
    newest = groups.order_by(col(AlertGroup.opened_at).desc()).limit(limit)
    query = sa.select(*COLUMNS).where(col(Alert.group_id).in_(newest)).order_by(col(Alert.id).desc()).limit(limit)
    return [UnlinkedAlert._make(row) for row in db.connection().execute(query)]


def changes(db: Session, pair: Pair | None = None) -> Sequence[Change]:
    """Return the changes of no model, those with the label PAIR."""
    query = select(Change).where(col(Change.model_id).is_(None))
    if pair is not None:
        query = query.where(_has(pair, Change.labels, Change.source))
    return db.exec(query.order_by(col(Change.id))).all()


def labelled_changes(db: Session, since: datetime, *, limit: int) -> Sequence[Change]:
    """Return the newest changes of no model whose labels may tell of one; without any it touches every model."""
    query = select(Change).where(col(Change.model_id).is_(None), col(Change.occurred_at) >= since, _labelled())
    return db.exec(query.order_by(col(Change.occurred_at).desc()).limit(limit)).all()


def held(db: Session, pair: Pair | None = None) -> Sequence[Unlinked]:
    """Return the facts that wait for a link, those with the label PAIR, in the order in which they came."""
    query = select(Unlinked)
    if pair is not None:
        query = query.where(_has(pair, Unlinked.labels, Unlinked.source))
    return db.exec(query.order_by(col(Unlinked.id))).all()


def count_unlinked(db: Session) -> int:
    """Return how many open alert groups are of no model, and how many facts wait for a link."""
    groups = select(func.count()).where(col(AlertGroup.model_id).is_(None), col(AlertGroup.status).in_(OPEN))
    loud = groups.where(col(AlertGroup.quiet).is_(False))
    return db.exec(loud).one() + db.exec(select(func.count()).select_from(Unlinked)).one()


def count_like(db: Session, pair: Pair) -> int:
    """Return how many events of no model have the label PAIR."""
    return sum(1 for _ in alerts(db, pair)) + len(changes(db, pair)) + len(held(db, pair))


def models_with(db: Session, pairs: Sequence[Pair], *, look_back: int = 1000) -> dict[Pair, list[str]]:
    """Return which models the newest alerts name that have one of these labels."""
    query = select(Model.name, Alert.labels).join(Alert, col(Alert.model_id) == col(Model.id))
    found: dict[Pair, list[str]] = {}
    for name, labels in db.exec(query.order_by(col(Alert.id).desc()).limit(look_back)):
        for label, value in pairs:
            if labels.get(label) == value and name not in found.setdefault((label, value), []):
                found[label, value].append(name)
    return found


def _labelled() -> sa.ColumnElement[bool]:
    return sa.cast(col(Change.labels), sa.String) != "{}"


def _has(pair: Pair, labels: Any, source: Any, name: Any = None) -> sa.ColumnElement[bool]:
    label, value = pair
    either: list[sa.ColumnElement[bool]] = [col(labels)[label].as_string() == value]
    if label == SOURCE:
        either.append(col(source) == value)
    if label == ALERT and name is not None:
        either.append(col(name) == value)
    return sa.or_(*either)
