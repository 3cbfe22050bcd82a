"""M2, one card a rollout: edited from queued to done, and turned into ↩️ where it stands when it is rolled back."""

from collections.abc import Sequence

from sqlmodel import Session

from bot.domain import durations
from bot.domain.evaluations import Judgement
from bot.domain.facts import ChangeType, DeploymentStatus, Trigger
from bot.domain.names import version_label
from bot.domain.stages import PRODUCTION
from bot.ports import Body
from bot.slack import marks, measures, text
from bot.slack.blocks import Message, button, context, message, section
from bot.slack.cards.frame import posted
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.store.queries.changes import undone_by
from bot.store.queries.directory import user_ids
from bot.store.queries.judging import judged_together, rank, redefinitions
from bot.store.queries.marks import bad_versions
from bot.store.queries.metrics import Reading, first_per_metric, values_of_version
from bot.store.queries.promises import Promise, first_kept
from bot.store.tables import Change, Model

PHASES = {
    DeploymentStatus.QUEUED: ("⏳", "waits to be deployed to"),
    DeploymentStatus.IN_PROGRESS: ("🔵", "deploying to"),
    DeploymentStatus.PAUSED: ("⏸", "deployment paused, going to"),
    DeploymentStatus.SUCCEEDED: ("🟢", "deployed to"),
    DeploymentStatus.FAILED: ("🔴", "failed to deploy to"),
    DeploymentStatus.CANCELLED: ("⚪", "deployment cancelled, was going to"),
    DeploymentStatus.ROLLED_BACK: ("↩️", "rolled back in"),
    DeploymentStatus.REMOVED: ("⚪", "removed from"),
}
EVIDENCE = ("offline", "shadow", "live", "product")
"""The kinds of data that a version is compared on, first what there is when it ships."""
SHOWN = 3


def card(db: Session, change_id: int, look: Look) -> Body | None:
    """Return the card of a rollout; None for what only filled history."""
    change = db.get(Change, change_id)
    if change is None or change.quiet or change.change_type != ChangeType.MODEL or change.model_id is None:
        return None
    model = db.get_one(Model, change.model_id)
    return posted(_message(db, change, model), look, channel=model.channel or look.channel)


def _message(db: Session, change: Change, model: Model) -> Message:
    undone = undone_by(db, change)
    glyph, verb = _phase(change, undone)
    old, new = _moved(change, undone)
    who = (undone.actor if undone else None) or (change.after if undone else None)
    ids = user_ids(db, [change.actor, who])
    stage = text.code(change.stage or PRODUCTION)
    by = f" by {text.mention(who, ids)}" if who else ""
    name = text.link(change.url, text.bold(model.name))
    move = text.join(text.version(old) if old else "", text.version(new), by=" → ")
    head = f"{glyph} {name}  {move} {verb} {stage}{by}"
    sentence = text.join(
        f"{glyph} {text.line(model.name)}",
        text.escape(" → ".join(version_label(v) for v in (old, new) if v)),
        f"{verb} {text.line(change.stage or 'production', 60)}{by}",
        by=" ",
    )
    whose = f"of {text.version(change.version)}" if change.version and change.version != new else ""
    numbers = text.join(_metrics(db, change, model, whose), _traffic(change))
    ask = button("Status", "run_status", f"status {quoted(model.name)}", label_for=f"Status of {model.name}")
    warnings = marks.warnings(bad_versions(db, [model.id or 0]), model.id or 0, [new])
    block = section(head, *warnings, numbers, _gap(db, change, model, whose), accessory=ask)
    return message(
        text.join(sentence, "which is marked bad" if warnings else "", by=", "),
        block,
        context(*_small_print(change, undone, text.mention(change.actor, ids))),
    )


def _phase(change: Change, undone: Change | None) -> tuple[str, str]:
    back = undone is not None or (change.trigger == Trigger.ROLLBACK and change.status == DeploymentStatus.SUCCEEDED)
    status = DeploymentStatus.ROLLED_BACK if back else DeploymentStatus(change.status or "succeeded")
    return PHASES[status]


