"""`bellwether demo`: sandbox, bot and a story in one command; headless, it checks that the story ends as told."""

import asyncio
import contextlib
import shutil
import signal
import sys
import time
import webbrowser
from collections.abc import Mapping
from pathlib import Path

import httpx

from bot.cli.ports import port_trouble
from bot.demo import bad_release
from bot.demo.checks import differences, lagging
from bot.demo.children import Child, DidNotStart, programs
from bot.demo.stage import HOOK_TOKEN, Stage, Story, StoryFailed, opened

STORIES: Mapping[str, Story] = {"a-bad-release": bad_release.STORY}
FOLDER = Path(".bellwether-demo")
"""Below it each port has a folder of its own: another demo may be at work here, but not on this port."""
PLAYED = "played"
"""A mark in the folder: the story was told to its end there, and is kept until --reset."""
BREATH_S = 3.0
"""Between the steps of a story that somebody watches."""
SETTLE_S = 30.0


def play(*, story: str, speed: float, port: int, headless: bool, reset: bool) -> int:
    """Show a story; returns the exit code: 0 told as it should be, 1 not, or a port is taken, 2 no such story."""
    if story not in STORIES:
        print(f"There is no story {story!r}; there is: {', '.join(STORIES)}.")
        return 2
    if trouble := port_trouble("127.0.0.1", port) or port_trouble("127.0.0.1", port + 1):
        print(f"bellwether: {trouble} Choose another one with --port.", file=sys.stderr)
        return 1
    return asyncio.run(_play(story, speed=speed, port=port, headless=headless, reset=reset or headless))


async def _play(story: str, *, speed: float, port: int, headless: bool, reset: bool) -> int:
    started = time.monotonic()
    folder = (FOLDER / "headless" if headless else FOLDER) / str(port)
    told_before = _prepare(folder, reset=reset)
    sandbox, bot, environment = programs(folder.absolute(), port, STORIES[story].start)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        took = await asyncio.gather(sandbox.start(), bot.start())
    except DidNotStart as e:
        print(f"  ✗ {e}")
        await _end(bot, sandbox)
        return 1
    print(f"  ✓ sandbox   http://127.0.0.1:{port}/       Jira  http://127.0.0.1:{port}/jira      ({took[0]:.1f} s)")
    print(f"  ✓ bot       http://127.0.0.1:{port + 1}/       hook token  {HOOK_TOKEN}      ({took[1]:.1f} s)")
    print(f"  ✓ data      {folder}/", flush=True)
    try:
        async with opened(port, speed=speed, headless=headless) as stage:
            if headless:
                code = await _tell_and_check(stage, story, environment)
            else:
                code = await _show(stage, story, bot, port=port, told=told_before, stop=stop, folder=folder)
    finally:
        stopped = await _end(bot, sandbox)
    print(f"  bot gone {stopped:.1f} s after SIGTERM; {time.monotonic() - started:.0f} s in all")
    return code


def _prepare(folder: Path, *, reset: bool) -> bool:
    """Make the folder; returns whether a story was told to its end there. One that was cut off begins anew."""
    told = (folder / PLAYED).exists() and not reset
    if not told:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(bad_release.CONFIGURATION, folder / "bellwether.yml")
    return told


async def _tell_and_check(stage: Stage, story: str, environment: Mapping[str, str]) -> int:
    """Play the story, then compare the sandbox with the rows."""
    try:
        await _tell(stage, story)
        await _nothing_lags(stage, environment)
        if wrong := await differences(environment, await stage.state()):
            raise StoryFailed("; ".join(wrong[:5]))
        stage.note("every card, thread and ticket shows what the rows say")
    except (StoryFailed, httpx.HTTPError) as e:
        print(f"  ✗ {e}")
        return 1
    print(f"  The story ended as told: {len(stage.seen)} things seen.")
    return 0


async def _nothing_lags(stage: Stage, environment: Mapping[str, str]) -> None:
    started = time.monotonic()
    while True:
        found = await lagging(environment, await stage.now())
        projections, deliveries = found["projections"], found["deliveries"]
        if projections["lagging"] == projections["error"] == deliveries["unmapped"] == 0:
            stage.note(
                f"nothing lags: {projections['total']} copies, {found['incident']} incident, {found['ticket']} ticket"
            )
            return
        if time.monotonic() - started > SETTLE_S:
            raise StoryFailed(f"after the end: {projections}, {deliveries}")
        await asyncio.sleep(0.2)


async def _tell(stage: Stage, story: str) -> None:
    """Play the steps one after the other, and show on the page where we are."""
    title, steps = STORIES[story].title, STORIES[story].steps
    shown = [{"n": n, "title": step.title, "state": "waiting", "note": ""} for n, step in enumerate(steps, 1)]
    await stage.tell(title=title, steps=shown, events_in=0, go=None, can_kill=not stage.headless)
    for entry, step in zip(shown, steps, strict=True):
        entry["state"] = "running"
        await stage.tell(steps=shown)
        if stage.headless:
            print(f"{entry['n']}. {step.title}", flush=True)
        try:
            await step.play(stage)
        except StoryFailed as e:
            entry |= {"state": "failed", "note": str(e)}
            await stage.tell(steps=shown)
            raise
        entry |= {"state": "done", "note": stage.seen[-1] if stage.seen else ""}
        await stage.tell(steps=shown)
        if not stage.headless:
            await stage.wait(BREATH_S)
            stage.hurry.clear()


async def _show(
    stage: Stage, story: str, bot: Child, *, port: int, told: bool, stop: asyncio.Event, folder: Path
) -> int:
    """Open the page, play the story once, and stay until somebody ends it."""
    address = f"http://127.0.0.1:{port}/?user=bob&channel=ml-fraud"
    print(f"\n  Open {address}   Ctrl-C ends it.", flush=True)
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)
    tasks = [asyncio.create_task(_mind_the_buttons(stage, bot)), asyncio.create_task(stop.wait())]
    if told:
        print("  The story was told before; `bellwether demo --reset` tells it again.", flush=True)
    else:
        tasks.append(asyncio.create_task(_tell_once(stage, story, folder)))
    await tasks[1]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return 0


async def _tell_once(stage: Stage, story: str, folder: Path) -> None:
    try:
        await _tell(stage, story)
        (folder / PLAYED).touch()
        print("\n  Like it? `bellwether manifest --open` is the first of four minutes to your own Slack.", flush=True)
    except (StoryFailed, httpx.HTTPError) as e:
        print(f"  ✗ {e}; the logs are in {folder}/", flush=True)


async def _mind_the_buttons(stage: Stage, bot: Child) -> None:
    """Hurry when the page asks for the next step; kill the bot when it asks for that, and start it again."""
    version = 0
    while True:
        with contextlib.suppress(httpx.HTTPError):
            board = (await stage.sandbox.get("/_sandbox/story", params={"after": version, "wait": 20})).json()
            version = int(board.get("version", version))
            if board.get("go"):
                await stage.tell(go=None)
                stage.hurry.set()
            if board.get("kill"):
                await stage.tell(kill=False, can_kill=False)
                await bot.kill()
                await asyncio.sleep(BREATH_S)
                await bot.start()
                await stage.tell(can_kill=True)
                continue
        await asyncio.sleep(0.2)


async def _end(bot: Child, sandbox: Child) -> float:
    stopped = await bot.stop()
    await sandbox.stop()
    return stopped
