"""A bad release as rows: v42 replaces v41, eleven minutes later alerts fire; each test changes what it is about."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.domain import limits
from bot.ingest.evaluations import know_metrics
from bot.slack.blocks import Message
from bot.slack.cards import Look, render
from bot.slack.workspace import Workspace
from bot.store.database import Database
from bot.store.projection import touch
from bot.store.tables import (
    Alert,
    AlertGroup,
    Change,
    Directory,
    Evaluation,
    Heartbeat,
    Incident,
    MetricValue,
    Model,
    Projection,
    Proposal,
    Serving,
    Storm,
    Ticket,
    TimelineEntry,
    Triage,
)
from tests.databases import number_anew
from tests.slack.live import Bot, connected, living

NOW = datetime(2026, 11, 23, 8, 13, tzinfo=UTC)
DEPLOYED = NOW - timedelta(minutes=22)
ONSET = NOW - timedelta(minutes=11)
THREAD = "C02MLFRAUD:1795420800.000100"


class Story:
    """Writes rows with as few words as a test needs."""

    now, deployed, onset, thread = NOW, DEPLOYED, ONSET, THREAD

    def __init__(self, db: Session) -> None:
        self.db = db
        self.count = 0

    def add(self, row: Any) -> Any:
        self.db.add(row)
        self.db.flush()
        return row

    def people(self) -> None:
        for i, name in (("U01ALICE", "alice"), ("U02BOB", "bob"), ("U03DANA", "dana")):
            self.add(Directory(id=i, kind="user", name=name))
        self.add(Directory(id="C02MLFRAUD", kind="channel", name="ml-fraud"))

    def model(self, name: str = "fraud-scorer", **more: Any) -> Model:
        given = {"owner": "@alice", "on_call": "@bob", "channel": "#ml-fraud", "metrics": {}, **more}
        return self.add(Model(name=name, created_at=NOW - timedelta(days=300), **given))

    def anew(self) -> None:
        """Forget all rows; the next ones count from 1 again."""
        self.db.rollback()
        number_anew(self.db)

    def rollout(self, model: Model, version: str = "42", previous: str | None = "41", **more: Any) -> Change:
        self.count += 1
        given: dict[str, Any] = {
            "source": "events",
            "dedup_key": f"rollout/{self.count}",
            "change_type": "model",
            "occurred_at": DEPLOYED,
            "received_at": DEPLOYED,
            "started_at": DEPLOYED,
            "finished_at": DEPLOYED,
            "status": "succeeded",
            "traffic_percent": 100.0,
            "stage": "production",
            "actor": "alice",
            **more,
        }
        return self.add(Change(model_id=model.id, version=version, previous_version=previous, **given))

    def change(self, model: Model | None, change_type: str, summary: str, **more: Any) -> Change:
        self.count += 1
        given: dict[str, Any] = {"source": "events", "occurred_at": DEPLOYED, "received_at": DEPLOYED, **more}
        return self.add(
            Change(
                dedup_key=f"change/{self.count}",
                model_id=model.id if model else None,
                change_type=change_type,
                summary=summary,
                quiet=True,
                **given,
            )
        )

    def serving(self, model: Model, version: str, since: datetime, until: datetime | None = None, **more: Any) -> None:
        given = {"stage": "production", "traffic_percent": 100.0, **more}
        self.add(Serving(model_id=model.id, version=version, since=since, until=until, **given))

    def group(self, model: Model | None, symptom: str = "FeatureDrift", **more: Any) -> AlertGroup:
        given: dict[str, Any] = {
            "channel": "#ml-fraud",
            "stage": "production",
            "alert_class": "soft",
            "severity": "warning",
            "status": "firing",
            "opened_at": ONSET,
            "recorded_at": ONSET,
            "lookback_s": 0,
            "firing": 1,
            "total": 1,
            **more,
        }
        return self.add(AlertGroup(model_id=model.id if model else None, symptom=symptom, **given))

    def alert(self, group: AlertGroup, **more: Any) -> Alert:
        self.count += 1
        given: dict[str, Any] = {
            "source": "alertmanager",
            "fingerprint": f"f{self.count}",
            "starts_at": group.opened_at,
            "name": group.symptom,
            "status": "firing",
            "updated_at": group.opened_at,
            **more,
        }
        return self.add(Alert(group_id=group.id, model_id=group.model_id, **given))

    def incident(self, model: Model | None, title: str = "fraud-scorer declines payments", **more: Any) -> Incident:
        given: dict[str, Any] = {
            "severity": "sev2",
            "status": "investigating",
            "symptom": "FeatureDrift",
            "channel": "#ml-fraud",
            "onset_at": ONSET,
            "opened_at": ONSET,
            **more,
        }
        return self.add(Incident(title=title, model_id=model.id if model else None, **given))

    def proposal(self, model: Model, version: str = "43", **more: Any) -> Proposal:
        given: dict[str, Any] = {
            "kind": "promote",
            "stage": "production",
            "channel": "#ml-leads",
            "status": "pending",
            "asked_by": "U01ALICE",
            "asked_at": NOW,
            "expires_at": NOW + timedelta(days=1),
            **more,
        }
        return self.add(Proposal(model_id=model.id, version=version, **given))

    def measured(self, model: Model, metric: str, value: float, at: datetime = NOW, **more: Any) -> Evaluation:
        self.count += 1
        own = ("labelled_fraction", "labels_until", "stage", "suite", "dataset", "dataset_version")
        of_evaluation = {k: more.pop(k) for k in own if k in more}
        kind, version = more.pop("evaluation_type", "live"), more.pop("version", None)
        evaluation = self.add(
            Evaluation(
                source="evals",
                dedup_key=str(self.count),
                model_id=model.id,
                version=version,
                evaluation_type=kind,
                window_end=at,
                occurred_at=at,
                received_at=at,
                **of_evaluation,
            )
        )
        value = self.add(
            MetricValue(
                evaluation_id=evaluation.id,
                model_id=model.id,
                metric=metric,
                value=value,
                at=at,
                evaluation_type=kind,
                version=version,
                **more,
            )
        )
        know_metrics(self.db, model, [value])
        return evaluation

    def opened(self, model: Model | None, **more: Any) -> Incident:
        """An incident whose root and list of changes are posted already."""
        incident = self.incident(model, **more)
        self.posted(f"slack/incident/{incident.id}")
        self.posted(f"slack/incident/{incident.id}/changes", "C02MLFRAUD:1795420801.000100")
        return incident

    def posted(self, key: str, remote_id: str | None = THREAD, error: str = "") -> None:
        touch(self.db, NOW, key)
        row = self.db.get_one(Projection, key)
        row.remote_id, row.error = remote_id, error
        self.add(row)

    def heard(self, source: str, at: datetime = NOW) -> None:
        self.add(Heartbeat(source=source, last_at=at, deliveries=1))

    def storm(self, **more: Any) -> Storm:
        return self.add(Storm(channel="#ml-fraud", opened_at=ONSET, last_at=ONSET, **more))

    def groups_of_storm(self, storm_id: int) -> Any:
        return select(AlertGroup).where(AlertGroup.storm_id == storm_id)

    def ticket(self, incident: Incident, **more: Any) -> Ticket:
        given: dict[str, Any] = {
            "remote_id": "10001",
            "key": "ML-431",
            "url": "https://jira.example.com/browse/ML-431",
            "status": "In Progress",
            "status_category": "in_progress",
            "summary": incident.title,
            "priority": "High",
            "assignee": "bob",
            "created_at": NOW,
            "updated_at": NOW,
            **more,
        }
        return self.add(Ticket(incident_id=incident.id, **given))

    def told(self, incident: Incident, text: str, *, kind: str = "update", by: str | None = "U02BOB") -> TimelineEntry:
        return self.add(TimelineEntry(incident_id=incident.id, at=NOW, kind=kind, by=by, text=text))

    def said(self, group: AlertGroup, verdict: str, at: datetime) -> None:
        self.add(Triage(group_id=group.id, verdict=verdict, by="U02BOB", at=at))

    def bad_release(self) -> tuple[Model, Change, AlertGroup]:
        """v42 replaced v41, and eleven minutes later feature drift fires on 4 columns."""
        self.people()
        model = self.model()
        self.serving(model, "41", NOW - timedelta(days=30), DEPLOYED)
        self.serving(model, "42", DEPLOYED)
        rollout = self.rollout(model)
        group = self.group(model, firing=3, total=4)
        for feature in ("merchant_country", "device_id", "ip_country", "merchant_country"):
            self.alert(group, feature=feature, value=0.31, threshold=0.2, runbook_url="https://example.com/rb")
        return model, rollout, group


@pytest.fixture
async def bot(database: Database) -> AsyncIterator[Bot]:
    """The bot's Slack side and a sandbox, not connected yet."""
    async with living(database) as living_bot:
        yield living_bot


