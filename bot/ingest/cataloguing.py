"""Models renamed, merged and retired by people, with nothing lost: what names them as before still finds them."""

from datetime import datetime

from sqlmodel import Session, col, select, update

from bot.domain import keys
from bot.domain.actions import MergeModels, RenameModel, RetireModel
from bot.domain.errors import UserError
from bot.ingest.rules import SHOWN
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


def catalogued(db: Session, action: RenameModel | MergeModels | RetireModel, now: datetime) -> int:
    """Do what a person asked for; returns the number of the model that is left. Raises UserError."""
    model = _known(db, action.model)
    match action:
        case RenameModel():
            _rename(db, model, action.name)
        case MergeModels():
            model = _merge(db, model, _known(db, action.into))
        case RetireModel():
            if model.configured:
                word = "retired" if action.over else "production"
                raise UserError(
                    f"{model.name} stands in `bellwether.yml`: write `lifecycle: {word}` there. Nothing done."
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
        raise UserError(f"There is a model {other.name} already; merge the two if they are one. Nothing done.")
    assert model.id is not None
    before = model.name
    if before == name:
        raise UserError(f"It is called {name} already. Nothing done.")
    if (earlier := db.get(ModelName, name)) is not None:
        db.delete(earlier)
    db.add(ModelName(name=before, model_id=model.id))
    _called_otherwise(db, before, name)
    model.name = name
    db.add(model)


def _merge(db: Session, model: Model, into: Model) -> Model:
    if model.id == into.id:
        raise UserError(f"{model.name} is {into.name} already. Nothing done.")
    assert into.id is not None
    for table in OWNED:
        mine = update(table).where(col(table.model_id) == model.id)
        db.exec(mine.values(model_id=into.id))
    _merge_versions(db, model, into)
    _merge_metrics(db, model, into)
    play_again(db, into.id)
    db.exec(update(ModelName).where(col(ModelName.model_id) == model.id).values(model_id=into.id))
    _called_otherwise(db, model.name, into.name)
    name = model.name
    db.delete(model)
    db.flush()
    db.add(ModelName(name=name, model_id=into.id))
    return into


def _merge_versions(db: Session, model: Model, into: Model) -> None:
    """Give INTO the versions of MODEL; one that both have keeps what INTO knows, and learns the rest."""
    theirs = {v.name: v for v in db.exec(select(Version).where(Version.model_id == into.id))}
    for version in db.exec(select(Version).where(Version.model_id == model.id)).all():
        same = theirs.get(version.name)
        if same is None:
            version.model_id = into.id or 0
            db.add(version)
            continue
        for field in Version.model_fields.keys() - {"id", "model_id"}:
            setattr(same, field, getattr(same, field) or getattr(version, field))
        db.add(same)
        db.delete(version)
    db.flush()


def _merge_metrics(db: Session, model: Model, into: Model) -> None:
    theirs = {m.metric: m for m in db.exec(select(MetricName).where(MetricName.model_id == into.id))}
    for metric in db.exec(select(MetricName).where(MetricName.model_id == model.id)).all():
        same = theirs.get(metric.metric)
        if same is None:
            metric.model_id = into.id or 0
            db.add(metric)
            continue
        same.judged, same.threshold = same.judged or metric.judged, same.threshold or metric.threshold
        db.add(same)
        db.delete(metric)
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
        raise UserError(f"There is no model {name}. Nothing done.")
    return model
