"""What rendering needs to know besides the rows: how the bot is called here, and what this workspace refuses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """Decided outside of the rows: by the configuration, and by what Slack said of itself."""

    command: str = "/model"
    channel: str = "#general"
    """Where the cards of models without a channel of their own go."""
    sources: tuple[str, ...] = ()
    """Configured names."""
    tickets: bool = False
    """A ticket system is connected."""
    ticket_url: str = ""
    """What stands before a ticket's key in its address; empty when there is none."""
    refused: frozenset[str] = frozenset()
    """Block types that this workspace refused."""
    bot: str = "@bellwether"
    workspace: str = "https://slack.com"
    """The workspace's own address, for links to messages."""
