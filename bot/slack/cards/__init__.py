"""The cards: what each copy that we own in Slack shows. A card is a pure function of rows, without a clock.

What each reads besides its own row, and so has to be touched by whoever changes it:

    deployment       evaluations of its version and the one before; the later rollout that took it back; marks
    live (reply)     live and offline evaluations of its version and the one before
    evaluation (reply)  those of its kind
    group            its alerts; changes near its onset; verdicts before it; its incident and storm, open or not
    storm            every group with its number
    incident         its groups and their alerts; ticket; suspect; what served when it opened, and serves now
    changes (reply)  changes before onset of its models, of their dependencies, of all; first words of a source
    ticket (reply)   the ticket; log (reply): its timeline entries
    proposal         evaluations of its version and of what serves at its stage; marks; what became of its order
    gate (reply)     what was shown when it was decided
    home             nearly everything, so every change touches the Homes that exist
"""

from sqlmodel import Session

from bot.domain import keys
from bot.ports import Body
from bot.slack.cards import (
    deployment,
    group,
    home,
    incident,
    incident_changes,
    log,
    note,
    proposal,
    storm,
    ticket,
    versions,
)
from bot.slack.cards.frame import thread_of
from bot.slack.cards.look import Look

__all__ = ["Look", "render"]


def render(db: Session, key: str, look: Look) -> Body | None:
    """Return what the copy KEY should show now; None when there is nothing to show (yet). Digests are drawn elsewhere.

    Raises ValueError for a key that names no card.
    """
    match key.split("/"):
        case ["slack", "deployment", number]:
            return deployment.card(db, int(number), look)
        case ["slack", "deployment", number, "live"]:
            return versions.live(db, int(number), look)
        case ["slack", "deployment", number, "evaluation", kind]:
            return versions.evaluation(db, int(number), kind, look)
        case ["slack", "group", number]:
            return group.card(db, int(number), look)
        case ["slack", "storm", number]:
            return storm.card(db, int(number), look)
        case ["slack", "incident", number]:
            return incident.card(db, int(number), look)
        case ["slack", "incident", number, "changes"]:
            return incident_changes.card(db, int(number), look)
        case ["slack", "incident", number, *_] if thread_of(db, keys.incident_changes(int(number))) is None:
            return None  # the list of changes is the first reply; the others wait for it
        case ["slack", "incident", number, "ticket"]:
            return ticket.card(db, int(number), look)
        case ["slack", "incident", number, "log", entry]:
            return log.card(db, int(number), int(entry), look)
        case ["slack", "proposal", number]:
            return proposal.card(db, int(number), look)
        case ["slack", "proposal", number, "gate"]:
            return proposal.kept_gate(db, int(number), look)
        case ["slack", "home", user]:
            return home.card(db, user, look)
        case ["slack", "dm", user, about]:
            return note.card(db, user, about, look)
        case _:
            raise ValueError(f"{key!r} names no card")
