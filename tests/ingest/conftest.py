"""The bot without Slack and Jira: a real database, the real integrations, and a wall on which its copies are drawn."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import event
from sqlmodel import Session, SQLModel, select

import integrations.alertmanager
import integrations.events
import integrations.mlflow
from bot.config import Settings
from bot.domain.actions import Action
from bot.domain.facts import (
    AlertClass,
    AlertFact,
    AlertStatus,
    DeploymentFact,
    DeploymentStatus,
    Fact,
    Severity,
    TicketFact,
)
from bot.ingest.people import record_action
from bot.ingest.receive import read
from bot.ingest.record import Arrived, Recorded, take
from bot.ingest.rules import Rules
from bot.ingest.storms import close_quiet
from bot.ingest.tickets import record_ticket
from bot.ports import Delivery, Source
from bot.reconcile.loop import digest
from bot.rendering import Rendering
from bot.store.database import Database
from bot.store.projection import claim, settle_nothing, settle_shown
from bot.store.tables import AlertGroup, Incident, Model, Projection, Serving

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SOURCES: Mapping[str, Source] = {
    "alertmanager": integrations.alertmanager.SOURCE,
    "events": integrations.events.SOURCE,
    "mlflow": integrations.mlflow.SOURCE,
}
EXAMPLES = Path(integrations.alertmanager.__file__).parent / "examples"

APPROVERS = {
    "users": ["@bob"],
    "group": None,
    "not_author": True,
    "channel": None,
    "expires_s": 86_400,
    "rollback": False,
}
"""Of a stage, as the configuration writes them into the model's row."""

T = TypeVar("T")
Row = TypeVar("Row", bound=SQLModel)


