"""M8, a person's App Home: their models, what waits for them, open incidents, and whether the sources are heard."""

from collections.abc import Sequence
from itertools import chain

from sqlmodel import Session

from bot.domain import keys
from bot.ports import Body
from bot.slack import incidents, measures, text
from bot.slack.blocks import Block, actions, button, context, divider, fit_view, header, section
from bot.slack.cards.group import verdicts
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.health import Health
from bot.slack.ranking import ranked, worst
from bot.store.queries.alerts import unjudged_groups
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import open_incidents, remote_ids, tickets_of, without_cause
from bot.store.queries.models import count_models, names_of, owned_by
from bot.store.queries.proposals import waiting_for
from bot.store.queries.sources import Hearing, hearing, unmapped
from bot.store.queries.unlinked import count_unlinked
from bot.store.tables import Model

SHOWN = 8
INCIDENTS = 10


def card(db: Session, user: str, look: Look) -> Body:
    """Return the Home of a person, by Slack id."""
    count = count_models(db)
    heard = hearing(db, look.sources)
    mine = owned_by(db, user)
    if not count and not heard.heard:
        blocks = _set_up(look, heard, owned=False)
    else:
        own = {model.id for model in mine if model.id is not None}
        blocks = [
            *_models(worst(db, ranked(db, SHOWN, among=own or None)), count, mine, look),
            *([] if mine else _set_up(look, heard, owned=False)),
            *_waiting(db, mine, user, look),
            *_incidents(db, look),
            divider(),
            _buttons(),
            context(_heard(heard, look)),
            *_unread(db),
            *_unlinked(db, look),
        ]
    return Body({"user": user, "view": fit_view({"type": "home", "blocks": blocks})})


def _models(health: Sequence[Health], count: int, mine: Sequence[Model], look: Look) -> list[Block]:
    blocks = [header("Your models" if mine else "Models")]
    for n, one in enumerate(health, 1):
        name = one.model.name
        opens = button("Open", f"run_{n}", f"status {quoted(name)}", label_for=f"Open {name}")
        blocks.append(section(line(one), accessory=opens))
    everything = f"all: {text.code(look.command)}"
    return [*blocks, context(f"{len(health)} of {text.plural(count, 'model')}", everything)]


def line(one: Health) -> str:
    """Return a model in one line: state, version, its most telling number, its incident."""
    version = text.code(one.live)
    best = next(chain(*measures.most_telling(one)), None)
    metric = measures.told(one, *measures.same_kind(one, best)) if best else ""
    trouble = next((f"🔥 {incidents.name(i)} open" for i in one.incidents), "")
    alerts = text.plural(len(one.groups), "alert group") if one.groups and not one.incidents else ""
    return text.join(f"{one.sign} {text.bold(one.model.name)}  {one.word}", version, metric, trouble, alerts)


def _waiting(db: Session, mine: Sequence[Model], user: str, look: Look) -> list[Block]:
    groups = unjudged_groups(db, [m.id for m in mine if m.id is not None])
    causes, proposed = without_cause(db, user), waiting_for(db, user)
    if not groups and not causes and not proposed:
        return []
    names = names_of(db, {g.model_id for g in groups})
    copies = [keys.group(g.id or 0) for g in groups] + [keys.incident(i.id or 0) for i in causes]
    places = remote_ids(db, copies + [keys.proposal(row.id or 0) for row, _ in proposed])
    blocks: list[Block] = [divider(), header("Waiting for you")]
    for row, about in proposed:
        words = f"⏳ {text.word(row.kind).capitalize()} {text.bold(about.name)} {text.version(row.version)}"
        words = text.join(f"{words} to {text.code(row.stage)}?", f"asked by {text.user(row.asked_by)}")
        blocks.append(_linked(words, places.get(keys.proposal(row.id or 0)), look, f"proposal_{row.id}", about.name))
    for group in groups:
        model = names.get(group.model_id or 0, "no model")
        words = f"⏳ What was {text.bold(group.symptom)} on {text.bold(model)}? Acted, real or noise"
        place = places.get(keys.group(group.id or 0))
        blocks.append(_linked(words, place, look, f"group_{group.id}", group.symptom))
        if place is None and (buttons := actions(*verdicts(group))):  # an incident names it, so it has no card
            blocks.append(buttons)
    for incident in causes:
        words = f"⏳ What caused *{incidents.name(incident)}*? {text.line(incident.title)}"
        place = places.get(keys.incident(incident.id or 0))
        blocks.append(_linked(words, place, look, f"cause_{incident.id}", incidents.name(incident)))
    return blocks


