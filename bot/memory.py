"""How a process that answers people within milliseconds looks for its garbage: seldom, and not in what stays."""

import gc

YOUNG = 10_000
"""So many new objects before Python looks at them, not 700: one answer alone makes thousands, and what is looked at
while it is being made counts as old soon, so that all is looked at again and again."""


def settle() -> None:
    """Leave what was made so far out of it from now on, and look seldom; for when everything is started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
    gc.enable()
