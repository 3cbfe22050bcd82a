"""Jira Cloud: keeps one ticket an incident, and reads back what people do with it (README.md for operators)."""

from bot.ports import TicketFactory
from integrations.jira.tickets import JiraTickets

TICKETS: TicketFactory = JiraTickets

__all__ = ["TICKETS"]
