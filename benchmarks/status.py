"""`/model status` over 1,000 models, 20,000 versions and 200,000 metric values: goal G10, a tenth of it."""

import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import insert
from sqlmodel import Session

from benchmarks.figures import Figure, spread
from bot.ingest.rules import Rules
from bot.slack.cards.look import Look
from bot.slack.commands import answer
from bot.slack.questions import Asker
from bot.slack.workspace import Workspace
from bot.store import schema
from bot.store.database import Database
from bot.store.tables import Change, Evaluation, MetricValue, Model, Serving, Version

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MODELS, VERSIONS, WEEKS = 1000, 20, 40
METRICS = ("auc", "log_loss", "good_payments_declined", "p95_latency", "null_rate")
TIMES = 300


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bellwether.db'}")
        try:
            database.submit(schema.upgrade).result()
            begun = time.monotonic()
            await database.write(fill)
            filled = time.monotonic() - begun
            return [
                Figure(f"{MODELS * WEEKS * len(METRICS):,} values written", f"{filled:.1f} s"),
                *await _ask(database),
            ]
        finally:
            database.close()


async def _ask(database: Database) -> list[Figure]:
    workspace = Workspace(database, Rules(), lambda _db: Look(sources=("events",)), lambda: NOW, lambda: None)
    asker, dice = Asker("U1", "C1", word="/model"), random.Random(7)

    async def status() -> object:
        return await answer(workspace, asker, f"status model-{dice.randrange(MODELS):04d}")

    async def listed() -> object:
        return await answer(workspace, asker, "")

    async def nothing() -> object:
        return await database.read(lambda _db: None)

    floor, one, everything = await _timed(nothing), await _timed(status), await _timed(listed, times=3)
    times = median(one) / median(floor)
    return [
        Figure("a read that asks nothing", spread(floor), "1x"),
        Figure("/model status NAME", spread(one), f"{times:,.0f}x of it", "G10: p99 10 ms"),
        Figure("/model (all models)", spread(everything)),
    ]


async def _timed(ask: Callable[[], Awaitable[object]], times: int = TIMES) -> list[float]:
    for _ in range(5):
        await ask()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - begun)
    return taken


def fill(db: Session) -> None:
    """Write models, versions, rollouts and a year's worth of weekly evaluations."""
    dice, models = random.Random(1), range(1, MODELS + 1)
    db.exec(insert(Model), params=[_model(number) for number in models])
    versions = [{"model_id": m, "name": str(v)} for m in models for v in range(1, VERSIONS + 1)]
    db.exec(insert(Version), params=versions)
    db.exec(insert(Change), params=[_rollout(m, v) for m in models for v in range(1, VERSIONS + 1)])
    serving = {"stage": "production", "version": str(VERSIONS), "traffic_percent": 100.0}
    db.exec(insert(Serving), params=[{"model_id": m, "since": NOW - timedelta(days=9), **serving} for m in models])
    for week in range(WEEKS):
        at = NOW - timedelta(weeks=WEEKS - week)
        first = week * MODELS
        db.exec(insert(Evaluation), params=[_evaluation(first + m, m, at) for m in models])
        values = [_value(first + m, m, metric, at, dice.random()) for m in models for metric in METRICS]
        db.exec(insert(MetricValue), params=values)


def _model(number: int) -> dict[str, object]:
    named = {"name": f"model-{number - 1:04d}", "owner": "@alice", "created_at": NOW, "configured": True}
    return {"id": number, "metrics": {"auc": {"direction": "higher", "slo": ">= 0.1"}}, "depends_on": [], **named}


def _rollout(model: int, version: int) -> dict[str, object]:
    at = NOW - timedelta(days=9 * (VERSIONS - version + 1))
    times = {"occurred_at": at, "received_at": at, "started_at": at, "finished_at": at}
    what = {"change_type": "model", "version": str(version), "stage": "production", "status": "succeeded"}
    return {"source": "events", "dedup_key": f"{model}/{version}", "model_id": model, "quiet": True, **times, **what}


def _evaluation(number: int, model: int, at: datetime) -> dict[str, object]:
    times = {"window_start": at - timedelta(weeks=1), "window_end": at, "occurred_at": at, "received_at": at}
    what = {"version": str(VERSIONS), "stage": "production", "evaluation_type": "live"}
    return {"id": number, "source": "events", "dedup_key": str(number), "model_id": model, **times, **what}


def _value(evaluation: int, model: int, metric: str, at: datetime, value: float) -> dict[str, object]:
    where = {"evaluation_id": evaluation, "model_id": model, "metric": metric, "at": at, "version": str(VERSIONS)}
    return {**where, "slice": "all", "evaluation_type": "live", "value": value, "unit": "1", "n": 10_000}
