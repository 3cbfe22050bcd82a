"""Bellwether: events change rows; a loop keeps Slack and Jira equal to the rows."""
