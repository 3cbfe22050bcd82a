"""The names of our projections, and which copies need the remote id of which.

A key says where the copy lives and what it shows: `slack/incident/42`, `jira/incident/42`. Keys are also written into
message metadata and printed by `bellwether why`, so they are part of the contract: add, don't rename.
"""

from datetime import date

ALL_HOMES = "slack/home/"
OPERATOR_NOTES = "slack/dm/"
TICKETS = "jira/incident/"
PRESSING = ("slack/incident/", "slack/storm/")
"""What comes before all other copies for which no person waits: one of them tells of many."""


def deployment(change_id: int) -> str:
    """The card of one rollout (M2)."""
    return f"slack/deployment/{change_id}"


def deployment_live(change_id: int) -> str:
    """The reply in a rollout's thread that holds its version's live values against the offline ones."""
    return f"{deployment(change_id)}/live"


def deployment_evaluation(change_id: int, kind: str) -> str:
    """The reply in a rollout's thread with its version's newest values on one kind of data."""
    return f"{deployment(change_id)}/evaluation/{kind}"


def group(group_id: int) -> str:
    """The card of one alert group (M3)."""
    return f"slack/group/{group_id}"


def storm(storm_id: int) -> str:
    """The one card that lists every group while too many open at once in a channel."""
    return f"slack/storm/{storm_id}"


def incident(incident_id: int) -> str:
    """The root card of an incident's thread (M4)."""
    return f"slack/incident/{incident_id}"


def incident_changes(incident_id: int) -> str:
    """The first reply in the thread: what changed in the 72 hours before onset; edited, never posted again."""
    return f"slack/incident/{incident_id}/changes"


def incident_ticket(incident_id: int) -> str:
    """The ticket line in the thread (M5)."""
    return f"slack/incident/{incident_id}/ticket"


def incident_log(incident_id: int, entry_id: int) -> str:
    """One reply of the thread's log: it shows the timeline from entry ENTRY_ID up to where the next reply begins."""
    return f"{incident_logs(incident_id)}{entry_id}"


def incident_logs(incident_id: int) -> str:
    """What every log reply of the incident begins with."""
    return f"slack/incident/{incident_id}/log/"


def log_around(key: str) -> str | None:
    """Return what every reply of the log begins with that KEY is a reply of; None for any other key."""
    match key.split("/"):
        case ["slack", "incident", number, "log", _]:
            return incident_logs(int(number))
        case _:
            return None


def ticket(incident_id: int) -> str:
    """The issue in the ticket system."""
    return f"{TICKETS}{incident_id}"


def ticket_link(incident_id: int) -> str:
    """The link on the issue back to the Slack thread."""
    return f"jira/incident/{incident_id}/link"


def proposal(proposal_id: int) -> str:
    """The card of what somebody wants at a stage (M6)."""
    return f"slack/proposal/{proposal_id}"


def proposal_gate(proposal_id: int) -> str:
    """The reply that keeps what was shown to whoever decided."""
    return f"{proposal(proposal_id)}/gate"


def order(deployer: str, proposal_id: int) -> str:
    """What was decided, in the hands of a deployer."""
    return f"{orders(deployer)}proposal/{proposal_id}"


def orders(deployer: str) -> str:
    """What every order to a deployer begins with."""
    return f"deploy/{deployer}/"


def digest(name: str, day: date, channel: str) -> str:
    """One digest of one local day in one channel; `channel` is an id or a name without '#'."""
    return f"slack/digest/{name}/{day.isoformat()}/{channel.lstrip('#')}"


def digest_thread(name: str, day: date, channel: str) -> str:
    """The details of a digest, in its thread."""
    return digest(name, day, channel) + "/thread"


def home(user: str) -> str:
    """The App Home of one person."""
    return f"{ALL_HOMES}{user}"


def operator_note(user: str, about: str) -> str:
    """One direct message to an admin about one trouble of the bot's own; `about` is a slug."""
    return f"{OPERATOR_NOTES}{user.lstrip('@')}/{about}"


def incident_keys(incident_id: int) -> tuple[str, ...]:
    """Every copy that shows the state of this incident; log replies show moments, not state."""
    return (
        incident(incident_id),
        incident_changes(incident_id),
        incident_ticket(incident_id),
        ticket(incident_id),
        ticket_link(incident_id),
    )


def thread_under(key: str) -> str:
    """Return what the keys begin with that wait for KEY to be posted: the replies in its thread.

    The list of changes is the first reply of an incident's thread, so its siblings wait for it.
    """
    return key.removesuffix("changes") if key.endswith("/changes") else f"{key}/"


def dependents(key: str) -> tuple[str, ...]:
    """The keys elsewhere whose body needs the remote id of KEY, to be touched when it becomes known or changes.

    Replies need no entry here: everything under `KEY/` lives in the thread of KEY. A remote id, once settled, is state
    like any other; this is all the ordering between copies that there is.
    """
    match key.split("/"):
        case ["slack" | "jira", "incident", number]:
            return tuple(k for k in incident_keys(int(number)) if k != key)
        case _:
            return ()


def is_pressing(key: str) -> bool:
    """Return whether KEY comes before cards."""
    return key.startswith(PRESSING)


def incident_of(key: str) -> int | None:
    """Return the incident whose root card KEY is; None for any other key."""
    match key.split("/"):
        case ["slack", "incident", number]:
            return int(number)
        case _:
            return None


def troubled(key: str) -> tuple[str, ...]:
    """Return the copies that tell people when KEY can't be brought up to date: that a ticket, or an order, is late."""
    match key.split("/"):
        case ["jira", "incident", number]:
            return (incident(int(number)),)
        case ["deploy", _, "proposal", number]:
            return (proposal(int(number)),)
        case _:
            return ()