def _incidents(db: Session, look: Look) -> list[Block]:
    found = open_incidents(db)
    if not found:
        return []
    tickets = tickets_of(db, [i.id for i in found])
    names = names_of(db, {i.model_id for i in found})
    places = remote_ids(db, [keys.incident(i.id) for i in found if i.id])
    ids = user_ids(db, {i.lead for i in found})
    blocks: list[Block] = [divider(), header("Open incidents")]
    for incident in found[:INCIDENTS]:
        ticket = tickets.get(incident.id or 0)
        words = text.join(
            f"🔥 *{incidents.name(incident)}* {text.severity(incident.severity)} {text.word(incident.status)}",
            text.line(names.get(incident.model_id or 0)),
            text.line(incident.title, 100),
            text.user(incident.lead, ids),
            incidents.ticket_link(ticket, look) if ticket else "",
        )
        place = places.get(keys.incident(incident.id or 0))
        blocks.append(_linked(words, place, look, f"incident_{incident.id}", incidents.name(incident)))
    rest = len(found) - INCIDENTS
    return [*blocks, context(f"and {rest} more")] if rest > 0 else blocks


def _linked(words: str, place: str | None, look: Look, name: str, subject: str) -> Block:
    url = text.permalink(place, look.workspace)
    if url is None:
        return section(words)
    return section(words, accessory=button("Go to thread", f"link_{name}", url=url, label_for=f"Go to {subject}"))


def _buttons() -> Block:
    row = actions(
        button("Declare incident…", "incident_declare", style="danger"),
        button("All models", "run_models", "models"),
        button("Help", "run_help", "help"),
    )
    assert row is not None
    return row


def _heard(heard: Hearing, look: Look) -> str:
    return "connected: " + text.join(
        *(f"{text.line(name, 60)} ✅" for name in heard.heard),
        *(f"{text.line(name, 60)} ⚠️ silent since {text.date(at)}" for name, at in heard.silent),
        *(f"{text.line(name, 60)} ⚪ never heard" for name in heard.never),
        "Jira ✅" if look.tickets else "Jira ⚪ not connected",
    )


def _unread(db: Session) -> list[Block]:
    found = unmapped(db)
    lines = [f"⚠️ {text.code(source)} sent something that I could not read: {text.line(why)}" for source, why in found]
    return [context("\n".join([*lines[:5], "It is kept: see `bellwether doctor`."]))] if lines else []


def _unlinked(db: Session, look: Look) -> list[Block]:
    count = count_unlinked(db)
    words = f"{text.plural(count, 'open alert or waiting event', 'open alerts and waiting events')} of no model"
    return [context(f"⚪ {words}: `{text.line(look.command, 40)} unlinked`")] if count else []


def _set_up(look: Look, heard: Hearing, *, owned: bool) -> list[Block]:
    """Return the set-up checklist with the next step only."""
    steps = (
        ("Slack connected", True, ""),
        (
            "First event received",
            bool(heard.heard),
            "Send one with `bellwether send-test alert`.",
        ),
        (
            "A model is yours",
            owned,
            "Write `owner:` with your name under a model in `bellwether.yml`.",
        ),
        ("Jira connected", look.tickets, "Set `JIRA_URL`, `JIRA_EMAIL` and `JIRA_API_TOKEN`."),
    )
    lines = [f"{'✅' if done else '⚪'} {name}" for name, done, _ in steps]
    following = next((how for _, done, how in steps if not done), "")
    return [header("Set up"), section(*lines), *([context(f"Next: {following}")] if following else [])]
