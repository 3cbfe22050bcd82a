"""Events that name no model: given to one by their labels, or kept until a rule says whose they are.

A new rule takes up what came before. Old news stay quiet: what has a card is edited, and only alerts that still fire
are told to the people of their model.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import TypeAdapter
from sqlmodel import Session, col, func, select, update

from bot.domain import keys
from bot.domain.actions import LinkEvents, UnlinkEvents
from bot.domain.errors import UserError
from bot.domain.facts import (
    AlertFact,
    ChangeFact,
    DeploymentFact,
    EvaluationFact,
    Fact,
    TicketFact,
    Unmapped,
    VersionFact,
)
from bot.domain.links import ALERT, LABEL, SOURCE, Rule, model_of
from bot.domain.names import escape
from bot.ingest.changes import Origin, touch_evidence
from bot.ingest.correlate import models_named
from bot.ingest.groups import FIRING, Counts, Moved, groups_by_id, settle
from bot.ingest.incidents import name_suspect
from bot.ingest.rules import Rules
from bot.store.projection import touch_existing
from bot.store.queries import unlinked
from bot.store.queries.models import model_by_name
from bot.store.queries.unlinked import Pair, UnlinkedAlert
from bot.store.tables import Alert, AlertGroup, Link, Model, Unlinked

Waiting = VersionFact | DeploymentFact | EvaluationFact
"""Facts that are of one model in any case."""
KINDS: Mapping[str, TypeAdapter[Waiting]] = {
    "version": TypeAdapter(VersionFact),
    "deployment": TypeAdapter(DeploymentFact),
    "evaluation": TypeAdapter(EvaluationFact),
}
NAMES: Mapping[type[Waiting], str] = {
    VersionFact: "version",
    DeploymentFact: "deployment",
    EvaluationFact: "evaluation",
}
AT_ONCE = 500


def linked(db: Session, reads: Sequence[tuple[str, Sequence[Fact | Unmapped]]]) -> Sequence[Sequence[Fact | Unmapped]]:
    """Return what was READ of each source, with the models that labels tell where nothing else does."""
    if not any(_unnamed(fact) for _, read in reads for fact in read):
        return [read for _, read in reads]
    rules = unlinked.rules(db)
    return (
        [[_linked(fact, source, rules) for fact in read] for source, read in reads] if rules else [r for _, r in reads]
    )


def hold(db: Session, origin: Origin, fact: Waiting, now: datetime) -> bool:
    """Keep a fact that only a link can give to its model; False when it is kept already."""
    key = origin.dedup(fact.dedup_key)
    known = select(Unlinked.id).where(Unlinked.source == origin.source, Unlinked.dedup_key == key)
    if db.exec(known).first() is not None:
        return False
    kind = NAMES[type(fact)]
    db.add(
        Unlinked(
            source=origin.source,
            dedup_key=key,
            kind=kind,
            labels={SOURCE: origin.source, **fact.labels},
            fact=KINDS[kind].dump_python(fact, mode="json"),
            received_at=now,
            delivery_id=origin.delivery_id,
        )
    )
    db.flush()
    touch_existing(db, now, keys.ALL_HOMES)
    return True


def take_rule(db: Session, action: LinkEvents, now: datetime) -> int:
    """Write down whose events with a label are, from now on; returns the number of the model. Raises UserError."""
    model = model_by_name(db, action.model)
    if model is None or model.id is None:
        raise UserError(f"There is no model {escape(action.model)}. Nothing done.")
    if not LABEL(action.label) or not action.value:
        raise UserError("A label is a name and a value: `service=churn-api`. Nothing done.")
    if (same := _rule(db, action.label, action.value)) is not None:
        db.delete(same)
    db.add(Link(model_id=model.id, labels={action.label: action.value}, by=action.by, at=now))
    db.flush()
    return model.id


def drop_rule(db: Session, action: UnlinkEvents) -> int:
    """Forget a person's rule; what it linked stays. Returns the number of its model. Raises UserError."""
    rule = _rule(db, action.label, action.value)
    if rule is None:
        raise UserError(f"No rule of a person is about `{escape(action.label)}={escape(action.value)}`. Nothing done.")
    db.delete(rule)
    return rule.model_id


def take_up_changes(db: Session, now: datetime, rules: Sequence[Rule], pair: Pair | None) -> None:
    """Give the changes of no model to the one that RULES tell."""
    found = [
        (change, model_of({SOURCE: change.source, **change.labels}, rules)) for change in unlinked.changes(db, pair)
    ]
    models = models_named(db, (name for _, name in found), now)
    for change, name in found:
        if name is not None:
            touch_evidence(db, now, change)
            change.model_id = models[name].id
            db.add(change)
            db.flush()
            name_suspect(db, now, change)


