"""Alert groups, and what their alerts say together; a group may hold thousands, so SQL counts them."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from bot.domain.facts import AlertStatus
from bot.store.prepared import prepared
from bot.store.tables import Alert, AlertGroup, Storm, Triage

TOP = 5
DATA = ("drift", "data_quality")
OPEN = tuple(str(status) for status in AlertStatus if status is not AlertStatus.RESOLVED)

FEATURES = sa.text(
    """
    SELECT group_id, feature, alerts, distinct_features FROM (
        SELECT group_id, feature, count(*) AS alerts, count(*) OVER (PARTITION BY group_id) AS distinct_features,
            row_number() OVER (PARTITION BY group_id ORDER BY count(*) DESC, feature) AS place
        FROM alert WHERE group_id IN :groups AND feature IS NOT NULL GROUP BY group_id, feature
    ) AS counted WHERE place <= :top ORDER BY group_id, place
    """
).bindparams(sa.bindparam("groups", expanding=True))


@dataclass(frozen=True)
class Features:
    """What the alerts of a group are about."""

    top: tuple[tuple[str, int], ...] = ()
    """(feature or column, how many alerts), most first."""
    distinct: int = 0


def open_groups(db: Session, model_ids: Collection[int]) -> Sequence[AlertGroup]:
    """Return the groups of these models that are not resolved, oldest first."""
    return _open(db, list(model_ids)).all()


@prepared
def _open(models: list[int]) -> SelectOfScalar[AlertGroup]:
    query = select(AlertGroup).where(col(AlertGroup.status).in_(OPEN), col(AlertGroup.quiet).is_(False))
    return query.where(col(AlertGroup.model_id).in_(models)).order_by(col(AlertGroup.opened_at), col(AlertGroup.id))


class OpenGroup(NamedTuple):
    """An alert group that is not resolved, without what only its card needs."""

    model_id: int
    status: str
    alert_class: str


def open_groups_by_model(db: Session) -> dict[int, list[OpenGroup]]:
    """Return the groups that are not resolved, of every model."""
    found: dict[int, list[OpenGroup]] = {}
    for row in map(OpenGroup._make, _open_by_model(db).all()):
        found.setdefault(row.model_id, []).append(row)
    return found


@prepared
def _open_by_model() -> Select[int | None, str, str]:
    query = select(AlertGroup.model_id, AlertGroup.status, AlertGroup.alert_class)
    query = query.where(col(AlertGroup.status).in_(OPEN), col(AlertGroup.quiet).is_(False))
    return query.where(col(AlertGroup.model_id).is_not(None))


def data_alerts_since(db: Session, model_id: int, since: datetime, *, limit: int = 20) -> Sequence[AlertGroup]:
    """Return the groups of a model about its data that opened SINCE then, over or not, newest first."""
    return _data_alerts_since(db, model_id, since, limit).all()


@prepared
def _data_alerts_since(model: int, since: datetime, limit: int) -> SelectOfScalar[AlertGroup]:
    query = select(AlertGroup).where(AlertGroup.model_id == model, col(AlertGroup.opened_at) >= since)
    about = query.where(col(AlertGroup.category).in_(DATA))
    return about.order_by(col(AlertGroup.opened_at).desc(), col(AlertGroup.id).desc()).limit(limit)


def data_alerts_known(db: Session, model_id: int) -> bool:
    """Return whether a model ever had an alert about its data."""
    return _first_data_alert(db, model_id).first() is not None


@prepared
def _first_data_alert(model: int) -> SelectOfScalar[int | None]:
    query = select(col(AlertGroup.id)).where(AlertGroup.model_id == model)
    return query.where(col(AlertGroup.category).in_(DATA)).limit(1)


def runbook_known(db: Session, model_id: int, *, look_back: int = 20) -> bool:
    """Return whether an alert of the newest groups of a model says what to do."""
    groups = select(AlertGroup.id).where(AlertGroup.model_id == model_id).order_by(col(AlertGroup.opened_at).desc())
    ids = db.exec(groups.limit(look_back)).all()
    query = select(Alert.id).where(col(Alert.group_id).in_(ids), col(Alert.runbook_url).is_not(None))
    return db.exec(query.limit(1)).first() is not None


def features_of(db: Session, group_ids: Collection[int]) -> dict[int, Features]:
    """Return what each of these groups is about, in one query."""
    if not group_ids:
        return {}
    rows: dict[int, list[tuple[str, int]]] = {}
    distinct: dict[int, int] = {}
    for row in db.connection().execute(FEATURES, {"groups": list(group_ids), "top": TOP}):
        rows.setdefault(row.group_id, []).append((row.feature, row.alerts))
        distinct[row.group_id] = row.distinct_features
    return {group_id: Features(tuple(top), distinct[group_id]) for group_id, top in rows.items()}


def sample(db: Session, group_id: int) -> Alert | None:
    """Return the alert that stands for its group: the newest one, one with a value before one without."""
    query = (
        select(Alert)
        .where(Alert.group_id == group_id)
        .order_by(col(Alert.value).is_(None), col(Alert.starts_at).desc(), col(Alert.id).desc())
    )
    return db.exec(query.limit(1)).first()


def last_verdicts(db: Session, group: AlertGroup, *, limit: int = 3) -> tuple[int, Counter[str]]:
    """Return how often this symptom fired on this model before, at most LIMIT, and what people said of it.

    Only what was said before GROUP opened counts, so it stays the same afterwards.
    """
    if group.id is None:
        return 0, Counter()
    earlier = (
        select(AlertGroup.id)
        .where(AlertGroup.symptom == group.symptom, col(AlertGroup.model_id) == group.model_id)
        .where(col(AlertGroup.id) < group.id)
        .order_by(col(AlertGroup.id).desc())
        .limit(limit)
    )
    ids = [i for i in db.exec(earlier) if i is not None]
    if not ids:
        return 0, Counter()
    said = (
        select(Triage)
        .where(col(Triage.group_id).in_(ids), col(Triage.at) <= group.recorded_at)
        .order_by(col(Triage.id))
    )
    newest = {row.group_id: row.verdict for row in db.exec(said)}
    return len(ids), Counter(newest.values())


def storm_groups(db: Session, storm_id: int) -> Sequence[AlertGroup]:
    """Return every group that this storm lists."""
    return db.exec(select(AlertGroup).where(AlertGroup.storm_id == storm_id)).all()


def storm_is_open(db: Session, storm_id: int | None) -> bool:
    """Return whether this storm still stands for its groups."""
    storm = db.get(Storm, storm_id) if storm_id is not None else None
    return storm is not None and storm.closed_at is None


def unjudged_groups(db: Session, model_ids: Collection[int], *, limit: int = 5) -> Sequence[AlertGroup]:
    """Return the open groups of these models that nobody gave a verdict on, newest first."""
    query = (
        select(AlertGroup)
        .where(col(AlertGroup.status).in_(OPEN), col(AlertGroup.model_id).in_(model_ids))
        .where(col(AlertGroup.verdict).is_(None), col(AlertGroup.quiet).is_(False))
        .order_by(col(AlertGroup.opened_at).desc(), col(AlertGroup.id).desc())
    )
    return db.exec(query.limit(limit)).all()
