"""Bare `/model`: the asker's models, or all, one line each and the worst first."""

from datetime import datetime

from sqlmodel import Session

from bot.domain import durations
from bot.slack import text
from bot.slack.blocks import Block, Message, button, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.home import line, owned_by
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.health import Health, as_heard, health_of
from bot.store.queries.models import all_models
from bot.store.queries.sources import hearing

SHOWN = 8


def models(db: Session, now: datetime, look: Look, *, user: str | None = None) -> Message:
    """Return the models of USER, by Slack id, else every model, the worst first."""
    everything = all_models(db)
    if not everything:
        words = "No model yet: the first event that names one creates it. `bellwether send-test alert` sends one."
        return finished(message("No model yet.", section(words)), look)
    mine = owned_by(db, everything, user) if user else []
    heard = hearing(db, look.sources, now)
    health = sorted((as_heard(h, heard) for h in health_of(db, mine or everything)), key=lambda h: h.place)
    silent = [f"{text.line(name, 60)} silent for {durations.short(now - at)}" for name, at in heard.silent]
    left = len(health) - SHOWN
    rest = len(everything) - len(mine)
    others = f"{text.plural(rest, 'model')} of others" if mine and rest else ""
    foot = text.join(f"and {left} more" if left > 0 else "", others, *silent, f"as of {text.date(now)}")
    whose = text.plural(len(health), "model")
    whose = f"Your {whose}" if mine else whose
    return finished(message(_sentence(health, whose), *map(_line, range(SHOWN), health[:SHOWN]), context(foot)), look)


def _line(place: int, one: Health) -> Block:
    name = one.model.name
    opens = button("Open", f"run_{place + 1}", f"status {quoted(name)}", label_for=f"Open {name}")
    return section(line(one), accessory=opens)


def _sentence(health: list[Health], whose: str) -> str:
    worst = ", ".join(f"{text.line(h.model.name)} {h.word}" for h in health[:SHOWN])
    return f"{whose}, the worst first: {worst}"