class World:
    """What arrived, what people did, and what they see; `now` moves only when a test moves it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self.rules = Rules()
        self.rendering = Rendering(Settings())
        self.shown: dict[str, Mapping[str, Any]] = {}
        """What stands on the wall, by key."""
        self.writes: dict[str, int] = {}
        """How often each copy was written there."""
        self._count = count(1)

    def run(self, f: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a transaction."""
        return self.database.submit(f, *args, **kwargs).result()

    def statements(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> list[str]:
        """Run a transaction; return the statements that it took."""

        def listened(db: Session) -> list[str]:
            said: list[str] = []
            event.listen(db.connection(), "before_cursor_execute", lambda *given: said.append(given[2]))
            f(db, *args, **kwargs)
            db.flush()
            return said

        return self.run(listened)

    def later(self, **span: float) -> datetime:
        """Let time pass; returns the new time."""
        self.now += timedelta(**span)
        return self.now

    def record(self, *facts: Fact, source: str = "events") -> Recorded:
        """Record facts as one delivery of their own."""
        body = json.dumps(next(self._count)).encode()
        return self.take(Arrived(Delivery(source, body, self.now, {}, {}), facts))

    def take(self, arrived: Arrived) -> Recorded:
        """Record one delivery."""
        (recorded,) = self.run(take, [arrived], self.now, rules=self.rules)
        return recorded

    def alert(
        self, name: str = "NullRate", *, n: int = 0, model: str | None = "fraud-scorer", **more: Any
    ) -> AlertFact:
        """Make an alert, now; `n` tells alerts of one name apart, `kind` is its class."""
        given: dict[str, Any] = {"status": "firing", "starts_at": self.now, **more}
        given["status"] = AlertStatus(given["status"])
        given["alert_class"] = AlertClass(given.pop("kind", "soft"))
        hard = given["alert_class"] is AlertClass.HARD
        given["severity"] = Severity(given.get("severity", "critical" if hard else "warning"))
        return AlertFact(fingerprint=f"{name}/{model}/{n}", name=name, model=model, **given)

    def rollout(self, version: str | None, status: str = "succeeded", **more: Any) -> DeploymentFact:
        """Make an event of a rollout of fraud-scorer to production, now."""
        given: dict[str, Any] = {"occurred_at": self.now, "model": "fraud-scorer", **more}
        return DeploymentFact(version=version, status=DeploymentStatus(status), **given)

    def deliver(self, source: str, body: Any) -> Recorded:
        """Deliver a body, JSON or raw bytes, through the source's integration."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        delivery = Delivery(source, raw, self.now, {}, {})
        return self.take(Arrived(delivery, *read(SOURCES[source], delivery)))

    def notify(self, name: str) -> Recorded:
        """Deliver a captured notification of Alertmanager, by its name without `webhook_` and `.json`."""
        capture = json.loads((EXAMPLES / f"webhook_{name}.json").read_text())
        return self.deliver("alertmanager", capture["body"])

    def act(self, action: Action) -> int:
        """Do what a person did."""
        return self.run(record_action, action, self.now, self.rules)

    def ticket(self, fact: TicketFact, remote_id: str = "10001:ML-431") -> bool:
        """Read a ticket back."""
        return self.run(record_ticket, fact, remote_id, self.now)

    def end_storms(self) -> int:
        return self.run(close_quiet, self.now)

    def add(self, *rows: SQLModel) -> None:
        """Write rows as they are, for what no fact says: people, configuration."""
        self.run(lambda db: db.add_all(rows))

    def model(self, name: str, **more: Any) -> None:
        """Configure a model."""
        self.add(Model(name=name, created_at=NOW - timedelta(days=300), **more))

    def rows(self, table: type[Row], **wanted: Any) -> list[Row]:
        """Return the rows of TABLE with these values, oldest first."""
        return self.run(lambda db: list(db.exec(select(table).filter_by(**wanted).order_by("id"))))

    def row(self, table: type[Row], **wanted: Any) -> Row:
        """Return the one row with these values."""
        (found,) = self.rows(table, **wanted)
        return found

    def group(self, **wanted: Any) -> AlertGroup:
        return self.row(AlertGroup, **wanted)

    def incident(self, number: int | None = None) -> Incident:
        """Return an incident by its number; without one, the only one."""
        return self.row(Incident, **({} if number is None else {"id": number}))

    def live(self, stage: str = "production", target: str = "") -> dict[str, float | None]:
        """Return what serves in a slot: version -> percent."""
        return {s.version: s.traffic_percent for s in self.rows(Serving, stage=stage, target=target, until=None)}

    def generations(self) -> dict[str, int]:
        """Return the generation of every projection."""
        return self.run(lambda db: dict(db.exec(select(Projection.key, Projection.generation)).all()))

    def render(self, key: str) -> Mapping[str, Any] | None:
        """Return what the copy KEY should show."""
        draw = self.rendering.ticket if key.startswith("jira/") else self.rendering.slack
        body = self.run(draw, key)
        return None if body is None else body.content

    def draw(self) -> None:
        """Bring everything on the wall up to date, as the loop would with a surface that never fails."""
        self.later(seconds=70)  # longer than any pause
        for prefix in ("slack/", "jira/"):
            while self.run(self._draw_one, prefix):
                pass

    def settle(self) -> None:
        """Draw until nothing waits for anything else: replies wait for their thread, cards for their ticket."""
        while self.run(lambda db: db.exec(select(Projection.key).where(Projection.lagging)).first()) is not None:
            self.draw()

    def _draw_one(self, db: Session, prefix: str) -> bool:
        held = claim(db, self.now, prefix)
        if held is None:
            return False
        render = self.rendering.ticket if prefix == "jira/" else self.rendering.slack
        body = render(db, held.key)
        if body is None or digest(body) == held.shown:
            return settle_nothing(db, self.now, held)
        self.shown[held.key] = body.content
        self.writes[held.key] = self.writes.get(held.key, 0) + 1
        place = "10001:ML-1" if prefix == "jira/" else f"C01:1795420800.{next(self._count):06}"
        return settle_shown(db, self.now, held, remote_id=held.remote_id or place, shown=digest(body))

    def says(self, key: str) -> str:
        """Return every word that stands in the copy KEY, empty when there is none."""
        return json.dumps(self.shown.get(key, ""), ensure_ascii=False)


@pytest.fixture(scope="session")
def make_world() -> Callable[[Database], World]:
    return World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)
