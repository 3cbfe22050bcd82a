"""Clocks that run ahead of ours: what they date into the future happened when it came."""

from datetime import datetime, timedelta

DIFFERENCE = timedelta(minutes=5)
"""So much two good clocks may differ."""


def ahead(at: datetime, now: datetime) -> bool:
    """Return whether AT is by a clock that is wrong."""
    return at > now + DIFFERENCE


def ours(at: datetime, now: datetime) -> datetime:
    """Return AT, or NOW where it lies in the future: there it would be the newest for days, and hide what is true."""
    return now if ahead(at, now) else at
