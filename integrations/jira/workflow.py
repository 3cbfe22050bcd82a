"""Choosing a transition by the status category that it leads to; ids and names differ in every workflow."""

from collections.abc import Sequence
from typing import Any

from bot.domain.facts import StatusCategory
from integrations.jira.shapes import Status, Transition

SOLVED = ("done", "fixed", "resolved")
"""Resolutions that we choose first when a screen insists on one; else its first."""


def choose(ways: Sequence[Transition], at: StatusCategory, target: StatusCategory) -> Transition | None:
    """Return the transition that leads to TARGET, else one step nearer; None if we can take none.

    The fewest questions asked wins, then Jira's own order.
    """
    usable = [way for way in ways if _can_answer(way)]
    step = StatusCategory.IN_PROGRESS
    for category in (target,) if at is step else (target, step):
        leading = [way for way in usable if way.to.category.ours is category]
        if leading:
            return min(leading, key=lambda way: len(way.missing))
    return None


def answer(way: Transition) -> dict[str, Any]:
    """Return the body of the POST that takes this way."""
    body: dict[str, Any] = {"transition": {"id": way.id}}
    if way.missing:
        names = _resolutions(way)
        body["fields"] = {"resolution": {"name": next((n for n in names if n.lower() in SOLVED), names[0])}}
    return body


def no_way(issue_id: str, at: Status, ways: Sequence[Transition], target: StatusCategory) -> str:
    """Return why the ticket can't be moved, and what a person can do."""
    offered = ", ".join(way.to.name + (f" (asks for {', '.join(way.missing)})" if way.missing else "") for way in ways)
    return (
        f"Jira issue {issue_id} is {at.name} and should be {target.replace('_', ' ')}, but its workflow "
        f"offers us only: {offered or 'nothing'}. Move it by hand, or let this account transition it."
    )


def _can_answer(way: Transition) -> bool:
    """Of the fields that a screen may insist on, we can only answer for the resolution."""
    return not way.missing or (way.missing == ["resolution"] and bool(_resolutions(way)))


def _resolutions(way: Transition) -> list[str]:
    return [value.name for value in way.fields["resolution"].allowed if value.name]
