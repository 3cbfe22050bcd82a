"""Draws the pictures of the documentation: plays the story and photographs the page on the way. `make screenshots`."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from bot.demo import bad_release
from bot.demo.children import programs
from bot.demo.stage import Stage, messages, opened
from bot.sandbox.chromium import NoChromium, chromium
from bot.sandbox.devtools import tab

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
PORT = 3850
SETTLE_S = 0.6
BRAZIL = {"n": 900, "slice": "country=BR", "threshold": {"op": ">=", "value": 0.86}}


async def draw(browser: str, folder: Path) -> None:
    """Play the story in FOLDER; write each picture into PICTURES."""
    (folder / "bellwether.yml").write_text(bad_release.CONFIGURATION.read_text(encoding="utf-8"), encoding="utf-8")
    sandbox, bot, _ = programs(folder, PORT, bad_release.START)
    await asyncio.gather(sandbox.start(), bot.start())
    try:
        async with opened(PORT, speed=30, headless=True) as stage:
            await _draw(browser, stage)
    finally:
        await bot.stop()
        await sandbox.stop()


async def _draw(browser: str, stage: Stage) -> None:
    steps = {step.title: step.play for step in bad_release.STORY.steps}
    play = list(steps.values())
    channel = f"http://127.0.0.1:{PORT}/?user=bob&channel=ml-fraud"
    await play[0](stage)
    await play[1](stage)
    await play[2](stage)
    await _photograph(browser, channel, "incident.png", height=1180)
    await _photograph(browser, channel, "incident-dark.png", height=1180, dark=True)
    async with tab(browser, width=1280, height=900) as page:
        await page.open(channel)
        await page.click('button[data-action-id="incident_resolve"]')
        await asyncio.sleep(SETTLE_S)
        _write("resolve.png", await page.screenshot())
        await page.press("Escape")
        await asyncio.sleep(SETTLE_S)
    await stage.act("command", user="dana", channel="general", text="/model status fraud-scorer")
    general = f"http://127.0.0.1:{PORT}/?user=dana&channel=general"
    await _photograph(browser, general, "status.png", height=700)
    await _photograph(browser, general, "status-dark.png", height=700, dark=True)
    await play[3](stage)
    await play[4](stage)
    await _photograph(browser, channel, "all-green.png", height=900)
    await _photograph(browser, f"http://127.0.0.1:{PORT}/jira", "jira.png", width=1100, height=420)
    await _ask_for_a_promotion(stage)
    leads = f"http://127.0.0.1:{PORT}/?user=dana&channel=ml-leads"
    await _photograph(browser, leads, "approval.png", height=700)
    await _photograph(browser, leads, "approval-dark.png", height=700, dark=True)
    await play[5](stage)
    await _photograph(browser, f"http://127.0.0.1:{PORT}/?user=dana&channel=ml-weekly", "digest.png", height=1180)


async def _ask_for_a_promotion(stage: Stage) -> None:
    """Measure v41 and v43 on the same data, v43 worse in Brazil, and ask for v43."""
    for version, whole, brazil in (("41", 0.912, 0.881), ("43", 0.934, 0.85)):
        metrics: list[dict[str, Any]] = [
            {"name": "auc", "value": value, "ci_low": value - 0.004, "ci_high": value + 0.004, **more}
            for value, more in ((whole, {"n": 41_200}), (brazil, BRAZIL))
        ]
        suite = {"evaluation_type": "offline", "suite": "std", "suite_version": "3"}
        about = {"kind": "evaluation", "model": bad_release.MODEL, "version": version}
        await stage.deliver("events", {**about, **suite, "metrics": metrics})
    await stage.act("command", user="alice", channel="ml-fraud", text="/model promote fraud-scorer v43 production")
    await stage.expect("the approvers are asked", lambda s: messages(s, "ml-leads", "slack/proposal/"))


async def _photograph(browser: str, url: str, name: str, *, width: int = 1280, height: int, dark: bool = False) -> None:
    async with tab(browser, width=width, height=height, dark=dark) as page:
        await page.open(url)
        await asyncio.sleep(SETTLE_S)
        _write(name, await page.screenshot())


def _write(name: str, picture: bytes) -> None:
    (PICTURES / name).write_bytes(picture)
    sys.stdout.write(f"docs/pictures/{name}\n")


def main() -> int:
    """Draw all of them; 1 without a browser."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    try:
        with chromium() as browser, tempfile.TemporaryDirectory() as folder:
            asyncio.run(draw(browser, Path(folder)))
    except NoChromium as e:
        sys.stderr.write(f"{e}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
