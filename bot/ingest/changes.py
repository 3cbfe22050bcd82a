"""Versions and changes of every kind: whatever can change how a model behaves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, cast
from sqlmodel import Session, col, select

from bot.domain import keys
from bot.domain.attribution import DAILY
from bot.domain.facts import ChangeFact, ChangeType, VersionFact
from bot.ingest.clocks import ours
from bot.ingest.incidents import name_suspect
from bot.ingest.outcomes import touch_proposals
from bot.ingest.suspects import RATE_WINDOW
from bot.store.projection import touch, touch_existing
from bot.store.queries.changes import WINDOW
from bot.store.queries.promises import copies_of
from bot.store.tables import AlertGroup, Change, Incident, Model, Version

COMPARED = timedelta(days=30)
"""How long after a rollout its card may still change."""


@dataclass(frozen=True)
class Origin:
    """Where a fact came from."""

    source: str
    delivery_id: int | None
    words: str = ""
    """What the fact states, as a digest: with its delivery it names one that has no identity of its own, whatever else
    of the delivery can be read at a replay."""
    nth: int = 1
    """Two equal statements of one delivery are two things that happened."""

    def dedup(self, given: str | None) -> str:
        """Return the identity of a fact within its source."""
        return given or f"delivery/{self.delivery_id}/{self.words}/{self.nth}"


def record_version(db: Session, origin: Origin, fact: VersionFact, model: Model, now: datetime) -> bool:
    """Add the version, or complete what we know of it; False when there was nothing new."""
    if fact.version is None:
        return False
    row = version_row(db, model, fact.version)
    given = {
        "data_until": fact.data_until,
        "code_ref": fact.code_ref,
        "config_ref": fact.config_ref,
        "dataset_ref": fact.dataset_ref,
        "env_ref": fact.env_ref,
        "artifact": fact.artifact,
        "run_id": fact.run_id,
        "description": fact.description or None,
        "actor": fact.actor,
        "url": fact.url,
        "alias": fact.alias if fact.change != "unaliased" else "",
    }
    if fact.change == "registered" and row.registered_at is None:
        given["registered_at"] = ours(fact.occurred_at, now)
    changed = _complete(row, given)
    if changed:
        row.delivery_id = origin.delivery_id
        db.add(row)
        touch_proposals(db, now, model.id)
        touch_existing(db, now, keys.ALL_HOMES)
    return changed


def record_change(db: Session, origin: Origin, fact: ChangeFact, model: Model | None, now: datetime) -> bool:
    """Add a change of any kind; False when it is known already."""
    dedup_key = origin.dedup(fact.dedup_key)
    known = select(Change.id).where(Change.source == origin.source, Change.dedup_key == dedup_key)
    if db.exec(known).first() is not None:
        return False
    row = Change(
        source=origin.source,
        dedup_key=dedup_key,
        model_id=model.id if model else None,
        change_type=fact.change_type,
        summary=fact.summary,
        occurred_at=ours(fact.occurred_at, now),
        received_at=now,
        actor=fact.actor,
        trigger=fact.trigger,
        stage=fact.stage,
        version=fact.version,
        before=fact.before,
        after=fact.after,
        ref=fact.ref,
        url=fact.url,
        quiet=True,
        labels={} if model else dict(fact.labels),
        delivery_id=origin.delivery_id,
    )
    db.add(row)
    db.flush()
    touch_evidence(db, now, row)
    name_suspect(db, now, row)
    if row.change_type == ChangeType.METRIC_DEFINITION:
        _touch_comparisons(db, now, row.model_id)
    return True


def version_row(db: Session, model: Model, name: str) -> Version:
    """Return the model's version NAME, created by the first fact that names it."""
    query = select(Version).where(Version.model_id == model.id, Version.name == name)
    row = db.exec(query).first()
    if row is None:
        assert model.id is not None
        row = Version(model_id=model.id, name=name)
        db.add(row)
        db.flush()
    return row


def touch_evidence(db: Session, now: datetime, row: Change) -> None:
    """Touch what lists or names the changes of this one's time: the first reply of incidents, the cards of alerts.

    Those of its model, of what depends on that, or all when it names none; whether it is told late or moves late.
    """
    began, ended = row.started_at or row.occurred_at, row.occurred_at
    lists = select(Incident.id).where(col(Incident.onset_at) >= began, col(Incident.onset_at) <= ended + WINDOW)
    cards = select(AlertGroup.id).where(AlertGroup.status != "resolved", col(AlertGroup.quiet).is_(False))
    cards = cards.where(col(AlertGroup.opened_at) >= began, col(AlertGroup.opened_at) <= ended + RATE_WINDOW + DAILY)
    if row.model_id is not None:
        models = _concerned(db, row.model_id)
        held = select(AlertGroup.incident_id).where(col(AlertGroup.model_id).in_(models))
        lists = lists.where(col(Incident.model_id).in_(models) | col(Incident.id).in_(held))
        cards = cards.where(col(AlertGroup.model_id).in_(models))
    touch(db, now, *(keys.incident_changes(i) for i in db.exec(lists).all() if i is not None))
    touch(db, now, *(keys.group(i) for i in db.exec(cards).all() if i is not None))


def _touch_comparisons(db: Session, now: datetime, model_id: int | None) -> None:
    """Touch the recent cards and replies that compare values across a new definition: of the model, or of all."""
    rollouts = select(Change.id).where(Change.change_type == ChangeType.MODEL, col(Change.quiet).is_(False))
    rollouts = rollouts.where(col(Change.occurred_at) > now - COMPARED)
    if model_id is not None:
        rollouts = rollouts.where(Change.model_id == model_id)
    touch(db, now, *copies_of(db, [i for i in db.exec(rollouts).all() if i is not None]))
    touch_proposals(db, now, model_id)
    touch_existing(db, now, keys.ALL_HOMES)


def _concerned(db: Session, model_id: int) -> Sequence[int | None]:
    """Return the model and those that depend on it, perhaps one too many."""
    word = json.dumps(db.get_one(Model, model_id).name)
    depends = cast(col(Model.depends_on), String).contains(word, autoescape=True)
    return db.exec(select(Model.id).where((col(Model.id) == model_id) | depends)).all()


def _complete(row: Version, given: dict[str, Any]) -> bool:
    """Write what is GIVEN and differs; None says nothing, so it erases nothing."""
    changed = {k: v for k, v in given.items() if v is not None and getattr(row, k) != v}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)
