"""Help: six lines with the asker's own model names, never a wall."""

from sqlmodel import Session

from bot.slack import text
from bot.slack.blocks import Message, actions, button, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.store.queries.models import count_models, first_name, owned_by

EVERY: tuple[tuple[str, str], ...] = (
    ("", "your models, the worst first"),
    ("NAME", "how is it? The same as `status NAME`"),
    ("status --all", "the worst of all models, as a table"),
    ("changes NAME --since 3d", "what changed, and what is not heard of"),
    ("why NAME auc --since 30d", "what happened to a metric, with what changed near"),
    ("versions NAME", "which there are, where they serve, how they measure"),
    ("deploys NAME --since 90d", "what was deployed, when, by whom"),
    ("compare NAME v42 v43", "their metrics side by side, with a verdict"),
    ('log NAME "filter: hide closed shops"', "note a change that no source tells of; `--ago 2h` for an earlier one"),
    ('mark NAME v12 bad "label leak"', "warn whenever it is deployed; `mark NAME v12 good` takes it back"),
    ("promote NAME v43 prod", "ask the approvers of a stage, on a card with its gates"),
    ("rollback NAME", "go back to the version before, or `rollback NAME v41`; asks first"),
    ("setup NAME", "what is connected, and what to connect next"),
    ("rename OLD NEW", "call a model otherwise; `merge FROM INTO` makes two one"),
    ("retire NAME", "it is over; `retire NAME --undo` takes it back"),
    ("unlinked", "what names no model, and whose it may be"),
    ("link service=churn-api NAME", "events with this label are its; `unlink service=churn-api` takes it back"),
    ("incidents", "what is open"),
    ("incident NAME declines good payments", "open one: a form with these words; `/incident` with words is the same"),
    ("oncall", "who has the pager"),
    ("help", "the first things to try"),
)
"""Every command, with what it answers."""


def every_command(look: Look) -> Message:
    """Return all that one can ask."""
    word = text.line(look.command, 40)
    lines = [f"`{f'{word} {usage}'.strip()}`  {meaning}" for usage, meaning in EVERY]
    threads = f"In threads write `{text.line(look.bot, 40)}` instead of `{word}`."
    return finished(message(f"Every command of {word}.", section(*lines), section(threads)), look)


def help_with(verb: str, look: Look) -> Message | None:
    """Return what the commands of one VERB answer; None where no line tells of it."""
    word = text.line(look.command, 40)
    lines = [
        f"`{f'{word} {usage}'.strip()}`  {meaning}"
        for usage, meaning in EVERY
        if verb in usage.split() or f"`{verb} " in meaning
    ]
    return finished(message(f"How to use {word} {verb}.", section(*lines)), look) if lines else None


def help_for(db: Session, look: Look, *, user: str | None = None) -> Message:
    """Return what one can ask here; `user` is a Slack id."""
    models = count_models(db)
    mine = [model.name for model in owned_by(db, user)] if user else []
    name = mine[0] if mine else first_name(db) or "fraud-scorer"
    word = text.line(look.command, 40)
    shown = text.line(quoted(name), 60).replace("`", "ˋ")
    if mine:
        intro = f"{text.bold(name)} is yours, so try:"
    elif models:
        intro = f"I know {text.plural(models, 'model')}; for example:"
    else:
        intro = "I know no model yet; the first event that names one creates it. Then:"
    lines = (
        intro,
        f"`{word} {shown}`  how is it?",
        f"`{word} changes {shown}`  what changed, and what is not heard of?",
        f"`{word}`  your models, the worst first",
        f"`{word} incidents`  what is open    `{word} oncall`  who has the pager?",
        f"In threads I cannot hear slash commands: write `{text.line(look.bot, 40)} {shown}`.",
    )
    sentence = f"Ask {word} {text.line(name)} for how a model is, {word} changes {text.line(name)} for what changed."
    buttons = actions(
        button("My models", "run_1", "models"),
        button(f"How is {name}?", "run_2", f"status {quoted(name)}") if models else None,
        button("All commands", "run_3", "help all"),
    )
    return finished(message(sentence, section(*lines), buttons), look)
