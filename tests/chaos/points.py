"""Where the bot is killed: between "webhook received" and "ts stored", every await and every commit, by name.

A point names a function of the bot (or of a library that it calls) and a side of it; nothing in the bot knows of it.
`about` is a pattern that has to be found in what the function was given or returned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

When = Literal["before", "after", "before commit", "after commit", "unanswered"]
"""`before commit`, `after commit`: of the transaction that the function is part of. `unanswered`: the function is a
method of Slack or Jira that is carried out but not answered; the bot is killed while it waits."""


class Act(IntEnum):
    """What brings the bot to the point; in this order, because later acts need what earlier ones left."""

    START = 0
    """It starts."""
    WARN = 1
    """A soft alert of a new model: a card of its own."""
    OPEN = 2
    """A hard alert of a new model: an incident with thread, ticket and link."""
    MORE = 3
    """More alerts of an open incident."""
    REMOVE = 4
    """Somebody deletes a card; then it changes."""
    TELL = 5
    """Somebody writes an update: a thread reply, and news for card and ticket."""
    LOOK = 6
    """Somebody opens the App Home."""
    PUBLISH = 7
    """An incident opens that an App Home shows."""
    DIRECT = 8
    """Jira is away while an incident opens: the admin gets a direct message."""
    RESOLVE = 9
    """The alerts of an incident resolve."""


@dataclass(frozen=True)
class Point:
    """One place to be killed at."""

    name: str
    act: Act
    where: str
    when: When
    about: str = ""
    faults: Mapping[str, Any] = field(default_factory=dict)
    """What else is wrong with Slack or Jira until the bot is dead."""


CLAIM, SHOWN = "bot.store.projection:claim", "bot.store.projection:settle_shown"
LATER, GONE = "bot.store.projection:settle_later", "bot.store.projection:settle_gone"
SLACK, JIRA = "bot.slack.surface:SlackSurface", "integrations.jira.tickets:JiraTickets"
CALL = "integrations.jira.client:JiraClient.call"
RECORDED, NEWS = "bot.ingest.tickets:record_ticket", r", True\)$"
SENT = "aiohttp.client_reqrep:ClientResponse.start"
CARD, CHANGES, LINE = r"'slack/incident/\d+'", r"'slack/incident/\d+/changes'", r"'slack/incident/\d+/ticket'"
GROUP, LOG = r"'slack/group/\d+'", r"'slack/incident/\d+/log/\d+'"
HOME, NOTE = "'slack/home/", "'slack/dm/"
TICKET, LINK = r"'jira/incident/\d+'", r"'jira/incident/\d+/link'"


def _cut(method: str, fault: str, **more: Any) -> dict[str, Any]:
    return {fault: {"methods": [method], "n": 1, **more}}


POINTS = (
    Point("start: leases freed, not committed", Act.START, "bot.store.projection:release_leases", "before commit"),
    Point("start: leases freed, workers not started", Act.START, "bot.store.projection:release_leases", "after commit"),
    # what comes in
    Point("webhook: received, not read", Act.WARN, "bot.ingest.receive:receive", "before"),
    Point("webhook: recorded, not committed", Act.WARN, "bot.ingest.record:take", "before commit"),
    Point("webhook: committed, not answered", Act.OPEN, "bot.ingest.record:take", "after commit"),
    Point("webhook: loop woken, not answered", Act.OPEN, "bot.ingest.receive:receive", "after"),
    Point("form: stored, not committed", Act.TELL, "bot.slack.inbox:keep", "before commit"),
    Point("form: stored, not recorded", Act.TELL, "bot.slack.inbox:keep", "after commit"),
    Point("form: recorded, not committed", Act.TELL, "bot.ingest.people:record_action", "before commit"),
    Point("form: committed, not answered", Act.TELL, "bot.ingest.people:record_action", "after commit"),
    Point("event: done, not marked as done", Act.LOOK, "bot.slack.home:opened", "after commit"),
    Point("event: marked as done, not answered", Act.LOOK, "bot.slack.inbox:finish", "after commit"),
    # a post
    Point("post: claimed, not committed", Act.OPEN, CLAIM, "before commit", CARD),
    Point("post: claimed, not drawn", Act.OPEN, CLAIM, "after commit", CARD),
    Point("post: drawn, not sent", Act.OPEN, f"{SLACK}.create", "before", CARD),
    Point("post: sent, not read", Act.WARN, SENT, "before", "chat.postMessage"),
    Point("post: done by Slack, not answered", Act.WARN, "chat.postMessage", "unanswered"),
    Point("post: answered, not settled", Act.OPEN, f"{SLACK}.create", "after", CARD),
    Point("post: settled, not committed", Act.OPEN, SHOWN, "before commit", CARD),
    Point("post: settled", Act.OPEN, SHOWN, "after commit", CARD),
    # a reply
    Point("first reply: drawn, not sent", Act.OPEN, f"{SLACK}.create", "before", CHANGES),
    Point("first reply: answered, not settled", Act.OPEN, f"{SLACK}.create", "after", CHANGES),
    Point("first reply: settled, not committed", Act.OPEN, SHOWN, "before commit", CHANGES),
    Point("ticket line: answered, not settled", Act.OPEN, f"{SLACK}.create", "after", LINE),
    Point("log reply: claimed, not drawn", Act.TELL, CLAIM, "after commit", LOG),
    Point("log reply: done by Slack, not answered", Act.TELL, "chat.postMessage", "unanswered"),
    Point("log reply: answered, not settled", Act.TELL, f"{SLACK}.create", "after", LOG),
    # an edit
    Point("edit: claimed, not drawn", Act.MORE, CLAIM, "after commit", CARD),
    Point("edit: drawn, not sent", Act.MORE, f"{SLACK}.update", "before", CARD),
    Point("edit: done by Slack, not answered", Act.MORE, "chat.update", "unanswered"),
    Point("edit: answered, not settled", Act.MORE, f"{SLACK}.update", "after", CARD),
    Point("edit: settled, not committed", Act.MORE, SHOWN, "before commit", CARD),
    # a card that somebody deleted
    Point("deleted: noticed, not committed", Act.REMOVE, GONE, "before commit", GROUP),
    Point("deleted: noticed", Act.REMOVE, GONE, "after commit", GROUP),
    Point("deleted: posted anew, not settled", Act.REMOVE, f"{SLACK}.create", "after", GROUP),
    # App Home
    Point("home: drawn, not published", Act.PUBLISH, f"{SLACK}.update", "before", HOME),
    Point("home: done by Slack, not answered", Act.PUBLISH, "views.publish", "unanswered"),
    Point("home: answered, not settled", Act.PUBLISH, f"{SLACK}.update", "after", HOME),
    Point("home: settled, not committed", Act.PUBLISH, SHOWN, "before commit", HOME),
    # a direct message
    Point("direct message: drawn, not sent", Act.DIRECT, f"{SLACK}.create", "before", NOTE),
    Point("direct message: answered, not settled", Act.DIRECT, f"{SLACK}.create", "after", NOTE),
    # looking for what may have been sent
    Point(
        "post: looking for it",
        Act.WARN,
        f"{SLACK}.find",
        "before",
        faults=_cut("chat.postMessage", "accept_then_reset"),
    ),
    Point(
        "post: found, not settled",
        Act.WARN,
        f"{SLACK}.find",
        "after",
        faults=_cut("chat.postMessage", "accept_then_reset"),
    ),
    Point(
        "post: looked in vain, not committed",
        Act.WARN,
        LATER,
        "before commit",
        "looks': 1",
        faults=_cut("chat.postMessage", "server_error", status=502),
    ),
    Point(
        "post: looked in vain, to be looked for again",
        Act.WARN,
        LATER,
        "after commit",
        "looks': 1",
        faults=_cut("chat.postMessage", "server_error", status=502),
    ),
    # a ticket
    Point("ticket: claimed, not committed", Act.OPEN, CLAIM, "before commit", TICKET),
    Point("ticket: claimed, not drawn", Act.OPEN, CLAIM, "after commit", TICKET),
    Point("ticket: drawn, not sent", Act.OPEN, f"{JIRA}.create", "before"),
    Point("ticket: done by Jira, not answered", Act.OPEN, "POST issue", "unanswered"),
    Point("ticket: answered, not read", Act.OPEN, CALL, "after", r"'POST', 'issue'"),
    Point("ticket: answered, not read back", Act.OPEN, f"{JIRA}.create", "after"),
    Point("ticket: read back, not committed", Act.OPEN, RECORDED, "before commit", NEWS),
    Point("ticket: read back, not settled", Act.OPEN, RECORDED, "after commit", NEWS),
    Point("ticket: settled, not committed", Act.OPEN, SHOWN, "before commit", TICKET),
    Point("ticket: settled", Act.OPEN, SHOWN, "after commit", TICKET),
    Point(
        "ticket: looking for it",
        Act.OPEN,
        f"{JIRA}.find",
        "before",
        faults=_cut("POST issue", "accept_then_reset"),
    ),
    Point(
        "ticket: found, not settled",
        Act.OPEN,
        f"{JIRA}.find",
        "after",
        faults=_cut("POST issue", "accept_then_reset") | {"search_lag_s": 40},
    ),
    Point("link: drawn, not sent", Act.OPEN, f"{JIRA}.link", "before"),
    Point("link: done by Jira, not answered", Act.OPEN, "POST issue/remotelink", "unanswered"),
    Point("link: answered, not settled", Act.OPEN, f"{JIRA}.link", "after"),
    Point("link: settled, not committed", Act.OPEN, SHOWN, "before commit", LINK),
    Point("fields: ticket read, not written", Act.TELL, CALL, "before", "'PUT'"),
    Point("fields: done by Jira, not answered", Act.TELL, "PUT issue", "unanswered"),
    Point("fields: written, not settled", Act.TELL, f"{JIRA}.update", "after"),
    Point("transition: fields written, not moved", Act.RESOLVE, CALL, "before", r"'POST', 'issue/\d+/transitions'"),
    Point("transition: done by Jira, not answered", Act.RESOLVE, "POST issue/transitions", "unanswered"),
    Point("transition: moved, not settled", Act.RESOLVE, f"{JIRA}.update", "after"),
    Point("transition: settled, not committed", Act.RESOLVE, SHOWN, "before commit", TICKET),
)
