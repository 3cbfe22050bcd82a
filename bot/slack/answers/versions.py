"""The versions of a model, and how they came to where they serve, as tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from bot.domain import durations
from bot.domain.facts import DeploymentStatus
from bot.domain.names import version_label
from bot.slack import measures, text
from bot.slack.answers.unknown import unknown_model
from bot.slack.blocks import Block, Message, actions, button, context, data_table, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.store.queries.directory import names_by_id
from bot.store.queries.judging import rank
from bot.store.queries.marks import bad_versions
from bot.store.queries.metrics import Reading, values_of_versions
from bot.store.queries.models import live, model_by_name
from bot.store.queries.versions import count_versions, rollouts, versions
from bot.store.tables import Change, Model, Serving, Version

SHOWN = 20
PAGE = 6
VALUES = 20
"""Newest values of a version, of which the most telling one is shown."""


def list_versions(db: Session, model_name: str, now: datetime, look: Look) -> Message:
    """Return the versions of a model, the newest first: where each serves, its age, metric, and who made it."""
    model = model_by_name(db, model_name)
    if model is None or model.id is None:
        return unknown_model(db, model_name, look, verb="versions")
    found = versions(db, model.id, limit=SHOWN)
    if not found:
        return _nothing(f"No version of {text.line(model.name)} is known", model, look)
    serving = live(db, model)
    bad = bad_versions(db, [model.id])
    measured = values_of_versions(db, model.id, [v.name for v in found], limit=VALUES)
    people = names_by_id(db, [v.actor for v in found])
    rows = [
        (
            version_label(version.name),
            _stages(version, serving) or "–",
            durations.short(now - version.registered_at) if version.registered_at else "unknown",
            _metric(model, measured.get(version.name, ())),
            f"⚠️ bad: {bad[model.id, version.name].reason}" if (model.id, version.name) in bad else "–",
            people.get(version.actor or "", version.actor or "–"),
        )
        for version in found
    ]
    count = count_versions(db, model.id)
    serves = ", ".join(f"{version_label(s.version)} in {s.stage}" for s in serving) or "none is known to serve"
    sentence = f"{text.plural(count, 'version')} of {text.line(model.name)}: {text.line(serves)}"
    head = ("Version", "Serves", "Age", "Measured", "Marked", "By")
    return _table(f"Versions of {model.name}", sentence, head, rows, count - len(rows), model, look)


def list_deploys(db: Session, model_name: str, now: datetime, since: datetime, look: Look) -> Message:
    """Return the rollouts of a model SINCE then, the newest first."""
    model = model_by_name(db, model_name)
    if model is None or model.id is None:
        return unknown_model(db, model_name, look, verb="deploys")
    found = rollouts(db, model.id, since, limit=SHOWN + 1)
    window = f"in the last {durations.short(now - since)}"
    if not found:
        return _nothing(f"No deployment of {text.line(model.name)} is known {window}", model, look)
    people = names_by_id(db, [c.actor for c in found])
    rows = [_rollout(change, people, now) for change in found[:SHOWN]]
    sentence = f"Deployments of {text.line(model.name)} {window}, the newest first"
    head = ("Version", "Stage", "What became of it", "Ago", "Took", "By")
    left = len(found) - len(rows)
    return _table(f"Deployments of {model.name}", sentence, head, rows, left, model, look)


def _stages(version: Version, serving: Sequence[Serving]) -> str:
    """Return where a version serves: `production 90 %, shadow`."""
    own = [s for s in serving if s.version == version.name]
    return ", ".join(f"{s.stage} {s.traffic_percent:g} %" if s.traffic_percent else s.stage for s in own)


def _metric(model: Model, found: Sequence[Reading]) -> str:
    """Return the most telling number of a version, and on what data it was measured."""
    best = min(found, key=lambda r: rank(model, r), default=None)
    if best is None:
        return "not measured"
    return f"{text.plain(measures.spoken(measures.phrase(model, best)))} ({best.evaluation_type})"


def _rollout(change: Change, people: Mapping[str, str], now: datetime) -> tuple[str, ...]:
    status = DeploymentStatus(change.status or DeploymentStatus.SUCCEEDED)
    share = change.traffic_percent
    part = f" {share:g} %" if share is not None and share < 100 else ""
    began, ended = change.started_at or change.occurred_at, change.finished_at
    return (
        " → ".join(version_label(v) for v in (change.previous_version, change.version) if v) or "?",
        f"{change.stage or 'production'}{f' on {change.target}' if change.target else ''}",
        status.replace("_", " ") + part + (", a roll-back" if change.trigger == "rollback" else ""),
        durations.short(now - change.occurred_at),
        durations.short(ended - began) if ended and ended > began else "–",
        people.get(change.actor or "", change.actor or "–"),
    )


def _table(
    caption: str,
    sentence: str,
    head: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    left: int,
    model: Model,
    look: Look,
) -> Message:
    more: Block | None = context("older ones are not shown") if left > 0 else None
    return finished(
        message(sentence, section(f"*{sentence}*"), data_table(caption, head, rows, page=PAGE), more, _buttons(model)),
        look,
    )


def _nothing(words: str, model: Model, look: Look) -> Message:
    return finished(message(f"{words}.", section(f"{words}."), _buttons(model)), look)


def _buttons(model: Model) -> Block | None:
    name = quoted(model.name)
    return actions(
        button("Status", "run_1", f"status {name}"),
        button("Versions", "run_2", f"versions {name}"),
        button("Deployments", "run_3", f"deploys {name}"),
    )
