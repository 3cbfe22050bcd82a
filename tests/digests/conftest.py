"""A week of six models like the one of message M7, as rows; each test changes what it is about."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from bot.config import DigestSection
from bot.digests.build import build
from bot.domain.digest import DigestView
from bot.store.tables import (
    AlertGroup,
    Change,
    Directory,
    Evaluation,
    Heartbeat,
    Incident,
    MetricValue,
    Model,
    Serving,
)

MONDAY = date(2026, 11, 23)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
WEEKLY = DigestSection(channels=("#ml-weekly",), at="Mon 09:00", tz="Europe/Paris")


class Rows:
    """Writes rows with as few words as a story needs."""

    def __init__(self, db: Session) -> None:
        self.db = db
        self.count = 0

    def add(self, row: Any) -> Any:
        self.db.add(row)
        self.db.flush()
        return row

    def model(self, name: str, *, owner: str | None = "@alice", **metrics: Any) -> Model:
        return self.add(Model(name=name, owner=owner, metrics=metrics, created_at=LONG_AGO))

    def measured(self, model: Model, metric: str, value: float, at: datetime, **more: Any) -> Evaluation:
        self.count += 1
        of_evaluation = {k: more.pop(k) for k in ("labelled_fraction", "labels_until", "stage") if k in more}
        kind = more.pop("evaluation_type", "live")
        evaluation = Evaluation(
            source="evals",
            dedup_key=str(self.count),
            model_id=model.id,
            evaluation_type=kind,
            window_end=at,
            occurred_at=at,
            received_at=at,
            **of_evaluation,
        )
        self.add(evaluation)
        of_value = {"evaluation_id": evaluation.id, "model_id": model.id, "evaluation_type": kind}
        self.add(MetricValue(metric=metric, value=value, at=at, **of_value, **more))
        return evaluation

    def rollout(self, model: Model, version: str, at: datetime, **more: Any) -> Change:
        return self.change(model, "model", at, version=version, **({"status": "succeeded"} | more))

    def change(self, model: Model | None, kind: str, at: datetime, **more: Any) -> Change:
        self.count += 1
        fixed = {"source": "cd", "dedup_key": str(self.count), "model_id": model.id if model else None}
        stage = {"stage": "production"} if kind == "model" else {}
        return self.add(Change(**fixed, change_type=kind, occurred_at=at, received_at=at, **(stage | more)))

    def incident(self, model: Model, title: str, at: datetime, took: timedelta | None = None, **more: Any) -> Incident:
        fixed = {"severity": "sev2", "status": "resolved" if took else "investigating", "channel": "#ml"}
        resolved = at + took if took else None
        times = {"onset_at": at, "opened_at": at, "resolved_at": resolved}
        return self.add(Incident(**(fixed | times | {"model_id": model.id, "title": title} | more)))

    def alert(self, model: Model, symptom: str, at: datetime, verdict: str | None = None, **more: Any) -> AlertGroup:
        fixed = {"channel": "#ml", "alert_class": "drift", "severity": "warning", "status": "resolved", "total": 1}
        times = {"opened_at": at, "recorded_at": at, "resolved_at": at + timedelta(hours=1)}
        row = fixed | times | {"model_id": model.id, "symptom": symptom, "verdict": verdict} | more
        return self.add(AlertGroup(**row))


@pytest.fixture
def rows(db: Session) -> Rows:
    return Rows(db)


@pytest.fixture
def told(db: Session) -> Callable[..., DigestView]:
    """Build the weekly digest of Monday 23 November 2026."""

    def tell(day: date = MONDAY, digest: DigestSection = WEEKLY, **more: Any) -> DigestView:
        return build(db, name="weekly", digest=digest, day=day, **more)

    return tell


def nov(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def at() -> Callable[..., datetime]:
    """A moment of November 2026 in UTC: `at(16, 9, 41)`."""
    return nov


@pytest.fixture
def golden(rows: Rows) -> dict[str, Model]:
    """Six models: one rolled back, four fine, one of which nothing is known."""
    declined = {"title": "good payments declined", "family": "product", "unit": "%", "slo": "<= 2.5"}
    fraud = rows.model("fraud-scorer", declined=declined | {"direction": "lower"}, auc={"role": "primary"})
    churn = rows.model("churn", saved={"family": "product", "unit": "count", "direction": "higher"})
    search = rows.model("search-rank", ctr={"title": "click", "family": "product", "unit": "ratio"})
    eta = rows.model("eta", late={"family": "product", "unit": "%", "direction": "lower"})
    ads = rows.model("ads-ctr", ctr={"title": "CTR", "family": "product", "unit": "%"})
    triage = rows.model("support-triage", owner=None)
    weeks = [2.2, 2.1, 2.1, 2.1, 2.1, 2.0, 2.1, 2.0]
    for back, value in enumerate(weeks):
        rows.measured(fraud, "declined", value, nov(22) - timedelta(weeks=back), n=54_000)
    rows.measured(fraud, "auc", 0.912, nov(20), n=41_200, labelled_fraction=0.88, labels_until=nov(20))
    pairs = {"saved": (churn, 311, 299), "late": (eta, 4.1, 4.4), "ctr": (ads, 1.9, 1.9)}
    for metric, (model, now, before) in pairs.items():
        rows.measured(model, metric, now, nov(22))
        rows.measured(model, metric, before, nov(15))
    rows.measured(search, "ctr", 0.31, nov(22))
    rows.measured(search, "ctr", 0.31, nov(15))
    rows.measured(triage, "accuracy", 0.8, nov(11))
    rows.rollout(fraud, "41", datetime(2026, 10, 1, tzinfo=UTC))
    bad = {"status": "rolled_back", "finished_at": nov(16, 9, 41), "previous_version": "41"}
    rows.rollout(fraud, "42", nov(16, 9), **bad)
    rows.rollout(fraud, "41", nov(16, 9, 41), trigger="rollback", previous_version="42", quiet=True)
    rows.rollout(churn, "18", nov(18))
    rows.rollout(eta, "9", nov(19))
    rows.rollout(search, "5", datetime(2026, 9, 1, tzinfo=UTC))
    rows.rollout(ads, "7", datetime(2026, 10, 20, tzinfo=UTC))
    for day in range(16, 22):
        rows.change(ads, "config", nov(day), summary="bid cap")
    rows.incident(fraud, "fraud-scorer rejects more payments", nov(16, 9, 11), timedelta(minutes=55), lead="U01ALICE")
    rows.incident(eta, "eta is slow", nov(19, 9), timedelta(minutes=41), cause="infrastructure")
    rows.alert(fraud, "feature_drift", nov(16), "acted", total=14)
    rows.alert(fraud, "feature_drift", nov(18), "noise")
    rows.alert(churn, "null_rate", nov(18), total=9)
    rows.alert(search, "late_labels", nov(18), "real_later")
    rows.add(Serving(model_id=fraud.id, stage="production", version="41", traffic_percent=100, since=nov(16, 9, 41)))
    rows.add(Directory(id="U01ALICE", kind="user", name="alice"))
    rows.add(Heartbeat(source="alertmanager", last_at=nov(23, 7)))
    named = (fraud, churn, search, eta, ads, triage)
    return {m.name: m for m in named}
