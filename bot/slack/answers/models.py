"""Bare `/model`: the asker's models, or all, one line each and the worst first; and all of them as a table."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from bot.domain import durations
from bot.slack import incidents, measures, text
from bot.slack.blocks import Block, Message, actions, button, context, data_table, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.home import line
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.health import Health
from bot.slack.ranking import ranked, worst
from bot.slack.text import STATES
from bot.store.queries.models import count_models, owned_by
from bot.store.queries.sources import Hearing, hearing

SHOWN = 8
TABLE = 10
PAGE = 6
BUTTONS = 3


def models(db: Session, now: datetime, look: Look, *, user: str | None = None) -> Message:
    """Return the models of USER, by Slack id, else every model, the worst first."""
    heard = hearing(db, look.sources, now)
    count = count_models(db)
    if not count:
        return _none(look)
    own = {model.id for model in owned_by(db, user) if model.id is not None} if user else set()
    ranking = ranked(db, SHOWN, among=own or None, hearing=heard)
    health = worst(db, ranking, hearing=heard)
    left = ranking.total - len(health)
    rest = count - ranking.total
    others = f"{text.plural(rest, 'model')} of others" if rest else ""
    foot = text.join(f"and {left} more" if left > 0 else "", others, *_silent(heard, now), f"as of {text.date(now)}")
    whose = f"Your {text.plural(ranking.total, 'model')}" if own else text.plural(ranking.total, "model")
    every = actions(button("All as a table", "run_all", "status --all")) if left > 0 or rest else None
    return finished(message(_sentence(health, whose), *map(_line, range(SHOWN), health), context(foot), every), look)


def table(db: Session, now: datetime, look: Look) -> Message:
    """Return the worst of all models as a table, and how many are in which state."""
    heard = hearing(db, look.sources, now)
    ranking = ranked(db, TABLE, hearing=heard)
    if not ranking.total:
        return _none(look)
    health = worst(db, ranking, hearing=heard)
    head = ("Model", "State", "Version", "Product metric", "Model metric", "Trouble")
    rows = [_row(one) for one in health]
    names = [one.model.name for one in health[:BUTTONS]]
    states = ", ".join(f"{count} {STATES[state][1]}" for state, count in ranking.counts.items())
    whose = text.plural(ranking.total, "model")
    left = ranking.total - len(rows)
    caption = f"Models, worst first{f' ({left} more not shown)' if left else ''}"
    return finished(
        message(
            _sentence(health, whose),
            section(f"*{whose}*: {states}"),
            data_table(caption, head, rows, page=PAGE),
            context(*_silent(heard, now), f"as of {text.date(now)}"),
            actions(*(button(name, f"run_{n}", f"status {quoted(name)}") for n, name in enumerate(names, 1))),
        ),
        look,
    )


def _none(look: Look) -> Message:
    words = "No model yet: the first event that names one creates it. `bellwether send-test alert` sends one."
    return finished(message("No model yet.", section(words)), look)


def _silent(heard: Hearing, now: datetime) -> list[str]:
    return [f"{text.line(name, 60)} silent for {durations.short(now - at)}" for name, at in heard.silent]


def _row(one: Health) -> tuple[str, ...]:
    """Return a model's cells, in plain text: unknown is a word of its own."""
    best = [measures.same_kind(one, found[0]) if found else None for found in measures.most_telling(one)]
    metrics = [text.plain(measures.spoken(measures.told(one, *pair))) if pair else "not connected" for pair in best]
    version = one.live or "unknown"
    alerts = text.plural(len(one.groups), "alert group") if one.groups else ""
    trouble = ", ".join([*(incidents.name(i) for i in one.incidents[:2]), *([alerts] if alerts else [])])
    return (one.model.name, f"{one.sign} {one.word}", version, *metrics, trouble)


def _line(place: int, one: Health) -> Block:
    name = one.model.name
    opens = button("Open", f"run_{place + 1}", f"status {quoted(name)}", label_for=f"Open {name}")
    return section(line(one), accessory=opens)


def _sentence(health: Sequence[Health], whose: str) -> str:
    worst = ", ".join(f"{text.line(h.model.name)} {h.word}" for h in health)
    return f"{whose}, the worst first: {worst}"
