"""What is measured at the moment when somebody asks: queues, lag, budgets, sockets.

What is counted as it happens is counted where it happens. All of it is listed in docs/reference/http.md.
"""

from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Gauge
from sqlmodel import Session

from bot.ports import Now
from bot.reconcile.budget import Budget
from bot.slack.sockets import Sockets
from bot.store.database import Database
from bot.store.queries.lag import Lag, lag

WRITER = Gauge("bellwether_writer_queue", "Transactions that wait for the writer")
LAGGING = Gauge("bellwether_lagging_copies", "Messages, home tabs and tickets that do not show everything", ["surface"])
OLDEST = Gauge(
    "bellwether_oldest_unshown_change_seconds", "Age of the oldest change that is not shown yet", ["surface"]
)
USED = Gauge("bellwether_budget_used_ratio", "Used part of what Slack allows; 1 = the next call waits", ["budget"])
SOCKETS = Gauge("bellwether_slack_sockets", "Socket Mode connections that are up")


@dataclass(frozen=True)
class Gauges:
    """Where the figures come from; `sockets` is None in HTTP mode."""

    database: Database
    budget: Budget
    sockets: Sockets | None
    now: Now

    async def read(self) -> None:
        """Bring every gauge up to date. Raises StoreUnavailable."""
        WRITER.set(self.database.waiting())
        if self.sockets is not None:
            SOCKETS.set(await self.sockets.connected())
        USED.clear()
        for name, used in sorted(self.budget.used(self.now()).items(), key=lambda item: item[1]):
            USED.labels(_kind(name)).set(used)  # of all channels the one that is nearest to its limit
        for surface, behind in (await self.database.read(_lags, self.now())).items():
            LAGGING.labels(surface).set(behind.copies)
            OLDEST.labels(surface).set(behind.oldest.total_seconds())


def _lags(db: Session, now: datetime) -> dict[str, Lag]:
    return {surface: lag(db, f"{surface}/", now) for surface in ("slack", "jira")}


def _kind(name: str) -> str:
    """Return the name of a budget without the channel that it is for."""
    method, _, channel = name.partition(" ")
    return f"{method} in a channel" if channel else method
