"""What changed of a model lately, and what was decided: every kind, newest first; at last what is not heard of."""

from datetime import datetime
from operator import itemgetter

from sqlmodel import Session

from bot.domain import durations
from bot.slack import changelog, text
from bot.slack.answers.unknown import unknown_model
from bot.slack.blocks import Message, actions, button, context, message, section, sections
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.store.queries.changes import MOST, changes_since, count_changes
from bot.store.queries.models import model_by_name
from bot.store.queries.proposals import decisions_since
from bot.store.queries.sources import hearing

SHOWN = 25
IN_ONE_BLOCK = 5


def changes(db: Session, model_name: str, now: datetime, since: datetime, look: Look) -> Message:
    """Return what changed of the model, of what it depends on and of every model, and what was decided, SINCE then."""
    model = model_by_name(db, model_name)
    if model is None or model.id is None:
        return unknown_model(db, model_name, look, verb="changes")
    found = changes_since(db, model.id, since, until=now)
    decided = decisions_since(db, model.id, since, limit=MOST)
    told = [
        *zip((one.change.occurred_at for one in found), changelog.lines(db, found), strict=True),
        *zip((one.at for one in decided), changelog.decisions(decided), strict=True),
    ]
    lines = [words for _, words in sorted(told, key=itemgetter(0), reverse=True)[:SHOWN]]
    last, whole = changelog.connected(db, [model.id], hearing(db, look.sources, now), by=now)
    window = f"in the last {durations.short(now - since)}"
    if not found:
        lines.insert(0, changelog.nothing(window, whole=whole))
    count = len(found) if len(found) < MOST else count_changes(db, model.id, since, until=now)
    rest = count + len(decided) - SHOWN
    least = "at least " if len(decided) == MOST else ""
    more = f"and {least}{rest} more; ask for less with `--since`" if rest > 0 else ""
    return finished(
        message(
            f"{text.plural(count, 'change')} of {text.line(model.name)} {window}. {last}",
            section(f"📌 *Changes of {text.line(model.name)}* {window}"),
            *sections(lines, IN_ONE_BLOCK),
            context(more) if more else None,
            context(last),
            actions(button("Status", "run_1", f"status {quoted(model.name)}")),
        ),
        look,
    )
