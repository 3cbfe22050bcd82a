"""A direct message to an admin when something is wrong with the bot itself; once, edited when it is over."""

from collections.abc import Callable, Mapping

from sqlmodel import Session

from bot.domain import keys
from bot.ports import Body
from bot.slack import text
from bot.slack.blocks import context, message, section
from bot.slack.cards.frame import direct
from bot.slack.cards.look import Look
from bot.store.queries.directory import user_ids
from bot.store.queries.incidents import errors_under
from bot.store.queries.sources import heartbeats, unmapped
from bot.store.tables import Projection

ADVICE = "`bellwether doctor` says what is wrong and how to mend it."


def card(db: Session, user: str, about: str, look: Look) -> Body | None:
    """Return the note ABOUT a trouble, a key of TELLERS; None while there is none to tell of.

    Raises ValueError for another subject.
    """
    if about not in TELLERS:
        raise ValueError(f"{about!r} is no trouble that we tell of; known are {', '.join(TELLERS)}")
    head, detail, over = TELLERS[about](db)
    posted = db.get(Projection, keys.operator_note(user, about))
    if over and (posted is None or posted.remote_id is None):
        return None
    sign, advice = ("✅", "") if over else ("⚠️", ADVICE)
    shown = message(
        f"{head} {advice}".strip(), section(f"{sign} *{head}*", detail), context(advice) if advice else None
    )
    return direct(shown, look, user=user_ids(db, [user]).get(user, user))


def _jira(db: Session) -> tuple[str, str, bool]:
    errors = errors_under(db, "jira/")
    if not errors:
        return "Jira takes our tickets again.", "", True
    said = f"Incidents go on; tickets follow. Jira says: {text.line(errors[0], 300)}"
    return "Jira does not take our tickets.", said, False


def _unmapped(db: Session) -> tuple[str, str, bool]:
    """Return head, detail, and whether the trouble is over."""
    found = unmapped(db)
    if not found:
        return "Every recent delivery could be read.", "", True
    lines = [f"{text.code(source)}: {text.line(why, 200)}" for source, why in found[:5]]
    advice = "They are kept; `bellwether replay <delivery>` reads one again."
    return "Some deliveries could not be read.", "\n".join([*lines, advice]), False


def _silent(db: Session) -> tuple[str, str, bool]:
    found = [beat for beat in heartbeats(db) if beat.silent_since is not None]
    if not found:
        return "Every source is heard again.", "", True
    lines = [f"{text.code(beat.source)}: nothing since {text.date(beat.last_at)}" for beat in found]
    return "I hear nothing any more.", "\n".join([*lines, "What happens there, nobody is told."]), False


TELLERS: Mapping[str, Callable[[Session], tuple[str, str, bool]]] = {
    "jira": _jira,
    "unmapped": _unmapped,
    "silent": _silent,
}
