"""Take a picture of a page: `python -m bot.sandbox.screenshot URL OUT.png [options]`.

The pictures in the documentation are made with it, so they never age. Actions (--wait, --click, --type, --press)
are done in the order in which they are given.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.sandbox.chromium import NoChromium, chromium
from bot.sandbox.devtools import PageError, Tab, tab

SETTLE_S = 0.4  # animations are shorter than this


class _Step(argparse.Action):
    """Collects --click, --type, ... into one list, so that their order is kept."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        namespace.steps = [*(namespace.steps or []), ((option or "").lstrip("-"), values)]


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox.screenshot", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--scale", type=float, default=1.0, help="pixels per CSS pixel (2 for sharp pictures)")
    parser.add_argument("--dark", action="store_true", help="as with a dark desktop")
    for option, what in (
        ("--wait", "SELECTOR"),
        ("--click", "SELECTOR"),
        ("--hover", "SELECTOR"),
        ("--type", "SELECTOR=TEXT"),
        ("--press", "KEY"),
    ):
        parser.add_argument(option, metavar=what, action=_Step, dest="steps", default=None)
    return parser.parse_args(argv)


async def act(page: Tab, kind: str, value: str) -> None:
    """Do one step. Raises PageError when what it needs does not appear."""
    match kind:
        case "wait":
            await page.wait(value)
        case "click":
            await page.click(value)
        case "hover":
            await page.hover(value)
        case "press":
            await page.press(value)
        case _:
            # the last "=" outside brackets ends the selector: [name=x]=text
            head, _, tail = value.rpartition("]")
            selector, _, text = tail.partition("=") if head else value.partition("=")
            await page.type(f"{head}]{selector}" if head else selector, text.replace("\\n", "\n"))


async def take(browser: str, options: argparse.Namespace) -> bytes:
    """Open the page, do the steps, return the picture as PNG."""
    async with tab(browser, width=options.width, height=options.height, dark=options.dark, scale=options.scale) as page:
        await page.open(options.url)
        for kind, value in options.steps or ():
            await act(page, kind, value)
        await asyncio.sleep(SETTLE_S)
        return await page.screenshot()


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, 1 when the page did not do as told, 2 when there is no browser."""
    try:
        options = arguments(argv)
        with chromium() as browser:
            picture = asyncio.run(take(browser, options))
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_bytes(picture)
    except NoChromium as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command
        return 2
    except PageError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
