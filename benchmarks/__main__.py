"""`make bench`, or `python -m benchmarks ingest storm`: measures what the documentation promises, on this machine."""

import argparse
import asyncio
import json
import os
import platform
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import ingest, limited, projection, slash, start, status, storm, verdicts
from benchmarks.figures import Figure, print_table

Measure = Callable[[], Coroutine[Any, Any, list[Figure]]]
PARTS: dict[str, Measure] = {
    "ingest": ingest.measure,
    "slash": slash.measure,
    "status": status.measure,
    "storm": storm.measure,
    "limited": limited.measure,
    "projection": projection.measure,
    "start": start.measure,
    "verdicts": verdicts.measure,
}
FULL: dict[str, Measure] = {
    "status": partial(status.measure, status.MOST_MODELS),
    "verdicts": partial(verdicts.measure, verdicts.MOST_EVALUATIONS),
}
"""The same at the size that the goals are about, which takes too long for every day."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"which parts to run, of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--json", type=Path, help="also write the figures into this file")
    parser.add_argument("--full", action="store_true", help="over 1,000 models and 40,000 evaluations")
    given = parser.parse_args()
    parts = given.parts or list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; there is {', '.join(PARTS)}")
    measure = PARTS | FULL if given.full else PARTS
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    found: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        begun = time.monotonic()
        figures = asyncio.run(measure[part]())
        print_table(f"{part} ({time.monotonic() - begun:.0f} s)", figures)
        found[part] = [asdict(figure) for figure in figures]
        if given.json is not None:
            given.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
