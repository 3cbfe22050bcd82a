"""Commands that change something: what was typed becomes an act, and a receipt for its author."""

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import Session

from bot.domain.actions import LogChange, MarkVersion, MergeModels, RenameModel, RetireModel
from bot.domain.facts import ChangeType
from bot.domain.names import clean_name, clean_version, version_label
from bot.slack import text
from bot.slack.blocks import Message, actions, button, confirm, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.grammar import quoted
from bot.slack.questions import Deed, Question, explain, known_version
from bot.store.queries.models import model_by_name

KINDS: Mapping[str, ChangeType] = {
    **{str(kind).replace("_", " "): kind for kind in ChangeType if kind is not ChangeType.MODEL},
    "metric": ChangeType.METRIC_DEFINITION,
    "infra": ChangeType.INFRASTRUCTURE,
    "upstream": ChangeType.UPSTREAM_MODEL,
}
"""What may stand before the colon of a typed change."""
LONGEST = 500
WORDS = {"bad": True, "good": False}


def log(db: Session, question: Question) -> Deed:
    """Write down a change: `log NAME "filter: hide closed shops"`."""
    model = question.about(db, 'log NAME "filter: hide closed shops"')
    typed = " ".join(question.command.words).strip()
    if not typed:
        explain(question, "What changed?", f'log {quoted(model.name)} "filter: hide closed shops"')
    kind, colon, rest = typed.partition(":")
    change_type = KINDS.get(kind.strip().lower().replace("_", " ").replace("-", " ")) if colon else None
    summary = (rest.strip() if change_type else typed)[:LONGEST] or typed
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


def mark(db: Session, question: Question) -> Deed:
    """Say that a version is bad, or good after all: `mark NAME v12 bad "label leak"`."""
    model = question.about(db, 'mark NAME v12 bad "label leak"')
    example = f'mark {quoted(model.name)} v12 bad "label leak"'
    words = list(question.command.words)
    verdict = next((word for word in words if word.lower() in WORDS), None)
    if verdict is None or words.index(verdict) == 0:
        explain(question, "Which version, and is it bad or good?", example)
    place = words.index(verdict)
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


def rename(db: Session, question: Question) -> Deed:
    """Call a model otherwise: `rename OLD NEW`."""
    model = question.about(db, "rename OLD NEW")
    given = question.command.words
    name = clean_name(given[0]) if len(given) == 1 else None
    if name is None:
        explain(question, "How shall it be called?", f"rename {quoted(model.name)} NEW-NAME")
    done = f"{text.bold(model.name)} is called {text.bold(name)} now"
    note = "what still names it as before is of it; a section of `bellwether.yml` under its old name, too"
    return _catalogued(RenameModel(model=model.name, name=name, by=question.asker.user), done, note, name, question)


def merge(db: Session, question: Question) -> Message | Deed:
    """Say that two models are one: `merge FROM INTO`; asks first, for it cannot be taken apart again."""
    model = question.about(db, "merge FROM INTO")
    into = model_by_name(db, " ".join(question.command.words)) if question.command.words else None
    if into is None:
        explain(question, "Into which model?", f"merge {quoted(model.name)} INTO")
    if "yes" not in question.command.flags:
        asks = confirm("Merge for good?", f"{text.line(model.name)} cannot be taken apart again.", yes="Merge")
        value = f"merge {quoted(model.name)} {quoted(into.name)} --yes"
        press = button(f"Merge into {into.name}…", "run_1", value, style="danger", asks=asks)
        words = (
            f"All of {text.bold(model.name)} becomes {text.bold(into.name)}'s: versions, changes, values, incidents."
        )
        return finished(message(text.plain(words.replace("*", "")), section(words), actions(press)), question.look)
    done = f"{text.bold(model.name)} is part of {text.bold(into.name)} now"
    act = MergeModels(model=model.name, into=into.name, by=question.asker.user)
    return _catalogued(act, done, "what still names it is of the latter", into.name, question)


def retire(db: Session, question: Question) -> Deed:
    """Say that a model is over: `retire NAME`, and with --undo that it is not."""
    model = question.about(db, "retire NAME")
    over = "undo" not in question.command.flags
    done = f"{text.bold(model.name)} is {'retired' if over else 'in use again'}"
    note = "no list and no digest names it; it still answers" if over else ""
    act = RetireModel(model=model.name, over=over, by=question.asker.user)
    return _catalogued(act, done, note, model.name, question)


def _catalogued(
    act: RenameModel | MergeModels | RetireModel, done: str, note: str, name: str, question: Question
) -> Deed:
    show = actions(button("Status", "run_1", f"status {quoted(name)}"))
    said = message(done.replace("*", ""), section(f"✅ {done}"), context(note) if note else None, show)
    return Deed(act, finished(said, question.look))
