"""What a person reads when something did not work on our side: what happened, and that nothing was changed."""

from bot.slack import text
from bot.slack.blocks import Message, message, section

UNWRITABLE = (
    "I cannot write to my database just now, so nothing was changed. Try again in a minute; "
    "`bellwether doctor` says what is wrong with it."
)


def our_fault(reference: str) -> Message:
    """Return what is said of a failure of our own; REFERENCE, a delivery's number, stands in the log."""
    words = f"That failed on my side. Nothing was changed. Reference {text.code(reference)}; the log there says why."
    return message(f"That failed on my side. Nothing was changed. Reference {text.line(reference)}.", section(words))
