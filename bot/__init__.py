"""Bellwether: events change rows; a loop keeps Slack and Jira equal to the rows."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("bellwether-bot")
except PackageNotFoundError:  # run from a tree that was never installed
    __version__ = "0"