def take_up_held(db: Session, rules: Sequence[Rule], pair: Pair | None) -> list[tuple[Origin, Waiting]]:
    """Return the facts that waited and whose model RULES tell; they wait no more."""
    found: list[tuple[Origin, Waiting]] = []
    for row in unlinked.held(db, pair):
        if (name := model_of(row.labels, rules)) is not None:
            fact = replace(KINDS[row.kind].validate_python(row.fact), model=name, dedup_key=row.dedup_key)
            found.append((Origin(row.source, row.delivery_id), fact))
            db.delete(row)
    return found


def take_up_alerts(
    db: Session, now: datetime, rules: Sequence[Rule], pair: Pair | None, given: Rules
) -> tuple[list[AlertGroup], Moved]:
    """Give the alerts of no model to the ones that RULES tell.

    A group that is wholly of one model becomes the model's, with its card; of others the alerts that are told move to
    a group of their own. Returns the groups that changed hands, and what the splits did to groups.
    """
    told: dict[int, dict[str, list[UnlinkedAlert]]] = defaultdict(lambda: defaultdict(list))
    for alert in unlinked.alerts(db, pair):
        if (name := model_of(alert.labels, rules)) is not None:
            told[alert.group_id][name].append(alert)
    models = models_named(db, {name for parts in told.values() for name in parts}, now)
    groups, sizes = groups_by_id(db, told.keys()), _sizes(db, told.keys())
    whole: list[AlertGroup] = []
    split: list[AlertGroup] = []
    counts: dict[int, Counts] = {}
    for number, parts in sorted(told.items()):
        group, rest = groups[number], sizes[number] - sum(map(len, parts.values()))
        for name, alerts in sorted(parts.items(), key=lambda part: (-len(part[1]), part[0])):
            if not rest and group not in whole:
                _hand_over(group, models[name], given)
                _write(db, alerts, models[name], group)
                whole.append(group)
                continue
            own = _part(db, group, models[name], alerts, given)
            _write(db, alerts, models[name], own)
            firing = sum(alert.status in FIRING for alert in alerts)
            counts[own.id or 0] = (len(alerts), firing)
            less = counts.get(number, (0, 0))
            counts[number] = (less[0] - len(alerts), less[1] - firing)
            split += [own, group]
    db.flush()
    return whole, settle(db, split, counts, [], now)


def _unnamed(fact: Fact | Unmapped) -> bool:
    return not isinstance(fact, Unmapped | TicketFact) and not fact.model


def _linked(fact: Fact | Unmapped, source: str, rules: Sequence[Rule]) -> Fact | Unmapped:
    match fact:
        case Unmapped() | TicketFact():
            return fact
        case _ if fact.model:
            return fact
        case AlertFact():
            name = model_of({SOURCE: source, ALERT: fact.name, **fact.labels}, rules)
            return replace(fact, model=name)
        case ChangeFact():
            return replace(fact, model=model_of({SOURCE: source, **fact.labels}, rules))
        case _:
            return replace(fact, model=model_of({SOURCE: source, **fact.labels}, rules) or "")


def _rule(db: Session, label: str, value: str) -> Link | None:
    said = db.exec(select(Link).where(col(Link.by).is_not(None)))
    return next((rule for rule in said if rule.labels == {label: value}), None)


def _sizes(db: Session, groups: Collection[int]) -> Counter[int]:
    query = select(Alert.group_id, func.count()).where(col(Alert.group_id).in_(groups)).group_by(col(Alert.group_id))
    return Counter(dict(db.exec(query).all()))


def _hand_over(group: AlertGroup, model: Model, given: Rules) -> None:
    """Make GROUP the model's; what stands already is edited where it stands."""
    group.model_id = model.id
    if group.status != "resolved" and group.storm_id is None:
        group.channel = model.channel or given.default_channel


def _part(db: Session, group: AlertGroup, model: Model, alerts: Sequence[UnlinkedAlert], given: Rules) -> AlertGroup:
    """Open a group for ALERTS, a part of GROUP; one that is over fills history."""
    kept = {"symptom", "stage", "alert_class", "category", "severity", "recorded_at", "lookback_s", "upstream_group"}
    own = AlertGroup(
        **group.model_dump(include={*kept, "version"}),
        model_id=model.id,
        channel=model.channel or given.default_channel,
        status="new",
        opened_at=min(group.recorded_at, *(alert.starts_at for alert in alerts)),
        quiet=group.quiet or not any(alert.status in FIRING for alert in alerts),
    )
    db.add(own)
    db.flush()
    return own


def _write(db: Session, alerts: Iterable[UnlinkedAlert], model: Model, group: AlertGroup) -> None:
    ids = [alert.id for alert in alerts]
    for some in (ids[n : n + AT_ONCE] for n in range(0, len(ids), AT_ONCE)):
        moved = update(Alert).where(col(Alert.id).in_(some))
        db.exec(moved.values(model_id=model.id, group_id=group.id))
