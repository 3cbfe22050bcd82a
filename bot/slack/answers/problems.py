"""What a person reads when something did not work: what happened, what to do, and what was not changed."""

from bot.slack import text
from bot.slack.blocks import Message, actions, button, message, section
from bot.slack.cards.look import Look


def our_fault(reference: str) -> Message:
    """Return what is said of a failure of our own; REFERENCE stands in the log."""
    words = f"That failed on my side. Nothing was changed. Reference {text.code(reference)}; the log there says why."
    return message(f"That failed on my side. Nothing was changed. Reference {text.line(reference)}.", section(words))


def not_in_channel(channel: str, look: Look, *, retry: str) -> Message:
    """Return how to invite the bot; RETRY is the command that the button runs again."""
    name = text.line(f"#{channel.lstrip('#')}", 80)
    words = f"I cannot post in {name} yet. Write `/invite {text.line(look.bot, 40)}` there, then press Retry."
    return message(words.replace("`", ""), section(words), actions(button("Retry", "run_1", retry)))


def not_allowed(what: str, who: str) -> Message:
    """Return that WHAT needs WHO, both plain text."""
    words = f"{text.line(what)} needs {text.line(who)}. Nothing done."
    return message(words, section(words))


def said(sentence: str) -> Message:
    """Return a sentence of ours as a message, for errors that are words already."""
    return message(sentence, section(sentence))
