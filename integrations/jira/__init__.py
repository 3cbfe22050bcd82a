"""Jira Cloud: one ticket an incident, and what people do with it read back (README.md is for operators)."""

from bot.ports import TicketFactory
from integrations.jira.tickets import JiraTickets

TICKETS: TicketFactory = JiraTickets

__all__ = ["TICKETS"]