def _moved(change: Change, undone: Change | None) -> tuple[str | None, str | None]:
    """Return from which version to which: for a rollout that was taken back, the way back."""
    if undone is not None:
        return change.version, undone.version
    if change.status == DeploymentStatus.ROLLED_BACK:
        return change.version, change.previous_version
    return (change.previous_version if change.previous_version != change.version else None), change.version


def _traffic(change: Change) -> str:
    share = change.traffic_percent
    if share is None:
        return ""
    if change.status in (DeploymentStatus.IN_PROGRESS, DeploymentStatus.PAUSED):
        step = f"step {change.step} of {change.steps}" if change.step and change.steps else ""
        return text.join(f"{text.word(change.strategy or 'canary')} {share:g} %", step)
    return f"{share:g} % traffic" if change.status == DeploymentStatus.SUCCEEDED else ""


def _metrics(db: Session, change: Change, model: Model, whose: str) -> str:
    """Return what is known of the version against the one before, most telling metrics first.

    WHOSE names the version on a card that tells the way back, and so stands beside another one.
    """
    if change.version is None or model.id is None:
        return ""
    measured = ((kind, values_of_version(db, model.id, change.version, kind)) for kind in EVIDENCE)
    kind, new = next(((kind, rows) for kind, rows in measured if rows), ("", []))
    if not new:
        return ""
    found = verdicts(db, model, new, kind, baseline=change.previous_version)
    phrases = [measures.phrase(model, reading, judgement) for reading, judgement in found[:SHOWN]]
    return f"{text.join(text.word(kind).capitalize(), whose, by=' ')}: {text.join(*phrases)}"


def verdicts(
    db: Session, model: Model, new: Sequence[Reading], kind: str, *, baseline: str | None
) -> list[tuple[Reading, Judgement]]:
    """Return the newest value of each metric of a version on this KIND of data, with its verdict; most telling first.

    NEW are those of the version, newest first; `baseline` is the version that it took the place of.
    """
    before = values_of_version(db, model.id or 0, baseline, kind) if baseline else []
    ranked = sorted(first_per_metric(new).values(), key=lambda r: rank(model, r))
    redefined = redefinitions(db, [model]).get(model.id or 0, {})
    others = sorted((*new, *before), key=lambda r: r.at, reverse=True)
    pairs = [(r, others) for r in ranked]
    found = judged_together(model, pairs, baseline=baseline, redefined=redefined)
    return list(zip(ranked, found, strict=True))


def _gap(db: Session, change: Change, model: Model, whose: str) -> str:
    """Return offline against the first matured live value of the metric that tells most (findings.md F7)."""
    if change.version is None:
        return ""
    kept = first_kept(db, model, change.version)
    return text.join(gap_words(model, min(kept, key=lambda p: rank(model, p.live))), whose) if kept else ""


def gap_words(model: Model, promise: Promise) -> str:
    """Return `📏 AUC offline 0.952 → live 0.812, gap 0.140 (tolerance 0.03)`, and how far the labels reach."""
    title = measures.title(model, promise.live.metric)
    return text.join(f"📏 {title} {measures.grouped(promise.gap.words)}", measures.labels(promise.live))


def _small_print(change: Change, undone: Change | None, actor: str) -> list[str]:
    ended = undone.occurred_at if undone else change.finished_at or change.occurred_at
    started = change.started_at or change.occurred_at
    took = durations.short(ended - started) if ended > started and undone is None else ""
    served = f"served {durations.short(ended - started)}" if undone and ended > started else ""
    ref = change.ref or ""
    ref = ref[:7] if len(ref) == 40 and ref.isalnum() else ref
    what = text.join(text.code(ref, 40), text.line(change.summary, 120), by=" ")
    target = text.line(change.target, 60)
    return [took, served, actor, what, target, text.date(ended)]
