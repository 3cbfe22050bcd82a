"""From the name of a copy to what it should show: wires cards, digests, tickets and orders to the configuration.

Digests and cards are siblings that do not know each other; here a digest's view becomes a message.
"""

from dataclasses import dataclass

from sqlmodel import Session, select

from bot.config import Settings
from bot.digests.render import Edition
from bot.digests.render import render as render_digest
from bot.ports import Body
from bot.reconcile.orders import render as render_order
from bot.slack.cards import render as render_card
from bot.slack.cards.digest import digest, digest_thread
from bot.slack.cards.look import Look
from bot.store.tables import Capability, Projection
from bot.tickets.render import TicketStyle
from bot.tickets.render import render as render_ticket


@dataclass
class Rendering:
    """What rendering needs besides the rows; the workspace's address becomes known when Slack is reached."""

    settings: Settings
    ticket_url: str = ""
    """What stands before a ticket's key; empty when no ticket system is connected."""
    workspace_url: str = "https://slack.com"

    def look(self, db: Session) -> Look:
        """Return how things are called and what this workspace refuses."""
        decisions = self.settings.decisions
        return Look(
            command=decisions.slack.command,
            channel=decisions.slack.channel,
            sources=tuple(decisions.sources),
            tickets=bool(self.ticket_url),
            ticket_url=self.ticket_url,
            refused=frozenset(db.exec(select(Capability.name)).all()),
            workspace=self.workspace_url,
        )

    def slack(self, db: Session, key: str) -> Body | None:
        """Return what a message or view of Slack should show; None = nothing yet."""
        look = self.look(db)
        if not key.startswith("slack/digest/"):
            return render_card(db, key, look)
        edition = render_digest(db, key, self.settings)
        return None if edition is None else _digest_body(db, key, edition, look)

    def ticket(self, db: Session, key: str) -> Body | None:
        """Return what a ticket, or its link back, should show; None = nothing yet."""
        jira, instance = self.settings.decisions.jira, self.settings.decisions.instance
        return render_ticket(db, key, TicketStyle(jira.project, jira.issue_type, instance, self.workspace_url))

    def order(self, db: Session, key: str) -> Body | None:
        """Return what a deployer should do; None = nothing yet, or nothing any more."""
        return render_order(db, key, self.settings.decisions.instance)


def _digest_body(db: Session, key: str, edition: Edition, look: Look) -> Body | None:
    """Draw an edition: its message in the channel, its details in the thread of that message."""
    if not edition.thread:
        return Body(
            {"channel": edition.channel, **digest(edition.view, look.refused, workspace=look.workspace).content}
        )
    details = digest_thread(edition.view, look.refused)
    root = db.get(Projection, key.removesuffix("/thread"))
    if details is None or root is None or root.remote_id is None:
        return None
    channel, _, ts = root.remote_id.partition(":")
    return Body({"channel": channel, "thread_ts": ts, **details.content})
