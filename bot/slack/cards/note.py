"""A direct message to an admin when something is wrong with the bot itself; once, edited when it is over."""

from sqlmodel import Session

from bot.ports import Body
from bot.slack import text
from bot.slack.blocks import context, message, section
from bot.slack.cards.frame import direct
from bot.slack.cards.look import Look
from bot.store.queries.incidents import errors_under
from bot.store.queries.sources import unmapped

ADVICE = "`bellwether doctor` says what is wrong and how to mend it."


def card(db: Session, user: str, about: str, look: Look) -> Body:
    """Return the note ABOUT a trouble: `jira`, `unmapped`, or any other slug, told by its words."""
    subject, _, _rest = about.partition("-")
    match subject:
        case "jira":
            head, detail = _jira(db)
        case "unmapped":
            head, detail = _unmapped(db)
        case _:
            head, detail = f"I have trouble: {text.word(about.replace('-', ' '))}.", ""
    return direct(message(f"{head} {ADVICE}", section(f"⚠️ *{head}*", detail), context(ADVICE)), look, user=user)


def _jira(db: Session) -> tuple[str, str]:
    errors = errors_under(db, "jira/")
    if not errors:
        return "Jira takes our tickets again.", ""
    return "Jira does not take our tickets.", f"Incidents go on; tickets follow. Jira says: {text.line(errors[0], 300)}"


def _unmapped(db: Session) -> tuple[str, str]:
    found = unmapped(db)
    if not found:
        return "Every recent delivery could be read.", ""
    lines = [f"{text.code(source)}: {text.line(why, 200)}" for source, why in found[:5]]
    advice = "They are kept; `bellwether replay <delivery>` reads one again."
    return "Some deliveries could not be read.", "\n".join([*lines, advice])
