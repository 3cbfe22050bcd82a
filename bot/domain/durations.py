"""How long something lasts, in the few words that fit into a line of a card."""

from datetime import timedelta

LONG = timedelta(days=3)
"""From here on the hours beside the days say nothing."""


def short(duration: timedelta) -> str:
    """Return `41 s`, `23 min`, `2 h 10 min`, `1 d 5 h` or `3 d`: whole units, cut off, never rounded up.

    A negative duration (clocks differ) keeps its sign: `-4 s`.
    """
    if duration < timedelta(0):
        return f"-{short(-duration)}"
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if duration >= LONG:
        return f"{days} d"
    if days:
        return _pair(days, "d", hours, "h")
    if hours:
        return _pair(hours, "h", minutes, "min")
    return f"{minutes} min" if minutes else f"{seconds} s"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"
