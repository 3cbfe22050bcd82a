"""Models renamed, merged and retired by people, with nothing lost: what names them as before still finds them."""

from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, select, update

from bot.domain import keys
from bot.domain.actions import MergeModels, RenameModel, RetireModel
from bot.domain.errors import UserError
from bot.domain.names import escape
from bot.ingest import objectives
from bot.ingest.evaluations import note_newest
from bot.ingest.record import record_own
from bot.ingest.rules import SHOWN, Rules
from bot.ingest.serving import play_again
from bot.store.projection import touch_existing, touch_open
from bot.store.queries.models import model_by_name
from bot.store.tables import (
    Alert,
    AlertGroup,
    Change,
    Decision,
    Evaluation,
    Incident,
    Link,
    MetricName,
    MetricValue,
    Model,
    ModelName,
    Move,
    Proposal,
    Serving,
    Version,
)

OWNED = (Change, Serving, Move, Evaluation, MetricValue, AlertGroup, Alert, Incident, Decision, Proposal, Link)
"""Whose rows go along when a model is merged into another, as they are."""
Known = TypeVar("Known", Version, MetricName)


def catalogued(db: Session, action: RenameModel | MergeModels | RetireModel, now: datetime, rules: Rules) -> int:
    """Do what a person asked for; returns the number of the model that is left. Raises UserError."""
    model = _known(db, action.model)
    match action:
        case RenameModel():
            _rename(db, model, action.name)
        case MergeModels():
            model = _merge(db, model, _known(db, action.into), now, rules)
        case RetireModel():
            if model.configured:
                word = "retired" if action.over else "production"
                raise UserError(
                    f"{escape(model.name)} stands in `bellwether.yml`: write `lifecycle: {word}` there. Nothing done."
                )
            model.retired_at = now if action.over else None
            db.add(model)
    db.flush()
    touch_open(db, now, now - SHOWN)
    touch_existing(db, now, keys.ALL_HOMES)
    assert model.id is not None
    return model.id


def _rename(db: Session, model: Model, name: str) -> None:
    other = model_by_name(db, name)
    if other is not None and other.id != model.id:
        now = "" if other.name.lower() == name.lower() else f", which was called {escape(name)} before"
        known = f"There is a model {escape(other.name)} already{now}"
        raise UserError(f"{known}; merge the two if they are one. Nothing done.")
    assert model.id is not None
    before = model.name
    if before == name:
        raise UserError(f"It is called {escape(name)} already. Nothing done.")
    if (earlier := db.get(ModelName, name)) is not None:
        db.delete(earlier)
    db.add(ModelName(name=before, model_id=model.id))
    _called_otherwise(db, before, name)
    model.name = name
    db.add(model)


def _merge(db: Session, model: Model, into: Model, now: datetime, rules: Rules) -> Model:
    if model.id == into.id:
        raise UserError(f"{escape(model.name)} is {escape(into.name)} already. Nothing done.")
    assert into.id is not None
    for table in OWNED:
        mine = update(table).where(col(table.model_id) == model.id)
        db.exec(mine.values(model_id=into.id))
    _merge_known(db, Version, "name", model, into)
    _merge_known(db, MetricName, "metric", model, into)
    note_newest(db, into, db.exec(select(MetricName.metric).where(MetricName.model_id == into.id)).all())
    play_again(db, into.id)
    over = objectives.passed_on(db, model.id or 0, into, now) + objectives.ended(db, into, now)
    record_own(db, over, now, rules=rules)
    db.exec(update(ModelName).where(col(ModelName.model_id) == model.id).values(model_id=into.id))
    _called_otherwise(db, model.name, into.name)
    name = model.name
    db.delete(model)
    db.flush()
    db.add(ModelName(name=name, model_id=into.id))
    return into


def _merge_known(db: Session, table: type[Known], name: str, model: Model, into: Model) -> None:
    """Give INTO the rows of MODEL; of two that are called the same INTO's keeps what it says, and learns the rest."""
    theirs = {getattr(row, name): row for row in db.exec(select(table).where(col(table.model_id) == into.id))}
    for row in db.exec(select(table).where(col(table.model_id) == model.id)).all():
        same = theirs.get(getattr(row, name))
        if same is None:
            row.model_id = into.id or 0
            db.add(row)
            continue
        for field in table.model_fields.keys() - {"id", "model_id"}:
            setattr(same, field, getattr(same, field) or getattr(row, field))
        db.add(same)
        db.delete(row)
    db.flush()


def _called_otherwise(db: Session, before: str, name: str) -> None:
    """Have what depends on a model name it as it is called now."""
    for model in db.exec(select(Model)).all():
        if before in model.depends_on:
            model.depends_on = [name if one == before else one for one in model.depends_on]
            db.add(model)


def _known(db: Session, name: str) -> Model:
    model = model_by_name(db, name)
    if model is None:
        raise UserError(f"There is no model {escape(name)}. Nothing done.")
    return model
