"""What was asked is done, and then the answer is lost: the faults accept_then_reset and accept_then_hang."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request

from bot.sandbox.faults import Faults
from bot.sandbox.wire import EXTENSION

HANG_S = 600.0
STEP_S = 0.2


@dataclass(frozen=True)
class Loss:
    """How the answer is lost; `name` is the fault's."""

    name: str
    hang_s: float = 0.0


def struck(faults: Faults, method: str, of: frozenset[str]) -> Loss | None:
    """Return the loss that strikes this call, and count it; `of`: whom it concerns unless told."""
    if faults.strikes("accept_then_reset", method, of=of) is not None:
        return Loss("accept_then_reset")
    hang = faults.strikes("accept_then_hang", method, of=of)
    return None if hang is None else Loss("accept_then_hang", float(hang.get("hang_s", HANG_S)))


async def lose(loss: Loss, request: Request) -> None:
    """Reset the connection, or hang until the client has gone."""
    if loss.name == "accept_then_reset":
        line = request.scope.get("extensions", {}).get(EXTENSION, {})
        if "abort" in line:
            line["abort"]()
    left = loss.hang_s
    while left > 0 and not await request.is_disconnected():
        await asyncio.sleep(STEP_S)
        left -= STEP_S
