"""What an integration may be. An integration imports this module and `bot.domain`, and nothing else of the bot.

An inbound package names its `SOURCE`; a ticket system names its `TICKETS`, what deploys its `DEPLOYER`. The
configuration loads them by name, so adding one edits no existing file (docs/how-to/add-an-alert-source.md).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NewType, Protocol

from bot.domain.facts import Fact, StatusCategory, TicketFact, Unmapped

RemoteId = NewType("RemoteId", str)
"""How another system calls our copy: Slack `C01:1795420800.000100`, Jira `10001:ML-431`."""


@dataclass(frozen=True)
class Delivery:
    """One HTTP request that a source sent us, authenticated, as it came."""

    source: str
    """The configured name, not the type: two Alertmanagers are two names."""
    body: bytes
    received_at: datetime
    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, str]


@dataclass(frozen=True)
class Signed:
    """Headers, in lower case, of a sender that signs as Standard Webhooks does, with the secret as it is.

    `v1,` and base64 of HMAC-SHA256(secret, "<id>.<timestamp>.<body>"); several signatures stand apart by spaces.
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    id: str
    timestamp: str
    """Seconds since 1970."""
    signature: str


@dataclass(frozen=True)
class Source:
    """An inbound integration."""

    normalize: Callable[[Delivery], Sequence[Fact | Unmapped]]
    """Pure: bytes to facts. Raises MalformedPayload or UnsupportedEvent for the delivery as a whole; a part that can't
    be read is an `Unmapped` among the facts, and the rest of the delivery still counts."""
    schema: Callable[[], dict[str, Any]] | None = None
    """JSON Schema of what it takes, served at /schema/<name>.json."""
    signed: Signed | None = None
    """How it signs, when that is not by an HMAC of the body in a header of its own: `auth: {type: hmac}` means this."""


@dataclass(frozen=True)
class Body:
    """What a copy should show. Equal content, no call: so it must not depend on the time or on order."""

    content: Mapping[str, Any]


@dataclass(frozen=True)
class Work:
    """One projection to bring up to date."""

    key: str
    nonce: str
    since: datetime
    """When this nonce was first written down: look for an earlier create from here on."""
    body: Body
    urgent: bool = False
    """A person is waiting: may use the reserve of the budget."""
    spare: int = 0
    """It will change again soon: so many calls are left to copies that say their last word."""


class Surface(Protocol):
    """A place where we keep copies of what we know: Slack, a ticket system.

    Every method raises NoBudget or TemporaryError (no effect, try later), UncertainError (look first), GoneError or
    PermanentError.
    """

    @property
    def look_again(self) -> Sequence[timedelta]:
        """Pauses between looks for a copy whose creation is uncertain; after the last one it is created again."""
        ...

    async def find(self, work: Work) -> RemoteId | None:
        """Return the copy that carries this work's nonce, if an earlier create got through."""
        ...

    async def create(self, work: Work) -> RemoteId:
        """Make the copy, marked with key and nonce."""
        ...

    async def update(self, work: Work, remote_id: RemoteId) -> RemoteId:
        """Make the copy equal to the body; return its id, which may have become more precise."""
        ...


@dataclass(frozen=True)
class TicketView:
    """What we own of a ticket; every other field is the people's."""

    project: str
    issue_type: str
    summary: str
    paragraphs: tuple[str, ...]
    """The living description, plain text."""
    label: str
    """`bellwether-<instance>-<incident>`: searchable."""
    category: StatusCategory | None = None
    """Where the ticket should be by our doing; None = leave it where people put it."""
    priority: str | None = None


@dataclass(frozen=True)
class TicketLink:
    """A link on the ticket back to the Slack thread; `global_id` makes setting it idempotent."""

    global_id: str
    url: str
    title: str
    resolved: bool = False


class TicketSystem(Protocol):
    """A ticket system such as Jira. Raises as a Surface does."""

    look_again: Sequence[timedelta]

    async def find(self, view: TicketView, nonce: str) -> RemoteId | None:
        """Return the ticket that carries the view's label and this nonce."""
        ...

    async def create(self, view: TicketView, *, key: str, nonce: str) -> RemoteId:
        """Create it, stamped with label and property in the same call; return `id:KEY`."""
        ...

    async def update(self, remote_id: RemoteId, view: TicketView) -> None:
        """Write our fields; move it to the status category asked for, unless it is there already."""
        ...

    async def link(self, remote_id: RemoteId, link: TicketLink) -> None:
        """Set the link back; a true upsert."""
        ...

    async def read(self, tickets: Mapping[RemoteId, int]) -> Sequence[TicketFact]:
        """Return what the system says now of these tickets (remote id -> our incident's number)."""
        ...

    async def check(self) -> str | None:
        """Return None when the credentials work, else what is wrong and what to do."""
        ...

    def browse_url(self, key: str) -> str:
        """Return the address of a ticket for people."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True)
class TicketOptions:
    """What a ticket system needs to be reached."""

    url: str
    user: str
    token: str
    project: str
    issue_type: str
    property_key: str = "bellwether"


TicketFactory = Callable[[TicketOptions], TicketSystem]
"""What a package names `TICKETS`."""

Now = Callable[[], datetime]
"""The process clock, aware UTC; only `bot.app` makes one."""


@dataclass(frozen=True)
class Order:
    """What people decided, to be carried out: bring a version of a model to a stage. It never changes."""

    key: str
    """`bellwether-<instance>-proposal-<n>-<epoch>`: the same whenever the same order is sent again."""
    kind: Literal["promote", "rollback"]
    model: str
    version: str
    previous_version: str | None
    """What served at the stage when it was decided."""
    stage: str
    """Canonical: `production`, not `prod`."""
    decided_by: str
    """Their name in Slack."""
    decided_at: datetime
    reason: str


class Deployer(Protocol):
    """What moves versions to stages: a delivery pipeline, a registry. It raises as a Surface does.

    It is asked, no more: whether the version serves then is told by deployments that come in, never by the deployer.
    An order that was sent is never sent again, unless nobody knows whether it arrived and `find` does not find it.
    """

    look_again: Sequence[timedelta]
    """As of a Surface; empty where the same order sent twice is done once, by its key or by its nature."""

    async def find(self, order: Order) -> RemoteId | None:
        """Return what an earlier `deploy` of this order began, if it got through; None where that can't be asked."""
        ...

    async def deploy(self, order: Order) -> RemoteId:
        """Ask for it; return how the other system calls what that began: an address for people where there is one."""
        ...

    async def check(self) -> str | None:
        """Return None when it can be used, else what is wrong and what to do; nothing is deployed."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True)
class DeployerOptions:
    """What the configuration says of a deployer."""

    name: str
    """Its key under `deployers:`, for messages to people."""
    url: str
    secret: str | None
    """What the variable `secret_env` holds; None = it names none, or the variable is not set."""
    options: Mapping[str, Any]
    """As they stand in the file: the package checks them, and raises ConfigError."""


DeployerFactory = Callable[[DeployerOptions, Now], Deployer]
"""What a package names `DEPLOYER`."""

Sleep = Callable[[timedelta], Awaitable[None]]
"""Wait on the process clock, so that a sped-up clock speeds up every wait."""
