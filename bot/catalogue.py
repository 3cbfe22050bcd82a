"""The configuration's models, written to rows: cards are functions of rows, so what they show must be one."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from bot.config import ApproverSection, Decisions, ModelSection
from bot.domain import keys
from bot.domain.actions import OPEN_STATUSES
from bot.domain.names import clean_stage, duration_of
from bot.ingest.evaluations import note_missed
from bot.ingest.record import link_earlier
from bot.ingest.rules import Rules
from bot.store.projection import touch_existing, touch_open
from bot.store.tables import AlertGroup, Incident, Link, Model, ModelName

SHOWN_SINCE = timedelta(days=30)
"""Cards that were drawn this lately follow a change of the configuration."""


def take(db: Session, decisions: Decisions, now: datetime, rules: Rules) -> None:
    """Write what the configuration says of each model; a new `match` also takes up what came before."""
    if apply(db, decisions, now):
        link_earlier(db, now, rules)


def apply(db: Session, decisions: Decisions, now: datetime) -> bool:
    """Write what the configuration says of each model; refines what events said, never removes a model.

    Returns whether its `match` rules are others than before, so that what came earlier may be of a model now.
    """
    rows = {m.name: m for m in db.exec(select(Model))}
    earlier = {n.name: n.model_id for n in db.exec(select(ModelName))}
    by_id = {m.id: m for m in rows.values()}
    known = {name: by_id[number] for name, number in earlier.items()} | rows
    configured: set[str] = set()
    for name, section in decisions.models.items():
        row = known.get(name) or rows.setdefault(name, Model(name=name, created_at=now))
        configured.add(row.name)
        row.owner, row.on_call, row.channel = section.owner, section.on_call, section.channel
        row.fallback, row.depends_on = (
            section.fallback,
            [known[n].name if n in known else n for n in section.depends_on],
        )
        row.stages = [clean_stage(stage) or stage for stage in section.stages]
        row.aliases = {alias: clean_stage(stage) or stage for alias, stage in section.aliases.items()}
        row.metrics = {metric: given.model_dump(exclude_none=True) for metric, given in section.metrics.items()}
        row.label_lag_s, row.evaluate_every_s, row.retrain_every_s = (
            _seconds(text) for text in (section.label_lag, section.evaluate_every, section.retrain_every)
        )
        row.approvers = {clean_stage(stage) or stage: _rule(decisions, a) for stage, a in section.approvers.items()}
        row.deploys = _deploys(decisions, section)
        row.configured = True
        row.retired_at = (row.retired_at or now) if section.lifecycle == "retired" else None
        db.add(row)
    for row in rows.values():
        if row.configured and row.name not in configured:
            row.owner, row.on_call, row.channel, row.configured = None, None, None, False
            row.metrics, row.depends_on, row.aliases, row.fallback = {}, [], {}, None
            row.approvers, row.deploys, row.stages = {}, {}, []
            row.label_lag_s, row.evaluate_every_s, row.retrain_every_s = None, None, None
    changed = any(db.is_modified(row) for row in rows.values())
    db.flush()
    note_missed(db, rows.values())
    moved = _move(db, {row.id: row.channel for row in rows.values()}, decisions.slack.channel)
    if changed or moved:
        touch_open(db, now, now - SHOWN_SINCE)
    touch_existing(db, now, keys.ALL_HOMES)
    called = known | rows
    return _match(db, {called[name].id: given.match for name, given in decisions.models.items() if given.match}, now)


def _match(db: Session, wanted: Mapping[int | None, dict[str, str]], now: datetime) -> bool:
    """Write the rules by which events that name no model are of one; False when they stand there already."""
    before = db.exec(select(Link).where(col(Link.by).is_(None))).all()
    if {link.model_id: link.labels for link in before} == wanted:
        return False
    for link in before:
        db.delete(link)
    db.add_all(Link(model_id=number, labels=labels, at=now) for number, labels in wanted.items() if number is not None)
    return True


def _move(db: Session, channels: Mapping[int | None, str | None], default: str) -> int:
    """Send what is open, and was not opened by a person, to its model's channel of now; return how much moved.

    What stands already is edited where it stands, unless the bot cannot write there any more.
    """
    moved = 0
    groups = select(AlertGroup).where(AlertGroup.status != "resolved", col(AlertGroup.quiet).is_(False))
    opened = select(Incident).where(col(Incident.status).in_(OPEN_STATUSES), col(Incident.opened_by).is_(None))
    for card in (*db.exec(groups), *db.exec(opened)):
        wanted = channels.get(card.model_id) or default
        if card.channel != wanted:
            card.channel = wanted
            db.add(card)
            moved += 1
    return moved


def _rule(decisions: Decisions, section: ApproverSection) -> dict[str, Any]:
    """Return who decides, with the people of the group; see `Model.approvers`."""
    people = (*section.users, *decisions.people.get(section.group or "", ()))
    return {
        "users": list(dict.fromkeys(people)),
        "group": section.group,
        "not_author": section.not_author,
        "channel": section.channel,
        "expires_s": _seconds(section.expires),
        "rollback": section.rollback,
    }


def _deploys(decisions: Decisions, section: ModelSection) -> dict[str, Any]:
    """Return who carries decisions out, see `Model.deploys`: the only deployer where the model names none."""
    only = next(iter(decisions.deployers)) if len(decisions.deployers) == 1 else None
    named = section.deployer or (None if section.deploy_url else only)
    return {"deployer": named, "url": section.deploy_url, "within_s": _seconds(section.deploy_within)}


def _seconds(text: str | None) -> int | None:
    duration = duration_of(text)
    return None if duration is None else int(duration.total_seconds())
