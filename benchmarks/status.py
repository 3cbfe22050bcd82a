"""What people ask, over a year of models of 20 versions, each with 2,000 values, 200 changes and 500 alerts.

Through Bolt, from Slack's payload to the answer that acknowledges it. With `--full` of 1,000 models, which the goals
are about: 2 million values. On SQLite, or on the PostgreSQL server that DATABASE_URL names.
"""

import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from rich.progress import Progress
from sqlalchemy import insert
from sqlmodel import Session, SQLModel

from benchmarks import asking
from benchmarks.databases import fresh, settled
from benchmarks.figures import Figure, milliseconds, spread
from benchmarks.programs import free_port
from benchmarks.start import connected, pss
from bot import memory
from bot.demo.children import programs
from bot.ingest.evaluations import note_newest
from bot.slack.app import App
from bot.store import schema
from bot.store.database import Database
from bot.store.queries.models import all_models
from bot.store.tables import (
    Alert,
    AlertGroup,
    Change,
    Evaluation,
    Heartbeat,
    MetricName,
    MetricValue,
    Model,
    Serving,
    Version,
)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
MODELS, MOST_MODELS = 200, 1_000
VERSIONS, EVALUATIONS, CHANGES, GROUPS, ALERTS = 20, 400, 200, 25, 20
"""Of each model; alerts of each group."""
METRICS = ("auc", "log_loss", "good_payments_declined", "p95_latency", "null_rate")
OBJECTIVE = {"auc": {"direction": "higher", "slo": ">= 0.1"}}
QUESTIONS = ("status {}", "changes {} --since 30d", "why {} auc --since 30d", "status --all", "")
STATUS_S, OTHERS_S, MOST_MIB = (0.010, 0.020), 0.030, 250
"""The goals; of the status on SQLite and on PostgreSQL."""
BATCH = 20_000
TIMES, ROUNDS = 300, 40

Row = dict[str, Any]


async def measure(models: int = MODELS) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with fresh(Path(folder)) as url:
            return [*await _answered(url, models), await _taken(Path(folder), url, models)]


async def _answered(url: str, models: int) -> list[Figure]:
    database = Database(url)
    try:
        await database.write(schema.upgrade)
        begun = time.monotonic()
        await fill(database, models)
        filled = time.monotonic() - begun
        await settled(url)
        size = await database.read(database.dialect.size) / 2**20
        written = f"{models * EVALUATIONS * len(METRICS):,} values written, {size:,.0f} MiB"
        memory.settle()  # as the bot does when it has started
        return [Figure(written, f"{filled:.0f} s"), *await _ask(database, models)]
    finally:
        database.close()


async def _ask(database: Database, models: int) -> list[Figure]:
    async with asking.slack() as client:
        return await _asked(database, asking.bot(client, database, NOW), models)


async def _asked(database: Database, app: App, models: int) -> list[Figure]:
    dice = random.Random(7)

    async def nothing() -> object:
        return await database.read(lambda _db: None)

    async def ask(text: str) -> None:
        await asking.answered(app, _about(text, models, dice))

    floor = await _timed(nothing)
    figures = [Figure("a read that asks nothing", spread(floor), "1x")]
    for text in QUESTIONS:
        taken = await _timed(partial(ask, text))
        goal = STATUS_S[database.file is None] if text == "status {}" else OTHERS_S
        p99 = quantiles(taken, n=100)[98]
        times = f"{median(taken) / median(floor):,.0f}x of it"
        said = f"/model {text.format('NAME')}".strip()
        figures.append(Figure(said, spread(taken), times, f"p99 {milliseconds(goal, 0)}", p99 <= goal))
    return figures


async def _taken(folder: Path, url: str, models: int) -> Figure:
    """Run the bot itself on these rows, with a sandbox as its Slack and Jira, and ask it everything again and again."""
    stated = {f"model-{n:04d}": {"owner": "@alice", "metrics": OBJECTIVE} for n in range(models)}
    sources = {"events": {"auth": {"type": "bearer", "secret_env": "DEMO_HOOK_TOKEN"}}}
    (folder / "bellwether.yml").write_text(json.dumps({"sources": sources, "models": stated}))
    sandbox, bot, environment = programs(folder, free_port(), NOW)
    bot.environment = environment | {"DATABASE_URL": url}
    dice = random.Random(8)
    await sandbox.start()
    try:
        await bot.start()
        await connected(bot)
        async with httpx.AsyncClient(base_url=sandbox.ready, trust_env=False, timeout=30) as people:
            for text in QUESTIONS * ROUNDS:
                asked = {"user": "bob", "channel": "general", "text": f"/model {_about(text, models, dice)}"}
                said = await people.post("_sandbox/command", json=asked)
                assert said.json()["ephemerals"], said.text
        mib = pss(bot)
    finally:
        await bot.stop()
        await sandbox.stop()
    times = f"{ROUNDS * len(QUESTIONS):,} answers later"
    return Figure("the bot with these rows", f"{mib:.0f} MiB PSS", times, f"{MOST_MIB} MiB", mib <= MOST_MIB)


def _about(text: str, models: int, dice: random.Random) -> str:
    return text.format(f"model-{dice.randrange(models):04d}")


async def _timed(ask: Callable[[], Awaitable[object]], times: int = TIMES) -> list[float]:
    for _ in range(5):
        await ask()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - begun)
    return taken


