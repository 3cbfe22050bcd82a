"""Commands that write down what only people know: what was typed becomes an act, and a receipt for its author."""

from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches

from sqlmodel import Session

from bot.domain.actions import LogChange, MarkVersion
from bot.domain.errors import UserError
from bot.domain.facts import ChangeType
from bot.domain.names import clean_version, version_label
from bot.slack import text
from bot.slack.answers.unknown import mistyped_model
from bot.slack.blocks import Message, actions, button, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.grammar import quoted
from bot.slack.questions import Deed, Question, explain, known_version

KINDS: Mapping[str, ChangeType] = {
    **{str(kind).replace("_", " "): kind for kind in ChangeType if kind is not ChangeType.MODEL},
    "metric": ChangeType.METRIC_DEFINITION,
    "infra": ChangeType.INFRASTRUCTURE,
    "upstream": ChangeType.UPSTREAM_MODEL,
}
"""What may stand before the colon of a typed change."""
LONG_KINDS = tuple(kind for kind in KINDS if len(kind) > 3)
"""Those of which a mistyped one can be told from another word: `slow` is not `slo`."""
LONGEST = 500
WORDS = {"bad": True, "good": False}


def log(db: Session, question: Question) -> Message | Deed:
    """Write down a change: `log NAME "filter: hide closed shops"`."""
    model = question.about(db, 'log NAME "filter: hide closed shops"')
    typed = " ".join(question.command.words).strip()
    change_type, rest = _kind(typed)
    if change_type is None and question.command.unknown and _kind(typed.partition(" ")[2])[0]:
        return mistyped_model(db, question.command, question.look)
    if change_type is None:
        _refuse_near_kind(typed, *([typed.partition(" ")[2]] if question.command.unknown else []))
    summary = rest[:LONGEST]
    if not summary:
        explain(question, "What changed?", f'log {quoted(model.name)} "filter: hide closed shops"')
    change_type = change_type or ChangeType.OTHER
    ago = question.span("ago", timedelta(0))
    at = question.now - ago if ago else None
    act = LogChange(
        model=model.name,
        change_type=change_type,
        summary=summary,
        by=question.asker.user,
        at=at,
    )
    what = f"{text.word(change_type)} change of {text.bold(model.name)}: {text.line(summary)}"
    said = message(
        f"Noted: {text.word(change_type)} change of {text.line(model.name)}: {text.line(summary)}",
        section(f"📌 Noted: {what}"),
        context(text.date(at or question.now), "it stands in the changes, and in incidents that begin after it"),
        actions(button("Changes", "run_1", f"changes {quoted(model.name)}")),
    )
    return Deed(act, finished(said, question.look))


def _kind(typed: str) -> tuple[ChangeType | None, str]:
    """Return the kind that stands before a colon, and what comes after it; None and all when none does."""
    kind, colon, rest = typed.partition(":")
    found = KINDS.get(kind.strip().lower().replace("_", " ").replace("-", " ")) if colon else None
    return (found, rest.strip()) if found else (None, typed)


def _refuse_near_kind(*texts: str) -> None:
    """Raise UserError where what stands before the colon is a mistyped kind; `node` is too far from `code`."""
    for typed in texts:
        kind, colon, _ = typed.partition(":")
        close = get_close_matches(kind.strip().lower(), LONG_KINDS, n=1, cutoff=0.8) if colon else []
        if close:
            meant = f"did you mean {text.code(close[0])}? Any other change is {text.code('other:')}."
            raise UserError(f"I do not know {text.code(kind)}; {meant} Nothing done.")


def mark(db: Session, question: Question) -> Message | Deed:
    """Say that a version is bad, or good after all: `mark NAME v12 bad "label leak"`."""
    model = question.about(db, 'mark NAME v12 bad "label leak"')
    example = f'mark {quoted(model.name)} v12 bad "label leak"'
    words = list(question.command.words)
    verdict = next((word for word in words if word.lower() in WORDS), None)
    if verdict is None or words.index(verdict) == 0:
        explain(question, "Which version, and is it bad or good?", example)
    place = words.index(verdict)
    if place == 2 and question.command.unknown == words[0]:
        return mistyped_model(db, question.command, question.look)
    bad, reason = WORDS[verdict.lower()], " ".join(words[place + 1 :])[:LONGEST]
    version = clean_version(" ".join(words[:place])) or ""
    known_version(db, model, version)
    if bad and not reason:
        explain(question, "Why is it bad? The reason is shown when it is deployed again.", example)
    act = MarkVersion(model=model.name, version=version, bad=bad, by=question.asker.user, reason=reason)
    label = version_label(version)
    head = f"{text.version(version)} of {text.bold(model.name)} is marked {'bad' if bad else 'good'}"
    spoken = f"{text.escape(label)} of {text.line(model.name)} is marked {'bad' if bad else 'good'}"
    undo = button("Mark it good again", "run_1", f"mark {quoted(model.name)} {quoted(label)} good") if bad else None
    said = message(
        text.join(spoken, text.line(reason), by=": "),
        section(text.join(f"{'⚠️' if bad else '✅'} {head}", text.line(reason), by=": ")),
        context("its deployment cards and the status say so" if bad else "the warning is taken back"),
        actions(undo, button("Versions", "run_2", f"versions {quoted(model.name)}")),
    )
    return Deed(act, finished(said, question.look))
