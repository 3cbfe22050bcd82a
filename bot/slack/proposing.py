"""Commands that want a version at a stage: forwards, which approvers decide, and back, which is asked once more."""

from typing import NoReturn

from sqlmodel import Session

from bot.domain import keys
from bot.domain.actions import AskPromotion, GoBack
from bot.domain.errors import UserError
from bot.domain.names import clean_stage, clean_version, nearest, version_label
from bot.slack import gates, text
from bot.slack.blocks import Message, actions, button, confirm, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.grammar import quoted
from bot.slack.marks import warnings
from bot.slack.questions import Deed, Question, explain, known_version
from bot.store.queries.directory import channel_ids
from bot.store.queries.gates import gate
from bot.store.queries.incidents import remote_ids
from bot.store.queries.marks import bad_versions
from bot.store.queries.models import live, previous_version
from bot.store.queries.proposals import approvers, asked_before, stages_of, waits
from bot.store.queries.versions import versions
from bot.store.tables import Model, Serving

NEWEST = 50
"""Of so many versions one is proposed."""


def promote(db: Session, question: Question) -> Deed:
    """Ask the approvers of a stage to let a version go there: `promote NAME v43 prod`."""
    model = question.about(db, "promote NAME v43 prod")
    words = question.command.words
    if len(words) != 2:
        explain(question, "Which version, and to which stage?", f"promote {quoted(model.name)} v43 prod")
    version, stage = clean_version(words[0]) or "", clean_stage(words[1]) or ""
    known_version(db, model, version)
    _known_stage(db, model, stage)
    who = approvers(model, stage)
    if who is None:
        nobody = f"Nobody is named to decide what goes to {text.code(stage)} of {text.bold(model.name)}."
        raise UserError(f"{nobody} {_rule(model, stage)} Nothing done.")
    _not_asked_before(db, question, model, version, stage)
    place = who.channel or model.channel or question.look.channel
    asked = f"Asked {text.line(who.called)} to promote"
    said = message(
        f"{asked} {text.line(model.name)} {text.escape(version_label(version))} to {text.line(stage)}",
        section(f"⏳ {asked} {text.bold(model.name)} {text.version(version)} to {text.code(stage)}"),
        section(*gates.lines(model, gate(db, model, version, stage))),
        context(f"the card is in {text.channel(place, channel_ids(db, [place]))}", "you hear of it there"),
    )
    act = AskPromotion(model=model.name, version=version, stage=stage, by=question.asker.user)
    return Deed(act, finished(said, question.look))


def roll_back(db: Session, question: Question) -> Message | Deed:
    """Go back to the version before, or to another one: `rollback NAME [v41]`; asks first."""
    model = question.about(db, "rollback NAME v41")
    serving = next(iter(live(db, model)), None)
    if serving is None:
        raise UserError(f"I know of no version of {text.bold(model.name)} that serves. Nothing done.")
    stage, old = serving.stage, serving.version
    typed = clean_version(" ".join(question.command.words))
    bad = bad_versions(db, [model.id or 0])
    version = typed or model.fallback or previous_version(db, model.id or 0, stage=stage, version=old, bad=bad)
    if version is None or version == old:
        _ask_which(db, question, model, serving)
    known_version(db, model, version)
    moved = f"{text.bold(model.name)} {text.version(old)} → {text.version(version)} in {text.code(stage)}"
    plainly = f"{text.line(model.name)} {text.escape(f'{version_label(old)} → {version_label(version)}')}"
    if question.command.flags.get("from") == old:
        said = message(f"Roll back {plainly}", section(f"↩️ Roll back {moved}"), context("its card tells how it goes"))
        act = GoBack(model=model.name, version=version, stage=stage, previous=old, by=question.asker.user)
        return Deed(act, finished(said, question.look))
    asks = confirm(f"Roll back {model.name}?", f"{text.line(stage)}: {plainly}.", yes="Roll back", style="danger")
    value = f"rollback {quoted(model.name)} {quoted(version)} --from={quoted(old)}"
    press = button(f"Roll back to {version_label(version)}…", "run_1", value, style="danger", asks=asks)
    asked = message(
        f"Roll back {plainly}?",
        section(f"↩️ Roll back {moved}?", *gates.lines(model, gate(db, model, version, stage))),
        context(gates.exercised(db, model.id or 0, version, stage)),
        actions(press),
    )
    return finished(asked, question.look)


def _ask_which(db: Session, question: Question, model: Model, serving: Serving) -> NoReturn:
    """Raise UserError that asks for the version to go back to, and says why none is proposed."""
    number, old = model.id or 0, serving.version
    bad = bad_versions(db, [number])
    before = previous_version(db, number, stage=serving.stage, version=old, bad=())
    known = (v.name for v in versions(db, number, limit=NEWEST) if v.name != old and (number, v.name) not in bad)
    example = f"rollback {quoted(model.name)} {quoted(version_label(next(known, None) or 'VERSION'))}"
    marked = text.join(*warnings(bad, number, [before]))
    explain(question, text.join(f"{text.version(old)} serves; back to which version?", marked, by=" "), example)


def _known_stage(db: Session, model: Model, stage: str) -> None:
    stages = stages_of(db, model)
    if stage not in stages:
        close, known = nearest(stage, stages, limit=1), ", ".join(map(text.code, stages)) or "none"
        meant = f"Did you mean {text.code(close[0])}?" if close else f"Known: {known}."
        raise UserError(f"{text.bold(model.name)} has no stage {text.code(stage)}. {meant} Nothing done.")


def _not_asked_before(db: Session, question: Question, model: Model, version: str, stage: str) -> None:
    """Raise UserError, with its card, for what is under way already."""
    before = asked_before(db, model.id or 0, version, stage)
    if before is None:
        return
    key = keys.proposal(before.id or 0)
    url = text.permalink(remote_ids(db, [key]).get(key), question.look.workspace)
    state, at = waits(before)
    what = f"{text.version(version)} of {text.bold(model.name)} to {text.code(stage)}"
    raise UserError(f"{what} {state} since {text.date(at)}: see {text.link(url, 'its card')}. Nothing done.")


def _rule(model: Model, stage: str) -> str:
    """Return what to write into bellwether.yml so that somebody decides."""
    inner = f'approvers: {{{stage}: {{users: ["@dana"]}}}}'
    return f"Write `{text.line(inner)}` under {text.code(model.name)} in `bellwether.yml`, and start the bot again."
