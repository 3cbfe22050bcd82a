"""M1, how a model is: state, product metric, version, incident, alerts; what is not connected is named."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.domain import durations, keys
from bot.domain.evaluations import Judgement
from bot.domain.proposals import UNDECIDED
from bot.slack import alerting, incidents, marks, measures, text
from bot.slack.answers.unknown import unknown_model
from bot.slack.blocks import Block, Element, Message, actions, button, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.health import Health, as_heard, health_of
from bot.store.queries.alerts import Features, data_alerts_known, features_of
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import remote_ids, ticket_of
from bot.store.queries.judging import family, is_product
from bot.store.queries.lag import lag
from bot.store.queries.marks import BAD
from bot.store.queries.metrics import Reading
from bot.store.queries.models import model_by_name, previous_version, stages_in_order, unbroken_since, way_back
from bot.store.queries.notes import Note, newest_notes
from bot.store.queries.objectives import JUDGED
from bot.store.queries.proposals import approvers, open_proposals
from bot.store.queries.sources import Hearing, hearing
from bot.store.queries.versions import last_seen, last_served, seen_of
from bot.store.tables import AlertGroup, Model, Serving

PRODUCT, METRICS = 2, 3
"""Model metrics on the third line, the most telling first."""
GROUPS = 4
NOTES, READ = 2, 12
"""So many are shown of the newest ones."""
NOTED = timedelta(days=30)
"""Older notes are not told."""
LATE = timedelta(seconds=90)
"""Longer than a card that changes all the time may take."""


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
            context(*_small_print(db, health, heard, now)),
            _buttons(db, health, shared=shared),
        ),
        look,
    )


def _sentence(health: Health, stage: str, pairs: Sequence[tuple[Reading, Judgement]]) -> str:
    model = health.model
    numbers = [
        text.join(measures.spoken(measures.phrase(model, *pair)), measures.measured_on(health, pair[0]), by=" ")
        for pair in pairs
    ]
    version = health.live
    trouble = [f"{incidents.name(i)} open" for i in health.incidents[:1]]
    groups = [text.plural(len(health.groups), "alert group")] if health.groups else []
    parts = [text.escape(version), *numbers, *trouble, *groups]
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
    return text.join(phrase, measures.objective_words(health.model, reading), reach, measures.rows(reading))


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


def _small_print(db: Session, health: Health, heard: Hearing, now: datetime) -> list[str]:
    model = health.model
    live = health.serving[0] if health.serving else None
    known_good = model.fallback
    if known_good is None and live is not None and model.id is not None:
        known_good = previous_version(db, model.id, stage=live.stage, version=live.version, bad=health.bad)
    ids = user_ids(db, [model.owner, model.on_call])
    silent = [f"{text.line(name, 60)} silent for {durations.short(now - at)}" for name, at in heard.silent]
    missing = _missing(db, health) + [f"{text.line(name, 60)} (never heard)" for name in heard.never]
    return [
        _fall_back(db, model, live, known_good, now),
        *_freshness(db, model, live, now),
        f"owner {text.mention(model.owner, ids)}" if model.owner else "no owner",
        f"on call {text.mention(model.on_call, ids)}" if model.on_call else "",
        *silent,
        _behind(db, now),
        f"not connected: {', '.join(missing)}" if missing else "",
        f"as of {text.date(now)}",
    ]


def _fall_back(db: Session, model: Model, live: Serving | None, version: str | None, now: datetime) -> str:
    """Return to which version one can go back, and when it last served: a way that was never gone may not be one."""
    if version is None:
        return "no fall-back known"
    stage = live.stage if live else stages_in_order(model)[-1]
    served = last_served(db, model.id or 0, stage=stage, version=version)
    if served.now:
        exercised = "serves now"
    else:
        exercised = f"last served {durations.short(now - served.until)} ago" if served.until else "never served"
    return f"fall-back {text.version(version)}, {exercised}"


def _freshness(db: Session, model: Model, live: Serving | None, now: datetime) -> list[str]:
    """Return the age of the newest evaluation, of what serves and of its data, against what is expected."""
    if live is None:
        last, data_until = last_seen(db, [model.id or 0])[model.id or 0], None
    else:
        last, data_until = seen_of(db, model.id or 0, live.version)
    retrained = "never retrained" if live is None else f"age of {text.version(live.version)} unknown"
    data = f"data to {text.day(data_until)}, {durations.short(now - data_until)} old" if data_until else ""
    return [
        _age("evaluated", "never evaluated", model.evaluate_every_s, last.evaluated, now),
        _age("retrained", retrained, model.retrain_every_s, last.retrained, now),
        data,
    ]


def _age(word: str, never: str, every: int | None, at: datetime | None, now: datetime) -> str:
    if not every:
        return f"{word} {durations.short(now - at)} ago" if at else ""
    age = f"{word} {durations.short(now - at)} ago" if at else never
    return f"{age} (expected every {durations.short(timedelta(seconds=every))})"


def _behind(db: Session, now: datetime) -> str:
    """Return how late the channels are, when they are: what stands here is newer."""
    behind = lag(db, "slack/", now)
    if behind.oldest < LATE:
        return ""
    return f"⏳ {text.plural(behind.copies, 'message')} in Slack up to {durations.short(behind.oldest)} behind"


def _missing(db: Session, health: Health) -> list[str]:
    """Return what nobody ever told us of this model, by name: a blank is not a zero."""
    newest = [rows[0] for rows in health.readings.values()]
    kinds = {r.evaluation_type for rows in health.readings.values() for r in rows}
    gaps = {
        "deployments": bool(health.serving),
        "live metric": "live" in kinds,
        "product metric": any(is_product(health.model, r) for r in newest),
        "data quality": any(family(health.model, r) == "data" for r in newest)
        or data_alerts_known(db, health.model.id or 0),
    }
    return [name for name, there in gaps.items() if not there]


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
