"""An incident in words: its suspect, its ticket, its way back; shared by its cards, its answers and the App Home."""

from collections.abc import Mapping

from sqlmodel import Session

from bot.domain import durations, keys
from bot.domain.actions import Cause
from bot.domain.attribution import DEPLOYMENTS
from bot.domain.names import version_label
from bot.slack import text
from bot.slack.blocks import Element, button, confirm
from bot.slack.cards.look import Look
from bot.store.queries.incidents import error_of
from bot.store.queries.models import WayBack
from bot.store.tables import Change, Incident, Ticket


def name(incident: Incident) -> str:
    """Return `INC-118`."""
    return f"INC-{incident.id}"


def value(incident: Incident) -> str:
    """Return what the incident's buttons carry: its number and the revision that was shown."""
    return f"{incident.id}:{incident.revision}"


def suspect(incident: Incident, change: Change | None) -> str:
    """Return what changed near before it began: order in time, never a cause."""
    if incident.shared:
        return "shared cause suspected"
    if change is None:
        return "no change known near before"
    what = f"{text.version(change.version)} deployed"
    if change.change_type not in DEPLOYMENTS:
        what = text.join(f"{text.word(change.change_type)} changed", text.line(change.summary, 80), by=": ")
    took_effect = change.occurred_at if change.occurred_at <= incident.opened_at else change.started_at
    if took_effect is None or took_effect > incident.onset_at:
        return f"{text.link(change.url, what)} just before"
    return f"{text.link(change.url, what)} {durations.short(incident.onset_at - took_effect)} before"


def explained(incident: Incident, change: Change | None, ids: Mapping[str, str]) -> str:
    """Return why it happened: as a person confirmed it, or else what changed near before, as no more than a guess."""
    if incident.cause not in (None, Cause.UNKNOWN):
        who = text.user(incident.cause_by or incident.resolved_by, ids) or "somebody"
        return f"{text.word(incident.cause)}, *confirmed by* {who}"
    guess = suspect(incident, change)
    return guess if change is None and not incident.shared else f"*hypothesis:* {guess}"


def ticket_words(db: Session, incident: Incident, ticket: Ticket | None, look: Look) -> str:
    """Return key and status of the ticket, or why there is none."""
    if ticket is not None:
        return text.join(ticket_link(ticket, look), text.line(ticket.status, 40), by=" ")
    if not look.tickets:
        return "Jira not connected"
    error = error_of(db, keys.ticket(incident.id or 0))
    return f"follows; Jira: {text.line(error, 100)}" if error else "being created"


def ticket_link(ticket: Ticket, look: Look) -> str:
    """Return the ticket's key as a link."""
    url = ticket.url or (f"{look.ticket_url.rstrip('/')}/{ticket.key}" if look.ticket_url else None)
    return text.link(url, text.line(ticket.key, 40))


def rollback_button(incident: Incident, back: WayBack | None, model: str, *, told: str) -> Element | None:
    """Return the button that decides to go back, with its dialog; None when there is nothing to go back to."""
    if back is None or not back.live or incident.rollback_by is not None:
        return None
    old, new = version_label(back.version), version_label(back.previous)
    question = (
        f"{text.line(back.stage, 40)}: {text.line(old, 40)} to {text.line(new, 40)}. I note that you decided it "
        f"and tell {text.line(told, 60)}; your deployment system moves the traffic."
    )
    dialog = confirm(f"Roll back {model}?", question, yes="Roll back", style="danger")
    return button(f"Roll back to {new}…", "incident_rollback", value(incident), style="danger", asks=dialog)
