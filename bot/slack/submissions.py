"""Forms that people sent: read, checked beside the field, and recorded as facts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext

from bot.domain.actions import Action, Cause, Decide, DeclareIncident, IncidentStatus, ResolveIncident, UpdateIncident
from bot.domain.errors import UserError
from bot.domain.proposals import Word
from bot.slack.plain import without_marks
from bot.slack.workspace import Workspace


def listen(app: AsyncApp, workspace: Workspace) -> None:
    """Register every form."""

    async def submitted(ack: AsyncAck, view: dict[str, Any], context: AsyncBoltContext, action: Action) -> None:
        try:
            await workspace.act(action, delivery_id=context.get("delivery_id"))
        except UserError as e:
            await ack(**refusal(view, await workspace.ask(without_marks, str(e))))
            return
        await ack()

    @app.view("update_incident")
    async def update(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], context: AsyncBoltContext) -> None:
        incident_id, seen = _subject(view)
        values = read(view)
        minutes = values.get("next_update") or ""
        status = values.get("status")
        given = UpdateIncident(
            incident_id=incident_id,
            by=body["user"]["id"],
            text=values.get("text") or "",
            status=IncidentStatus(status) if status else None,
            severity=values.get("severity"),
            lead=values.get("lead"),
            next_update_at=workspace.now() + timedelta(minutes=int(minutes)) if minutes.isdigit() else None,
            seen=seen,
        )
        await submitted(ack, view, context, given)

    @app.view("resolve_incident")
    async def resolve(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], context: AsyncBoltContext) -> None:
        incident_id, seen = _subject(view)
        values = read(view)
        given = ResolveIncident(
            incident_id=incident_id,
            by=body["user"]["id"],
            cause=Cause(values.get("cause") or "unknown"),
            text=values.get("text") or "",
            eval_case=values.get("eval_case") or "",
            seen=seen,
        )
        await submitted(ack, view, context, given)

    @app.view("declare_incident")
    async def declare(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], context: AsyncBoltContext) -> None:
        values = read(view)
        group_id, _ = _subject(view)
        given = DeclareIncident(
            by=body["user"]["id"],
            title=(values.get("title") or "").strip() or "Something is wrong",
            severity=values.get("severity") or "sev2",
            model=values.get("model"),
            group_id=group_id or None,
            lead=values.get("lead"),
        )
        await submitted(ack, view, context, given)

    @app.view("decide_proposal")
    async def decide(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], context: AsyncBoltContext) -> None:
        proposal_id, seen = _subject(view)
        values = read(view)
        given = Decide(
            proposal_id=proposal_id,
            word=Word(values.get("word") or Word.APPROVE),
            by=body["user"]["id"],
            reason=values.get("reason") or "",
            seen=seen or 0,
        )
        await submitted(ack, view, context, given)


def read(view: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what stands in each input of a form, by action id."""
    found: dict[str, str | None] = {}
    for block in view["state"]["values"].values():
        for action_id, entry in block.items():
            option = entry.get("selected_option") or {}
            found[action_id] = entry.get("value") or option.get("value") or entry.get("selected_user")
    return found


def _subject(view: Mapping[str, Any]) -> tuple[int, int | None]:
    number, _, revision = str(view.get("private_metadata", "")).partition(":")
    return int(number) if number.isdigit() else 0, int(revision) if revision.isdigit() else None


def refusal(view: Mapping[str, Any], words: str) -> dict[str, Any]:
    """Return the answer that leaves a form open with WORDS beside its first field."""
    first = next(block["block_id"] for block in view["blocks"] if block["type"] == "input")
    return {"response_action": "errors", "errors": {first: words}}
