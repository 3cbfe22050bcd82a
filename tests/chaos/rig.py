"""A sandbox, a bot, and what must be true of them: nothing lost, nothing twice, everything as the rows say."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar

import httpx
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.config import load
from bot.demo.checks import differences
from bot.demo.children import Child
from bot.demo.stage import State, key_of
from bot.rendering import Rendering
from bot.store.database import Database
from bot.store.tables import Projection
from integrations.jira import adf

START = datetime(2026, 11, 20, 7, 40, tzinfo=UTC)
SPEED = 20.0
"""The sandbox's clock: so that a calm moment, a look and a pause cost a test little."""
SETTLE_S = 60.0
NOT_RIGHT = "select key, error, not_before, lease from projection where lagging or error != ''"


class Bot(Protocol):
    """The bot, as a process of its own."""

    async def start(self) -> float: ...
    async def kill(self) -> None: ...


B = TypeVar("B", bound=Bot)


@dataclass
class Rig(Generic[B]):
    """The two programs, and what was acknowledged so far."""

    sandbox: Child
    bot: B
    environment: Mapping[str, str]
    slack: httpx.AsyncClient
    hooks: httpx.AsyncClient
    acknowledged: set[str] = field(default_factory=set)
    """Fingerprints of alerts for which a 202 was received."""

    @cached_property
    def database(self) -> Database:
        """The bot's, for reading."""
        return Database(self.environment["DATABASE_URL"])

    def close(self) -> None:
        self.database.close()

    async def state(self) -> State:
        found: State = (await self.slack.get("/_sandbox/state")).raise_for_status().json()
        return found

    async def now(self) -> datetime:
        return datetime.fromisoformat((await self.slack.get("/_sandbox/clock")).json()["now"]).astimezone(UTC)

    async def run_at(self, speed: float) -> None:
        (await self.slack.post("/_sandbox/clock", json={"speed": speed})).raise_for_status()

    async def pass_time(self, by: timedelta) -> None:
        (await self.slack.post("/_sandbox/clock", json={"advance_s": by.total_seconds()})).raise_for_status()

    async def fault(self, **faults: Any) -> None:
        (await self.slack.put("/_sandbox/faults", json=faults)).raise_for_status()

    async def deliver(self, alerts: Sequence[dict[str, Any]]) -> None:
        """Deliver as Alertmanager does: again until it is acknowledged."""
        async with asyncio.timeout(SETTLE_S):
            while not await self._delivered(notification(alerts)):  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.1)
        self.acknowledged |= {one["fingerprint"] for one in alerts}

    async def _delivered(self, body: Mapping[str, Any]) -> bool:
        try:
            return (await self.hooks.post("/hooks/alertmanager", json=body)).status_code == 202
        except httpx.TransportError:
            return False

    async def settled(self) -> None:
        """Wait until every copy shows what the rows say."""
        until = time.monotonic() + SETTLE_S
        while lagging := await self.rows(NOT_RIGHT):
            assert time.monotonic() < until, lagging
            await asyncio.sleep(0.05)

    async def rows(self, query: str) -> list[Any]:
        return await self.database.read(lambda db: list(db.connection().execute(text(query))))

    async def compare(self) -> tuple[list[str], list[str]]:
        """Return, in words, what is lost (acknowledged but not recorded, recorded but not shown) and what is twice."""
        state = await self.state()
        return await self._lost(state), await self._twice(state)

    async def _lost(self, state: State) -> list[str]:
        recorded = {row.fingerprint for row in await self.rows("select fingerprint from alert")}
        torn = await self.rows("select id from alert where group_id is null")
        labels = {label for issue in state["issues"] for label in issue["fields"]["labels"]}
        incidents = await self.rows("select id from incident")
        return [
            *(f"alert {one} was acknowledged and is not recorded" for one in self.acknowledged - recorded),
            *(f"alert {one.id} is in no group" for one in torn),
            *(f"INC-{one.id} has no ticket" for one in incidents if f"bellwether-main-{one.id}" not in labels),
            *await differences(self.environment, state),
            *await self.database.read(self._other_differences, state),
        ]

    async def _twice(self, state: State) -> list[str]:
        episodes = await self.rows("select fingerprint, count(*) n from alert group by source, fingerprint, starts_at")
        messages = Counter(key for message in standing(state) if (key := key_of(message)))
        tickets = Counter(label for issue in state["issues"] for label in issue["fields"]["labels"])
        return [
            *(f"alert {one.fingerprint}, {one.n} times" for one in episodes if one.n > 1),
            *(f"{key}, {n} messages" for key, n in messages.items() if n > 1),
            *(f"{label}, {n} tickets" for label, n in tickets.items() if n > 1),
            *(
                f"{one['key']}, {len(one['remotelinks'])} links"
                for one in state["issues"]
                if len(one["remotelinks"]) > 1
            ),
        ]

    def _other_differences(self, db: Session, state: State) -> list[str]:
        """Return where an App Home is missing, or a ticket's text or link is not what the rows say."""
        rendering = Rendering(
            load(self.environment), ticket_url="x", workspace_url=str(self.slack.base_url).rstrip("/")
        )
        issues = {issue["id"]: issue["fields"] for issue in state["issues"]}
        links = {link["globalId"]: link["object"] for issue in state["issues"] for link in issue["remotelinks"]}
        found = []
        for row in db.exec(select(Projection).where(col(Projection.remote_id).is_not(None))).all():
            remote = (row.remote_id or "").partition(":")[0]
            match row.key.split("/"):
                case ["slack", "home", _] if remote not in state["homes"]:
                    found.append(f"{row.key} is not published")
                case ["jira", "incident", _, "link"] if body := rendering.ticket(db, row.key):
                    wanted, there = body.content["link"], links.get(row.remote_id, {})
                    if there.get("title") != wanted["title"] or there["status"]["resolved"] != wanted["resolved"]:
                        found.append(f"{row.key} is {there}, the rows say {wanted}")
                case ["jira", "incident", _] if body := rendering.ticket(db, row.key):
                    wanted, fields = body.content, issues.get(remote, {})
                    told = [adf.plain(block) for block in (fields.get("description") or {}).get("content", ())]
                    if fields.get("summary") != wanted["summary"] or told != list(wanted["paragraphs"]):
                        found.append(f"{row.key} says {told}, the rows say {wanted['paragraphs']}")
        return found


def standing(state: State) -> list[dict[str, Any]]:
    """Return every message that stands in Slack, with its channel."""
    return [m | {"channel": c["id"]} for c in state["channels"] for m in c["messages"] if not m.get("deleted")]


def alert(name: str, model: str, number: int, at: datetime) -> dict[str, Any]:
    labels = {"alertname": name, "model": model, "stage": "production", "severity": "warning"}
    labels |= {"slo": "declined", "severity": "critical"} if name.startswith("Objective") else {"feature": f"f{number}"}
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{name} of f{number}"},
        "startsAt": at.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example.com/graph",
        "fingerprint": sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
    }


def notification(alerts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    group = {name: alerts[0]["labels"][name] for name in ("alertname", "model")}
    return {
        "version": "4",
        "receiver": "bellwether",
        "status": alerts[0]["status"],
        "groupKey": f"{{}}:{group}",
        "groupLabels": group,
        "commonLabels": group,
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example.com",
        "truncatedAlerts": 0,
        "alerts": list(alerts),
    }
