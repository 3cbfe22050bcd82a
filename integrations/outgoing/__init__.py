"""A signed webhook to whatever deploys: Standard Webhooks, so that a receiver needs no code of ours (README.md)."""

from bot.ports import DeployerFactory
from integrations.outgoing.webhook import OutgoingWebhook

DEPLOYER: DeployerFactory = OutgoingWebhook

__all__ = ["DEPLOYER"]
