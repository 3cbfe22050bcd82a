"""Log lines for people and machines: time, level, logger, constant message, then the facts as key=value."""

import logging
import sys

PLAIN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class FactsFormatter(logging.Formatter):
    """Appends what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        facts = {k: v for k, v in vars(record).items() if k not in PLAIN}
        if not facts:
            return line
        head, newline, trace = line.partition("\n")
        return head + "  " + " ".join(f"{k}={v!s}" for k, v in facts.items()) + newline + trace


def set_up(*, verbose: bool = False) -> None:
    """Send log lines to standard error; libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FactsFormatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s", "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("bot", "integrations"):
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else logging.INFO)
