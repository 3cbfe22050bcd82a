"""What somebody wants at a stage, and how far it is."""

from enum import StrEnum


class ProposalStatus(StrEnum):
    """Where a proposal stands; UNDECIDED ones wait for an approver."""

    PENDING = "pending"
    HELD = "held"
    """Not now, said an approver; it may still be approved."""
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    OVERTAKEN = "overtaken"
    """It was approved, did not come to serve in time, and then another version did."""


UNDECIDED = (ProposalStatus.PENDING, ProposalStatus.HELD)


class Word(StrEnum):
    """What an approver may say."""

    APPROVE = "approve"
    HOLD = "hold"
    REJECT = "reject"
