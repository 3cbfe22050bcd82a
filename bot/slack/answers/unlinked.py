"""What names no model, by the label that would link it, each with the models that it may be of as buttons."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from sqlmodel import Session

from bot.domain.links import ALERT, suggested, telling, twins
from bot.slack import text
from bot.slack.blocks import Block, Message, actions, button, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.store.queries import unlinked as rows
from bot.store.queries.models import all_models
from bot.store.queries.unlinked import Pair

WINDOW = timedelta(days=30)
SHOWN = 6
NAMED = 3
SUGGESTED = 2
READ = 2000
"""The newest alerts and changes that are looked through."""


@dataclass
class Thing:
    """What one label would link."""

    last: datetime
    kinds: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    """The names of its alerts."""


def unlinked(db: Session, now: datetime, look: Look) -> Message:
    """Return what came of no model in the last 30 days, what came most first, and names that may be of one model."""
    things = _things(db, now - WINDOW)
    most = sorted(things.items(), key=lambda one: (-one[1].kinds.total(), one[0]))
    models = all_models(db)
    ours, others = [m.name for m in models if m.configured], [m.name for m in models if not m.configured]
    pairs = twins(others, ours)
    others = [name for name in others if name not in dict(pairs)]
    if not most and not pairs:
        plain = "Everything of the last 30 days is of a model." if models else "I know no model yet, and no event."
        return finished(message(plain, section(f"✅ {plain}" if models else plain)), look)
    shared = rows.models_with(db, [pair for pair, _ in most[:SHOWN]])
    number = count(1)
    blocks: list[Block | None] = []
    for pair, thing in most[:SHOWN]:
        like = (*suggested(pair[1], ours), *suggested(pair[1], others))
        close = list(dict.fromkeys([*shared.get(pair, ()), *like]))
        blocks += _thing(pair, thing, close[:SUGGESTED], number, look)
    for name, other in pairs[:SHOWN]:
        press = button(f"Merge into {other}…", f"run_{next(number)}", f"merge {quoted(name)} {quoted(other)}")
        blocks.append(section(f"{text.bold(name)} may be {text.bold(other)}", accessory=press))
    total = text.plural(len(things), "label") + " of no model" if things else "Names that may be of one model"
    rest = len(most) - SHOWN
    return finished(
        message(
            f"{total}: {', '.join('='.join(pair) for pair, _ in most[:SHOWN]) or ', '.join(n for n, _ in pairs)}",
            section(f"*{total}* in the last 30 days. A link takes up what came before, and all that comes."),
            *blocks,
            context(f"and {rest} more") if rest > 0 else None,
            context(_how(look)),
        ),
        look,
    )


def _thing(pair: Pair, thing: Thing, close: Sequence[str], number: Iterator[int], look: Look) -> list[Block | None]:
    label = "=".join(pair)
    kinds = [text.plural(n, kind) for kind, n in sorted(thing.kinds.items())]
    often = sorted(thing.named.items(), key=lambda one: (-one[1], one[0]))
    names = ", ".join(text.line(name, 60) for name, _ in often[:NAMED])
    words = text.join(text.code(label), ", ".join(kinds), names, f"last {text.date(thing.last)}")
    presses = [
        button(f"Link to {name}", f"run_{n}", f"link {quoted(label)} {quoted(name)}")
        for n, name in zip(number, close, strict=False)
    ]
    if presses:
        return [section(words), actions(*presses)]
    return [section(words, text.code(f"{look.command} link {quoted(label)} NAME", 200))]


def _how(look: Look) -> str:
    command = text.line(look.command, 40)
    return f"`{command} link LABEL=VALUE NAME` links by any label, `{command} unlink LABEL=VALUE` takes it back"


def _things(db: Session, since: datetime) -> dict[Pair, Thing]:
    found: dict[Pair, Thing] = {}

    def add(labels: dict[str, str], kind: str, at: datetime, name: str | None = None) -> None:
        pair = telling(labels)
        if pair is None:
            return
        thing = found.setdefault(pair, Thing(at))
        thing.last = max(thing.last, at)
        thing.kinds[kind] += 1
        if name is not None and pair[0] != ALERT:
            thing.named[name] += 1

    for alert in rows.newest_alerts(db, since, limit=READ):
        add(alert.labels, "alert", alert.starts_at, alert.name)
    for change in rows.labelled_changes(db, since, limit=READ):
        add({"source": change.source, **change.labels}, "change", change.occurred_at)
    for fact in rows.held(db)[-READ:]:
        add(fact.labels, fact.kind, fact.received_at)
    return found