async def fill(database: Database, count: int) -> None:
    """Write a year of so many models, in order of time, as it would have come."""
    models = range(1, count + 1)
    parts: list[tuple[type[SQLModel], int, Iterable[Row]]] = [
        (Model, count, map(_model, models)),
        (Version, count * VERSIONS, ({"model_id": m, "name": str(v + 1)} for v in range(VERSIONS) for m in models)),
        (Serving, count * VERSIONS, (_serving(m, v) for v in range(VERSIONS) for m in models)),
        (Change, count * CHANGES, (_change(m, n) for n in range(CHANGES) for m in models)),
        (MetricName, count * len(METRICS), (_name(m, metric) for m in models for metric in METRICS)),
        (Evaluation, count * EVALUATIONS, (_evaluation(m, n) for n in range(EVALUATIONS) for m in models)),
        (MetricValue, count * EVALUATIONS * len(METRICS), _values(count)),
        (AlertGroup, count * GROUPS, (_group(m, n) for n in range(GROUPS) for m in models)),
        (Alert, count * GROUPS * ALERTS, (_alert(g, n, count) for g in range(count * GROUPS) for n in range(ALERTS))),
        (Heartbeat, 1, [{"source": "events", "last_at": NOW, "deliveries": 1}]),
    ]
    with Progress() as progress:
        task = progress.add_task("writing a year", total=sum(count for _, count, _ in parts))
        for table, _, rows in parts:
            given = iter(rows)
            while batch := list(islice(given, BATCH)):
                await database.write(_write, table, batch)
                progress.advance(task, len(batch))
    await database.write(_note)


def _write(db: Session, table: type[SQLModel], rows: list[Row]) -> None:
    db.connection().execute(insert(table), rows)


def _note(db: Session) -> None:
    """Do what recording these values would have done."""
    for model in all_models(db):
        note_newest(db, model, METRICS)


def _ago(part: float) -> datetime:
    """Return when this part of the year was over."""
    return NOW - YEAR * (1 - part)


def _model(number: int) -> Row:
    named = {"name": f"model-{number - 1:04d}", "owner": "@alice", "created_at": NOW, "configured": True}
    return {"id": number, "metrics": OBJECTIVE, "depends_on": [], **named}


def _serving(model: int, version: int) -> Row:
    until = _ago((version + 1) / VERSIONS) if version + 1 < VERSIONS else None
    times = {"since": _ago(version / VERSIONS), "until": until}
    return {"model_id": model, "stage": "production", "version": str(version + 1), "traffic_percent": 100.0, **times}


def _change(model: int, number: int) -> Row:
    at = _ago(number / CHANGES)
    rollout = number % (CHANGES // VERSIONS) == 0
    version = str(number // (CHANGES // VERSIONS) + 1)
    times = {"occurred_at": at, "received_at": at, "started_at": at if rollout else None}
    what = {"change_type": "model" if rollout else "config", "version": version if rollout else None}
    of_rollout = {"stage": "production" if rollout else None, "status": "succeeded" if rollout else None}
    named = {"source": "events", "dedup_key": f"{model}/{number}", "model_id": model, "summary": "threshold"}
    return {**named, "quiet": True, **times, **what, **of_rollout}


def _name(model: int, metric: str) -> Row:
    return {"model_id": model, "metric": metric, "judged": True}


def _evaluation(model: int, number: int) -> Row:
    at = _ago(number / EVALUATIONS)
    times = {"window_start": at - timedelta(days=1), "window_end": at, "occurred_at": at, "received_at": at}
    what = {"version": str(number * VERSIONS // EVALUATIONS + 1), "stage": "production", "evaluation_type": "live"}
    return {"source": "events", "dedup_key": f"{model}/{number}", "model_id": model, **times, **what}


def _values(models: int) -> Iterator[Row]:
    dice = random.Random(1)
    for number in range(EVALUATIONS):
        at, version = _ago(number / EVALUATIONS), str(number * VERSIONS // EVALUATIONS + 1)
        for model in range(1, models + 1):
            where = {"evaluation_id": number * models + model, "model_id": model, "at": at, "version": version}
            for metric in METRICS:
                yield {**where, "metric": metric, "evaluation_type": "live", "value": dice.random(), "n": 10_000}


def _group(model: int, number: int) -> Row:
    at = _ago(number / GROUPS)
    still = number == GROUPS - 1 and model % 20 == 0
    times = {"opened_at": at, "recorded_at": at, "resolved_at": None if still else at + timedelta(hours=1)}
    what = {"symptom": "FeatureDrift", "alert_class": "drift", "category": "drift", "severity": "warning"}
    state = {"status": "firing" if still else "resolved", "firing": ALERTS if still else 0, "total": ALERTS}
    return {"model_id": model, "stage": "production", "channel": "#general", **times, **what, **state}


def _alert(group: int, number: int, models: int) -> Row:
    model, at = group % models + 1, _ago(group // models / GROUPS)
    named = {"source": "alertmanager", "fingerprint": f"{model}/{number}", "starts_at": at, "name": "FeatureDrift"}
    what = {"feature": f"column_{number % 10}", "status": "resolved", "value": 0.3, "threshold": 0.2, "labels": {}}
    return {"group_id": group + 1, "model_id": model, "updated_at": at, **named, **what}
