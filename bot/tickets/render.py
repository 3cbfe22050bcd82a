"""Incident rows to what its ticket should show. Pure functions of rows: equal rows, equal view, no call."""

from dataclasses import asdict, dataclass

from sqlmodel import Session, col, select

from bot.domain.actions import OPEN_STATUSES, IncidentStatus
from bot.domain.facts import StatusCategory
from bot.ports import Body, TicketLink, TicketView
from bot.store.tables import AlertGroup, Incident, Model, Projection, Ticket, TimelineEntry


@dataclass(frozen=True)
class TicketStyle:
    """What the configuration says about tickets."""

    project: str
    issue_type: str
    instance: str
    slack_url: str = ""
    """`https://acme.slack.com`: the workspace's address, for links to threads."""


def render(db: Session, key: str, style: TicketStyle) -> Body | None:
    """Return the body of `jira/incident/<n>` or `jira/incident/<n>/link`; None = not yet, or not any more."""
    _, _, number, *rest = key.split("/")
    incident = db.get(Incident, int(number))
    if incident is None:
        return None
    if rest:
        return _link(db, incident, style)
    shown = db.get(Projection, key)
    merged = incident.status == IncidentStatus.MERGED
    if merged and (shown is None or shown.remote_id is None):
        return None
    return Body(asdict(ticket_view(db, incident, style)))


def ticket_view(db: Session, incident: Incident, style: TicketStyle) -> TicketView:
    """Return what our fields of the ticket should say."""
    return TicketView(
        project=style.project,
        issue_type=style.issue_type,
        summary=f"INC-{incident.id} {incident.title}"[:255].replace("\n", " "),
        paragraphs=tuple(_paragraphs(db, incident)),
        label=_label(incident, style),
        category=_category(db, incident),
        priority={"sev1": "Highest", "sev2": "High"}.get(incident.severity),
    )


def _label(incident: Incident, style: TicketStyle) -> str:
    """Return what names the incident in the ticket system; a thread that is made anew is the same link."""
    return f"bellwether-{style.instance}-{incident.id}"


def _category(db: Session, incident: Incident) -> StatusCategory | None:
    """Return where the ticket should be by our doing; None leaves it where people put it.

    Reopening takes back only what our own resolving did: a ticket that somebody closed stays closed, and one that
    somebody took out of Done after the incident's end stays open.
    """
    ticket = db.exec(select(Ticket).where(Ticket.incident_id == incident.id)).first()
    if incident.status not in OPEN_STATUSES:
        taken_back = ticket.taken_back_at if ticket is not None else None
        is_newer = taken_back and incident.resolved_at and taken_back > incident.resolved_at
        return None if is_newer else StatusCategory.DONE
    return StatusCategory.IN_PROGRESS if ticket is not None and ticket.closed_by_us else None


def _paragraphs(db: Session, incident: Incident) -> list[str]:
    """Return the living summary: state, alerts, suspect, then the story so far."""
    model = db.get(Model, incident.model_id) if incident.model_id is not None else None
    groups = db.exec(select(AlertGroup).where(AlertGroup.incident_id == incident.id).order_by(col(AlertGroup.id))).all()
    story = db.exec(
        select(TimelineEntry).where(TimelineEntry.incident_id == incident.id).order_by(col(TimelineEntry.id))
    ).all()
    state = f"{incident.severity.upper()} · {incident.status} · model {model.name if model else 'several or none'}"
    lines = [
        f"{state} · opened {incident.opened_at:%Y-%m-%d %H:%M} UTC",
        f"Nearest change: {incident.suspect} (changed near, not proven cause)" if incident.suspect else "",
        "Alerts: " + ", ".join(f"{g.symptom} ({g.status})" for g in groups) if groups else "",
        f"Cause: {incident.cause.replace('_', ' ')}" if incident.cause else "",
        f"Evaluation case: {incident.eval_case}" if incident.eval_case else "",
    ]
    told = [f"{entry.at:%H:%M} UTC · {entry.kind}: {entry.text}" for entry in story if entry.kind != "ticket"]
    return [
        line
        for line in (*lines, *told[-40:], "Kept up to date by Bellwether; the thread in Slack has the talk.")
        if line
    ]


def _link(db: Session, incident: Incident, style: TicketStyle) -> Body | None:
    """Return the link back to the thread, once both ends exist."""
    thread = db.get(Projection, f"slack/incident/{incident.id}")
    ticket = db.get(Projection, f"jira/incident/{incident.id}")
    if thread is None or ticket is None or not thread.remote_id or not ticket.remote_id:
        return None
    channel, _, ts = thread.remote_id.partition(":")
    link = TicketLink(
        global_id=_label(incident, style),
        url=f"{style.slack_url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}",
        title=f"INC-{incident.id} in Slack: {incident.title}"[:255],
        resolved=incident.status not in OPEN_STATUSES,
    )
    return Body({"ticket": ticket.remote_id, "link": asdict(link)})
