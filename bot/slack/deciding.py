"""The forms of a decision: approve, hold, reject; each with its reason, and with what was on the card."""

from typing import Any

from sqlmodel import Session

from bot.domain.errors import UserError
from bot.domain.names import version_label
from bot.domain.proposals import UNDECIDED, Word
from bot.slack import gates, text
from bot.slack.blocks import modal, section, select_input, text_input
from bot.store.queries.gates import gate
from bot.store.queries.proposals import may_not, needs_reason
from bot.store.tables import Model, Proposal

ASIDE = (("Hold: not now, it may still be approved", Word.HOLD), ("Reject: not this version", Word.REJECT))


def approve(db: Session, proposal_id: int, seen: str, user: str) -> dict[str, Any]:
    """Return the form that approves; `seen` is what the button carries. Raises UserError for who may not."""
    row, model = _open_to(db, proposal_id, user)
    found = gate(db, model, row.version, row.stage)
    must = needs_reason(found)
    return modal(
        "decide_proposal",
        "Roll back" if row.kind == "rollback" else "Approve",
        "Approve",
        seen,
        section(f"{text.bold(model.name)} {text.version(row.version)} to {text.code(row.stage)}"),
        section(*gates.lines(model, found)),
        text_input(
            "reason",
            "Why all the same" if must else "Reason",
            multiline=True,
            optional=not must,
            hint="It stands on the card, with your name.",
        ),
    )


def put_aside(db: Session, proposal_id: int, seen: str, user: str) -> dict[str, Any]:
    """Return the form that holds or rejects; raises UserError for who may not."""
    row, model = _open_to(db, proposal_id, user)
    return modal(
        "decide_proposal",
        "Hold or reject",
        "Save",
        seen,
        section(f"{text.bold(model.name)} {version_label(row.version)} to {text.code(row.stage)}"),
        select_input("word", "Decision", ASIDE, chosen=Word.HOLD),
        text_input("reason", "Why", multiline=True, hint="It stands on the card, with your name."),
    )


def _open_to(db: Session, proposal_id: int, user: str) -> tuple[Proposal, Model]:
    row = db.get(Proposal, proposal_id)
    if row is None:
        raise UserError("This is gone from my records; nothing done.")
    if row.status not in UNDECIDED:
        who = f" by {text.user(row.decided_by)}" if row.decided_by else ""
        raise UserError(f"It is {text.word(row.status)} already{who}. Nothing done.")
    model = db.get_one(Model, row.model_id)
    if why := may_not(db, model, row, user):
        raise UserError(why)
    return row, model
