"""How well a model is connected: eight points, and the one to connect next (scorecard I8)."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bot.slack import text
from bot.slack.answers.unknown import unknown_model
from bot.slack.blocks import Block, Message, actions, button, context, message, section
from bot.slack.cards.frame import finished
from bot.slack.cards.look import Look
from bot.slack.grammar import quoted
from bot.slack.health import health_of
from bot.store.queries.alerts import data_alerts_known, runbook_known
from bot.store.queries.changes import rollouts_known
from bot.store.queries.judging import is_product
from bot.store.queries.metrics import evaluation_types_known
from bot.store.queries.models import model_by_name
from bot.store.queries.objectives import objective
from bot.store.queries.sources import hearing
from bot.store.queries.unlinked import links_of
from bot.store.tables import Model

LINKS = 5
"""Rules of a model that are shown, the newest."""
EVENT = "post to `/hooks/events`"


@dataclass(frozen=True)
class Point:
    """One thing that has to be connected for the bot to be of use."""

    name: str
    there: bool
    how: str
    """What to do when it is not."""


def setup(db: Session, model_name: str, now: datetime, look: Look) -> Message:
    """Return the eight points of a model, and what to connect next; the most useful come first."""
    model = model_by_name(db, model_name)
    if model is None or model.id is None:
        return unknown_model(db, model_name, look, verb="setup")
    points = _points(db, model, now)
    there = sum(point.there for point in points)
    following = next((point for point in points if not point.there), None)
    heard = hearing(db, look.sources, now)
    silent = [f"{text.line(name, 60)} silent since {text.date(at)}" for name, at in heard.silent]
    silent += [f"{text.line(name, 60)} never heard" for name in heard.never]
    head = f"{text.bold(model.name)} is connected at *{there} of {len(points)}* points"
    advice = f"*Next: {following.name}.* {following.how}" if following else "Nothing is missing."
    plain = f"{text.line(model.name)} is connected at {there} of {len(points)} points"
    return finished(
        message(
            text.join(plain, f"next: {following.name}" if following else "nothing is missing", by="; "),
            section(head, *(f"{'✅' if point.there else '⚪'} {point.name}" for point in points)),
            section(advice),
            _links(db, model),
            context(*silent) if silent else None,
            actions(button("Status", "run_1", f"status {quoted(model.name)}")),
        ),
        look,
    )


def _links(db: Session, model: Model) -> Block | None:
    """Return by which labels events that do not name the model are its."""
    links = links_of(db, model.id or 0)
    lines = [
        text.join(
            ", ".join(text.code(f"{label}={value}") for label, value in link.labels.items()),
            f"{text.user(link.by)}, {text.date(link.at)}" if link.by else "`match` in `bellwether.yml`",
        )
        for link in links[-LINKS:]
    ]
    return section("*Linked by*", *lines) if lines else None


def _points(db: Session, model: Model, now: datetime) -> tuple[Point, ...]:
    number = model.id or 0
    newest = [rows[0] for rows in health_of(db, [model])[0].readings.values()]
    kinds = evaluation_types_known(db, [number])
    configured = f"under `models.{text.line(model.name, 60)}` in `bellwether.yml`"
    stated = any(isinstance(given, dict) and given.get("slo") for given in model.metrics.values())
    return (
        Point(
            "deployments",
            rollouts_known(db, [number], now),
            f'Have your pipeline {EVENT} `{{"kind": "deployment", "model": …, "version": …}}` when it deploys.',
        ),
        Point(
            "a live metric",
            "live" in kinds,
            f'After each evaluation on live data {EVENT} `{{"kind": "evaluation", "evaluation_type": "live", …}}`.',
        ),
        Point(
            "an objective",
            stated or any(objective(model, reading) for reading in newest),
            f"Write `metrics.NAME.slo: '>= 0.9'` {configured}, or send a `threshold` with the metric.",
        ),
        Point("an owner", bool(model.owner), f"Write `owner:` {configured}."),
        Point(
            "a product metric",
            any(is_product(model, reading) for reading in newest),
            f'For what the business counts {EVENT} `{{"kind": "evaluation", "evaluation_type": "product", …}}`.',
        ),
        Point(
            "alerts on its data",
            data_alerts_known(db, number),
            "Label a drift or data-quality rule with `model`, and connect Alertmanager.",
        ),
        Point("somebody on call", bool(model.on_call), f"Write `on_call:` {configured}."),
        Point(
            "a runbook",
            runbook_known(db, number),
            "Put the annotation `runbook_url` on its alert rules; the alert cards link it.",
        ),
    )
