"""What people did in Slack or on the command line, as facts, so that there is one write path.

`by` is the Slack user id of who did it. `seen` is the revision of the subject that the person's button showed: a click
on an old card changes nothing (`StaleAction`); None = typed, not clicked.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from bot.domain.errors import UserError
from bot.domain.facts import ChangeType
from bot.domain.proposals import Word


class Verdict(StrEnum):
    """A person's word on an alert group; `triage` in the code, "verdict" on the page."""

    ACTED = "acted"
    REAL_LATER = "real_later"
    NOISE = "noise"
    KNOWN = "known"


class IncidentStatus(StrEnum):
    """Where an incident stands; OPEN_STATUSES are the ones people still work on."""

    INVESTIGATING = "investigating"
    FIXING = "fixing"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    MERGED = "merged"


OPEN_STATUSES = (IncidentStatus.INVESTIGATING, IncidentStatus.FIXING, IncidentStatus.MITIGATED)


class Cause(StrEnum):
    """Why it happened, chosen by a person on resolve; UNKNOWN is respectable."""

    DEPLOY = "deploy"
    CONFIG = "config"
    DATA_UPSTREAM = "data_upstream"
    DRIFT = "natural_drift"
    LABELS = "labels"
    INFRASTRUCTURE = "infrastructure"
    DEPENDENCY = "dependency"
    UNKNOWN = "unknown"


class StaleAction(UserError):
    """The card changed after it was shown to this person; nothing was done, the message says who did what."""

    def __init__(self, message: str, *copies: str) -> None:
        """`copies` are the keys of what is to be drawn again, where it may not be what it should."""
        super().__init__(message)
        self.copies = copies

    @classmethod
    def changed(cls, at: datetime | None, by: str | None, what: str, *copies: str) -> Self:
        """Say that BY, a Slack user id, already did WHAT."""
        when = f" at <!date^{int(at.timestamp())}^{{time}}|{at:%H:%M} UTC>" if at else ""
        who = f"<@{by}>" if by else "somebody"
        return cls(f"This card changed{when}: {who} already {what or 'acted'}. Nothing done.", *copies)


@dataclass(frozen=True, kw_only=True)
class GiveVerdict:
    """Say whether an alert group was worth the interruption."""

    group_id: int
    verdict: Verdict
    by: str
    seen: int | None = None


@dataclass(frozen=True, kw_only=True)
class DeclareIncident:
    """Open an incident by hand, from an alert group or for a model."""

    by: str
    title: str
    severity: str = "sev2"
    model: str | None = None
    group_id: int | None = None
    channel: str | None = None
    lead: str | None = None


@dataclass(frozen=True, kw_only=True)
class UpdateIncident:
    """Tell the thread what is known; may move status, severity, lead and the time of the next update."""

    incident_id: int
    by: str
    text: str = ""
    status: IncidentStatus | None = None
    severity: str | None = None
    lead: str | None = None
    next_update_at: datetime | None = None
    seen: int | None = None


@dataclass(frozen=True, kw_only=True)
class AskRollback:
    """Decide to go back to the previous version; the deployment system does it, the bot remembers who asked."""

    incident_id: int
    by: str
    seen: int | None = None


@dataclass(frozen=True, kw_only=True)
class ResolveIncident:
    """Close an incident, with its cause."""

    incident_id: int
    by: str
    cause: Cause = Cause.UNKNOWN
    text: str = ""
    eval_case: str = ""
    seen: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReopenIncident:
    """It was not over after all."""

    incident_id: int
    by: str
    seen: int | None = None


@dataclass(frozen=True, kw_only=True)
class LogChange:
    """Type in a change that no source told of."""

    model: str
    change_type: ChangeType
    summary: str
    by: str
    at: datetime | None = None
    """When it took effect; None = now."""


@dataclass(frozen=True, kw_only=True)
class MarkVersion:
    """Say that a version is bad, and has to be warned of when it is deployed; or that it is good after all."""

    model: str
    version: str
    bad: bool
    by: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class AskPromotion:
    """Ask the approvers of a stage to let a version go there."""

    model: str
    version: str
    stage: str
    """Canonical."""
    by: str


@dataclass(frozen=True, kw_only=True)
class GoBack:
    """Decide to go back to a version, outside of any incident."""

    model: str
    version: str
    stage: str
    previous: str
    """What served when they were asked whether they mean it."""
    by: str


@dataclass(frozen=True, kw_only=True)
class Decide:
    """Say whether a version goes to the stage that was asked for."""

    proposal_id: int
    word: Word
    by: str
    reason: str = ""
    seen: int
    """The number of what the person was shown (`store.queries.proposals.shown`)."""


@dataclass(frozen=True, kw_only=True)
class RenameModel:
    """Call a model otherwise; what still names it as before is of this model."""

    model: str
    name: str
    by: str


@dataclass(frozen=True, kw_only=True)
class MergeModels:
    """Say that two models are one: everything of MODEL becomes INTO's, also what still names it."""

    model: str
    into: str
    by: str


@dataclass(frozen=True, kw_only=True)
class RetireModel:
    """Say that a model is over, or is not after all: it still answers, and nobody waits for anything of it."""

    model: str
    over: bool
    by: str


@dataclass(frozen=True, kw_only=True)
class LinkEvents:
    """Say whose the events with a label are that name no model, those that came before too."""

    label: str
    value: str
    model: str
    by: str


@dataclass(frozen=True, kw_only=True)
class UnlinkEvents:
    """Take such a rule back; what it linked stays."""

    label: str
    value: str
    by: str


Action = (
    GiveVerdict
    | DeclareIncident
    | UpdateIncident
    | AskRollback
    | ResolveIncident
    | ReopenIncident
    | LogChange
    | MarkVersion
    | AskPromotion
    | GoBack
    | Decide
    | RenameModel
    | MergeModels
    | RetireModel
    | LinkEvents
    | UnlinkEvents
)
