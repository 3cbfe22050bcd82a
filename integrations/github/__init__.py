"""GitHub: an order starts a workflow of Actions (README.md)."""

from bot.ports import DeployerFactory
from integrations.github.deployer import WorkflowDispatcher

DEPLOYER: DeployerFactory = WorkflowDispatcher

__all__ = ["DEPLOYER"]
