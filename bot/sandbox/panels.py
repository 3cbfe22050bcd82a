"""The parts of the page around the messages: side bar, header, inspector, modal, App Home.

Each is a region with an id; the page and the event stream draw it with the same function, and the stream sends it
when its HTML has changed.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from markupsafe import Markup

from bot.sandbox.box import Sandbox
from bot.sandbox.inspector import Tally, calls, counter
from bot.sandbox.look import Look, channels_of, people
from bot.sandbox.render import blocks
from bot.sandbox.rows import avatar
from bot.sandbox.templates import template
from bot.sandbox.texts import compact, words
from bot.sandbox.viewer import DAYS, MONTHS, Viewer
from bot.sandbox.world import BOT_USER, Channel, World

WORKSPACE = "Acme ML"
DONE = "done"

# What the panel offers of the many faults; the value is what the contract's PUT gets.
SWITCHES: tuple[tuple[str, str, Any, str], ...] = (
    ("slack_down", "Slack down", True, "Every Web API call is answered with 503"),
    ("jira_down", "Jira down", True, "Every Jira call is answered with 503"),
    ("rate_limit", "Rate-limit storm", {"post_per_s": 0.2, "update_per_min": 6}, "A post per 5 s, 6 edits a minute"),
    ("accept_then_reset", "Lose answers", True, "Does what is written, then cuts the connection instead of answering"),
    ("token_revoked", "Revoke the token", True, "Refuses the bot's tokens"),
    ("drop_sockets", "Drop sockets", True, "Closes all Socket Mode connections, once"),
    ("duplicate_events", "Duplicate events", True, "Delivers every event twice"),
    ("reorder_events", "Reorder events", True, "Lets every second event be overtaken by the next one"),
    ("jira_rate_limit", "Jira asks to wait", True, "Answers every Jira call with 429"),
)  # fmt: skip

Draw = Callable[[Sandbox, Look, Viewer], Markup]


def regions(sandbox: Sandbox, look: Look, viewer: Viewer, tally: Tally) -> dict[str, Markup]:
    """Return every region of the window by its id."""
    drawn = {name: draw(sandbox, look, viewer) for name, draw in REGIONS.items()}
    return drawn | {"counter": counter(sandbox, look, tally)}


def _latest(world: World, channel: Channel, reader: str) -> str:
    """Return the ts of the newest message that makes the channel bold: not a reply, not by the reader."""
    for message in reversed(world.messages.get(channel.id, ())):
        if message.get("deleted") or message.get("user") == reader:
            continue
        if message.get("thread_ts") in (None, message["ts"]):
            return str(message["ts"])
    return ""


def channels(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    world = sandbox.world
    listed = [
        {
            "channel": channel,
            "address": look.address(channel=channel.name, thread="", home=False, earlier=False),
            "here": not look.home and channel.id == look.channel.id,
            "latest": _latest(world, channel, look.user.id),
        }
        for channel in channels_of(world, look.user)
    ]
    app = world.users[BOT_USER].name
    direct = next((c for c in world.channels.values() if c.is_im and c.user == look.user.id), None)
    apps = [
        {
            "name": app,
            "icon": "bell",
            "key": direct.id if direct else "home",
            "address": look.address(home=True, thread="", earlier=False),
            "here": look.home or look.channel.is_im,
            "latest": _latest(world, direct, look.user.id) if direct else "",
        }
    ]
    still_open = [i for i in world.issues.values() if status_category(i) != DONE]
    board = f"/jira?user={look.user.name}"
    return template("_channels.html", channels=listed, apps=apps, board=board, open_issues=len(still_open))


def status_category(issue: dict[str, Any]) -> str:
    """Return Jira's key: new, indeterminate or done."""
    status = (issue.get("fields") or {}).get("status") or {}
    return str((status.get("statusCategory") or {}).get("key", "new"))


def act_as(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    world = sandbox.world
    folks = [
        {
            "user": user,
            "face": avatar(world, user.id, "face"),
            "here": user.id == look.user.id,
            # a thread or a channel stays, a direct message becomes the other person's own
            "address": look.address(user=user.name),
        }
        for user in people(world)
    ]
    return template("_people.html", people=folks)


def story(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    """Show what a story player wrote on the blackboard; of the notes only those of what is on or just over."""
    told = sandbox.world.story
    steps = [{"note": "", "state": ""} | step for step in told.get("steps") or []]
    last = max((at for at, step in enumerate(steps) if step["state"] == DONE), default=-1)
    for step in steps[: max(last, 0)]:
        step["note"] = ""
    can_kill = bool(told.get("can_kill"))
    shown = {
        "title": told.get("title", ""),
        "steps": steps,
        "hint": told.get("hint") if any(step["state"] == "running" for step in steps) else None,
        "can_kill": can_kill,
        "killed": "kill" in told and not can_kill,
    }
    return template("_story.html", story=shown if steps or shown["title"] else None)


def faults(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    active = sandbox.faults.active
    switches = [
        {
            "label": label,
            "about": about,
            "on": name in active,
            "body": compact({name: False if name in active else value}),
        }
        for name, label, value, about in SWITCHES
    ]
    return template("_faults.html", switches=switches, active=len(active))


def clock(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    local = viewer.now.astimezone(viewer.zone)
    monday = (local + timedelta(days=7 - local.weekday())).replace(hour=9, minute=0, second=0, microsecond=0)
    if local.weekday() == 0 and local.hour < 9:
        monday -= timedelta(days=7)
    speed = sandbox.world.clock.speed
    return template(
        "_clock.html",
        epoch=f"{viewer.now.timestamp():.0f}",
        speed=f"{speed:g}",
        pace="" if speed == 1 else f"{speed:g}×" if speed else "paused",
        text=f"{DAYS[local.weekday()][:3]} {local.day} {MONTHS[local.month - 1][:3]} {local:%H:%M:%S}",
        monday=monday.isoformat(),
        monday_title=f"Jump to {viewer.date_text(monday.timestamp(), '{date_long} {time}')}",
    )


def head(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    members = sum(1 for user in look.channel.members if user in sandbox.world.users)
    direct = "D" + look.user.id.removeprefix("U")
    app = sandbox.world.users[BOT_USER].name
    return template("_head.html", look=look, app=app, direct=direct, members=members, pins=len(look.channel.pins))


def view(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    """Show the modal on top of what the user has open, with the errors of a refused submission."""
    top = sandbox.world.open_view(look.user.id)
    if top is None:
        return template("_view.html", view=None)
    has_input = any(item.get("type") == "input" for item in top.get("blocks") or [])
    submit = words(top.get("submit")) or ("Submit" if has_input else "")
    return template(
        "_view.html",
        view=top,
        title=words(top.get("title")),
        blocks=blocks(top.get("blocks"), viewer, top.get("errors")),
        problem=(top.get("errors") or {}).get("", ""),
        submit=submit,
        close=words(top.get("close")),
    )


def home(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    if not look.home:
        return Markup("")
    published = sandbox.world.homes.get(look.user.id) or {}
    return template("_home.html", blocks=blocks(published.get("blocks"), viewer))


REGIONS: dict[str, Draw] = {
    "channels": channels,
    "people": act_as,
    "story": story,
    "faults": faults,
    "clock": clock,
    "head": head,
    "calls": calls,
    "view": view,
    "home": home,
}
