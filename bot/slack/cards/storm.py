"""One card for many alert groups that open at once in a channel: a table of every one, edited until it is over."""

from collections.abc import Sequence

from sqlmodel import Session

from bot.ports import Body
from bot.slack import text
from bot.slack.blocks import Block, Message, context, data_table, message, rows_that_fit, section
from bot.slack.cards.frame import posted
from bot.slack.cards.look import Look
from bot.store.queries.alerts import storm_groups
from bot.store.queries.models import names_of
from bot.store.tables import AlertGroup, Storm

HEAD = ("Model", "Alert", "Class", "State", "Alerts", "Since", "Incident")
PAGE = 10
NAMED = 5
"""How many groups the sentence names, for phones."""
LINE = 2_800
MOST_LINES = 12


def card(db: Session, storm_id: int, look: Look) -> Body | None:
    """Return the card of a storm; None when it has no groups."""
    storm = db.get(Storm, storm_id)
    groups = storm_groups(db, storm_id)
    if storm is None or not groups:
        return None
    names = names_of(db, {g.model_id for g in groups})
    ranked = sorted(groups, key=lambda g: _place(g, names))
    return posted(_message(storm, ranked, names), look, channel=storm.channel)


def _place(group: AlertGroup, names: dict[int, str]) -> tuple[bool, bool, str, str, int]:
    model = names.get(group.model_id or 0, "")
    return group.status == "resolved", group.alert_class != "hard", model.lower(), group.symptom.lower(), group.id or 0


def _message(storm: Storm, groups: Sequence[AlertGroup], names: dict[int, str]) -> Message:
    firing = [g for g in groups if g.status != "resolved"]
    alerts = sum(g.total for g in groups)
    count = text.plural(len(groups), "alert group")
    first = ", ".join(
        f"{text.line(g.symptom, 60)} on {text.line(names.get(g.model_id or 0, 'no model'), 60)}" for g in groups[:NAMED]
    )
    more = f" and {len(groups) - NAMED} more" if len(groups) > NAMED else ""
    if firing:
        head = f"🔴 *{count} opened at once in this channel*"
        state = f"{len(firing)} still open · {text.plural(alerts, 'alert')} · since {text.date(storm.opened_at)}"
        opening = f"{count} opened at once in this channel"
    else:
        head = f"✅ *All {count} of this storm are resolved*"
        state = f"{text.plural(alerts, 'alert')} · opened {text.date(storm.opened_at)}"
        opening = f"All {count} that opened at once are resolved"
    after = "Over: groups that are still open have cards of their own." if storm.closed_at and firing else ""
    rows = [_row(g, names) for g in groups]
    listed = rows_that_fit(rows)
    caption = f"{len(groups)} alert groups that opened at once"
    table = data_table(caption, HEAD, rows[:listed], page=PAGE)
    return message(f"{opening}: {first}{more}.", section(head, state, after), table, *_rest(groups[listed:], names))


def _row(group: AlertGroup, names: dict[int, str]) -> tuple[str | float, ...]:
    sign_and_word = text.state(group.status)
    incident = f"INC-{group.incident_id}" if group.incident_id else "–"
    model = names.get(group.model_id or 0, "no model")
    since = text.utc(group.opened_at)
    return model, group.symptom, group.alert_class, sign_and_word, float(group.total), since, incident


def _rest(groups: Sequence[AlertGroup], names: dict[int, str]) -> list[Block]:
    """Return the groups beyond the table, named in as few lines as possible, the last ones only counted."""
    lines: list[str] = []
    left = len(groups)
    for group in groups:
        word = f"{text.line(names.get(group.model_id or 0, 'no model'), 80)}: {text.line(group.symptom, 80)}"
        if lines and len(lines[-1]) + len(word) + 3 <= LINE:
            lines[-1] += f" · {word}"
        elif len(lines) < MOST_LINES:
            lines.append(word)
        else:
            break
        left -= 1
    blocks = [section(line) for line in lines]
    return [*blocks, context(f"and {text.plural(left, 'more group')}")] if left else blocks