@pytest.fixture
async def workspace(bot: Bot) -> AsyncIterator[Workspace]:
    """The bot's, connected to the sandbox's sockets."""
    async with connected(bot) as inbound:
        yield inbound


@pytest.fixture
def story(db: Session) -> Story:
    return Story(db)


@pytest.fixture
def look() -> Look:
    return Look(sources=("alertmanager", "events"), tickets=True, ticket_url="https://jira.example.com/browse")


Shown = Callable[..., Any]


@pytest.fixture
def show(db: Session, look: Look) -> Shown:
    """Draw the copy KEY twice, check it against Slack's limits, and return what it sends."""

    def shown(key: str, with_look: Look = look) -> Any:
        db.flush()
        first, second = render(db, key, with_look), render(db, key, with_look)
        assert first == second
        if first is None:
            return None
        content = dict(first.content)
        problems = limits.view_problems(content["view"]) if "view" in content else limits.message_problems(content)
        assert problems == []
        return content

    return shown


def words(content: Any) -> str:
    """Return everything that a reader sees of blocks, a message or a view, in order, a text a line."""
    if isinstance(content, Message):
        content = content.content
    if isinstance(content, dict):
        if isinstance(content.get("text"), str) and content.get("type") in ("mrkdwn", "plain_text", "raw_text"):
            return content["text"]
        if content.get("type") == "raw_number":
            return f"{content['value']:g}"
        parts = [words(v) for k, v in content.items() if k in KEYS]
        return "\n".join(p for p in parts if p)
    if isinstance(content, list | tuple):
        return "\n".join(p for one in content if (p := words(one)))
    return ""


KEYS = ("view", "blocks", "attachments", "text", "fields", "elements", "accessory", "rows", "label", "element", "title")


def controls(content: Any) -> dict[str, dict[str, Any]]:
    """Return the buttons of a message or view by action id."""
    found: dict[str, dict[str, Any]] = {}
    if isinstance(content, Message):
        content = content.content
    if isinstance(content, dict):
        if content.get("type") == "button":
            assert content["action_id"] not in found
            return {content["action_id"]: content}
        for value in content.values():
            found |= controls(value)
    elif isinstance(content, list | tuple):
        for one in content:
            found |= controls(one)
    return found


@pytest.fixture(name="words")
def words_fixture() -> Callable[[Any], str]:
    return words


@pytest.fixture(name="controls")
def controls_fixture() -> Callable[[Any], dict[str, dict[str, Any]]]:
    return controls
