"""verify -> store raw -> normalize -> record (+touch): what happens to one HTTP delivery, on one screen."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from bot.domain.errors import InboundError, MalformedPayload, UnsupportedEvent
from bot.domain.facts import Fact, Unmapped
from bot.ingest.authenticate import Auth, authenticate
from bot.ingest.record import Arrived, Recorded
from bot.ingest.rules import Rules
from bot.ingest.together import Together
from bot.ports import Delivery, Now, Source
from bot.store.database import Database

logger = logging.getLogger(__name__)

NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""An escaped NUL in JSON: databases cut text there or refuse it."""


@dataclass(frozen=True)
class Inlet:
    """One configured source: its integration, and how deliveries prove that they are of it."""

    name: str
    source: Source
    auth: Auth


@dataclass(frozen=True)
class Intake:
    """What receiving needs: the sources by name, the store, the clock, and whom to wake."""

    inlets: Mapping[str, Inlet]
    database: Database
    rules: Rules
    now: Now
    wake: Callable[[], None]

    @cached_property
    def together(self) -> Together:
        """What waits for the database."""
        return Together(self.database, self.now, self.rules)


async def receive(intake: Intake, inlet: Inlet, delivery: Delivery) -> Recorded:
    """Take one delivery of INLET; answered after the commit. Raises BadSignature, and then nothing is stored."""
    authenticate(inlet.auth, delivery.headers, delivery.body, delivery.received_at)
    if (body := without_nul(delivery.body)) is not delivery.body:
        delivery = replace(delivery, body=body)
    recorded = await intake.together.take(Arrived(delivery, *read(inlet.source, delivery)))
    if recorded.unmapped:
        logger.warning("unmapped delivery", extra={"source": inlet.name, "delivery": recorded.delivery})
    intake.wake()
    return recorded


def without_nul(json: bytes) -> bytes:
    """Return JSON in which a mark stands for each NUL."""
    return NUL.sub(rb"\1\\ufffd", json) if b"\\u0000" in json else json


def read(source: Source, delivery: Delivery) -> tuple[list[Fact | Unmapped], str]:
    """Return what SOURCE makes of DELIVERY, and why not if it can't: a mapping error is never a lost delivery."""
    try:
        return list(source.normalize(delivery)), ""
    except UnsupportedEvent:
        return [], ""
    except MalformedPayload as e:
        return [], str(e)
    except InboundError:
        raise
    except Exception as e:  # somebody's integration has a bug: what came in is kept all the same
        logger.exception("normalize failed", extra={"source": delivery.source})
        return [], f"the integration failed on it ({type(e).__name__}: {e}); this is a bug, replay it after an upgrade"
