"""M1, how a model is: state, product metric, version, incident, alerts; what is not connected is named."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.domain import durations, keys
from bot.domain.evaluations import Judgement
from bot.domain.proposals import UNDECIDED
from bot.slack import alerting, incidents, marks, measures, numbers, text
from bot.slack.answers.small_print import small_print
from bot.slack.answers.unknown import unknown_model
from bot.slack.blocks import Block, Element, Message, actions, button, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.health import Health, as_heard, health_of
from bot.store.queries.alerts import Features, features_of
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import remote_ids, ticket_of
from bot.store.queries.marks import BAD
from bot.store.queries.metrics import Reading
from bot.store.queries.models import model_by_name, stages_in_order, unbroken_since, way_back
from bot.store.queries.notes import Note, newest_notes
from bot.store.queries.objectives import JUDGED
from bot.store.queries.proposals import approvers, open_proposals
from bot.store.queries.sources import hearing
from bot.store.tables import AlertGroup, Model, Serving

PRODUCT, METRICS = 2, 3
"""Model metrics on the third line, the most telling first."""
GROUPS = 4
NOTES, READ = 2, 12
"""So many are shown of the newest ones."""
NOTED = timedelta(days=30)
"""Older notes are not told."""


def status(db: Session, model_name: str, now: datetime, look: Look) -> Message:
    """Return how the model is, for one person; with nearest names when there is no such model."""
    return _status(db, model_name, now, look, shared=False)


def shared(db: Session, model_name: str, now: datetime, look: Look, *, by: str) -> Message:
    """Return how the model is, for the channel: signed, and without the buttons that are for the asker."""
    answer = _status(db, model_name, now, look, shared=True)
    signed = context(f"shared by {text.user(by)}")
    return finished(Message(answer.text, [*answer.blocks, signed]), look)


def _status(db: Session, model_name: str, now: datetime, look: Look, *, shared: bool) -> Message:
    model = model_by_name(db, model_name)
    if model is None:
        return unknown_model(db, model_name, look)
    heard = hearing(db, look.sources, now)
    health = as_heard(health_of(db, [model])[0], heard)
    telling = measures.most_telling(health)
    product = [measures.same_kind(health, rows) for rows in telling[0][:PRODUCT]]
    other = [measures.same_kind(health, rows) for rows in telling[1][:METRICS]]
    stage = health.serving[0].stage if health.serving else stages_in_order(model)[-1]
    retired = " · retired" if model.retired_at else ""
    head = f"{health.sign} {text.bold(model.name)}  {health.word} in {text.code(stage)}{retired}"
    return finished(
        message(
            _sentence(health, stage, product[:1] + other[:1]),
            section(
                head,
                *(_metric(health, *pair, now) for pair in product),
                text.join(_versions(db, health.serving, now), *(_metric(health, *pair, now) for pair in other)),
            ),
            _trouble(db, health, look),
            _notes(db, health, now),
            context(*small_print(db, health, heard, now)),
            _buttons(db, health, shared=shared),
        ),
        look,
    )


def _sentence(health: Health, stage: str, pairs: Sequence[tuple[Reading, Judgement]]) -> str:
    model = health.model
    values = [measures.spoken(measures.told(health, *pair)) for pair in pairs]
    version = health.live
    trouble = [f"{incidents.name(i)} open" for i in health.incidents[:1]]
    groups = [text.plural(len(health.groups), "alert group")] if health.groups else []
    parts = [text.escape(version), *values, *trouble, *groups]
    return text.join(
        f"{text.line(model.name)} {health.word} in {text.line(stage, 60)}", text.join(*parts, by=", "), by=": "
    )


def _metric(health: Health, reading: Reading, judgement: Judgement, now: datetime) -> str:
    """Return a value with its objective, how far its labels reach, and its n; what is not live says so."""
    kind = reading.evaluation_type
    where = "" if kind in JUDGED else f"({text.word(kind)})"
    phrase = text.join(
        measures.phrase(health.model, reading, judgement), where, measures.measured_on(health, reading), by=" "
    )
    reach = measures.labels(reading, now)
    return text.join(
        phrase,
        measures.objective_words(health.model, reading),
        reach,
        measures.rows(reading),
        _settled(health, reading, now),
    )


def _settled(health: Health, reading: Reading, now: datetime) -> str:
    """Return the last value that counts where READING, whose labels are not there, stands before it."""
    last = health.matured.get(reading.metric)
    if reading.matured or last is None or last.at > reading.at:
        return ""
    value = numbers.figure(last.value, last.metric, measures.unit(health.model, last))
    return text.join(f"last matured {text.bold(value)}", measures.labels(last, now))


def _versions(db: Session, serving: Sequence[Serving], now: datetime) -> str:
    """Return what serves where, with its share and for how long."""
    if not serving:
        return "no version known to serve"
    first = serving[0].stage
    since = unbroken_since(db, serving[:4])
    words = []
    for row in serving[:4]:
        share = "" if row.traffic_percent is None else f" {row.traffic_percent:g} %"
        where = "" if row.stage == first else f" in {text.code(row.stage)}"
        target = f" on {text.line(row.target, 40)}" if row.target else ""
        words.append(f"{text.version(row.version)}{share}{target}{where}, {durations.short(now - since[row.id])}")
    return " · ".join(words)


def _trouble(db: Session, health: Health, look: Look) -> Block | None:
    """Return what serves though it is bad, the open incident, what waits to serve, and what alerts; None for none."""
    lines = marks.warnings(health.bad, health.model.id or 0, (s.version for s in health.serving))
    lines += [_incident(db, health, look)] if health.incidents else []
    lines += _proposed(db, health.model, look)
    if health.groups:
        ids = [g.id for g in health.groups if g.id is not None]
        features = features_of(db, ids)
        total = sum(g.firing for g in health.groups)
        named = [_group(g, features.get(g.id or 0, Features())) for g in health.groups[:GROUPS]]
        rest = len(health.groups) - GROUPS
        more = f"and {rest} more" if rest > 0 else ""
        glyph = "🔴" if total else text.state(health.groups[0].status).split(" ")[0]
        lines.append(text.join(f"{glyph} {text.plural(total, 'alert')} firing", ", ".join(named), more))
    return section(*lines) if lines else None


def _incident(db: Session, health: Health, look: Look) -> str:
    incident = health.incidents[0]
    place = remote_ids(db, [keys.incident(incident.id or 0)]).get(keys.incident(incident.id or 0))
    name = text.link(text.permalink(place, look.workspace), incidents.name(incident))
    more = f"and {len(health.incidents) - 1} more" if len(health.incidents) > 1 else ""
    ids = user_ids(db, [incident.lead])
    lead = text.user(incident.lead, ids)
    ticket = incidents.ticket_words(db, incident, ticket_of(db, incident.id or 0), look) if look.tickets else ""
    return text.join(f"🔥 {name} {text.severity(incident.severity)} {text.word(incident.status)}", lead, ticket, more)


def _proposed(db: Session, model: Model, look: Look) -> list[str]:
    """Return what waits for a decision, and what was decided and does not serve yet."""
    found = open_proposals(db, model.id or 0)
    places = remote_ids(db, [keys.proposal(row.id or 0) for row in found]) if found else {}
    lines = []
    for row in found:
        who = approvers(model, row.stage)
        waits = f"waits for {text.line(who.called if who else 'somebody')} to let it"
        url = text.permalink(places.get(keys.proposal(row.id or 0)), look.workspace)
        if row.status in UNDECIDED:
            lines.append(f"⏳ {text.version(row.version)} {text.link(url, waits)} go to {text.code(row.stage)}")
        else:
            approved = text.link(url, "approved")
            lines.append(f"⏳ {text.version(row.version)} {approved} to go to {text.code(row.stage)}, not there yet")
    return lines


def _group(group: AlertGroup, features: Features) -> str:
    return text.join(text.line(group.symptom, 60), alerting.features(features), by=" ")


def _notes(db: Session, health: Health, now: datetime) -> Block | None:
    """Return what people wrote down last, of each version the last word; what warns of one that serves stands above."""
    serves = {row.version for row in health.serving}
    kept, said = [], set()
    for note in newest_notes(db, health.model.id or 0, now - NOTED, limit=READ):
        if note.version not in said and not (note.kind == BAD and note.version in serves):
            kept.append(note)
        said |= {note.version} - {None}
    return context(*(_note(note, now) for note in kept[:NOTES])) if kept else None


def _note(note: Note, now: datetime) -> str:
    if note.version is None:
        said = f"📌 {text.word(note.kind)}: {text.line(note.text, 60)}"
    else:
        word = "bad" if note.kind == BAD else "good"
        said = text.join(f"📌 {text.version(note.version)} marked {word}", text.line(note.text, 60), by=": ")
    return text.join(said, text.user(note.by), f"{durations.short(now - note.at)} ago", by=", ")


def _buttons(db: Session, health: Health, *, shared: bool) -> Block | None:
    name = health.model.name
    rollback: Element | None = None
    for incident in health.incidents[:1]:
        back = way_back(db, incident)
        rollback = incidents.rollback_button(incident, back, name, told=incident.channel)
    return actions(
        None if shared else button("Share here", "status_share", name),
        button("Why?", "run_2", f"why {quoted(name)}"),
        button("Changes 72 h", "run_1", f"changes {quoted(name)} --since 3d"),
        rollback,
    )
