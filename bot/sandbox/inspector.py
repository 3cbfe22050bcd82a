"""What the app asked of Slack and Jira: the counter in the header and the list below the messages."""

import json
from dataclasses import dataclass
from itertools import islice
from typing import Any

from markupsafe import Markup

from bot.sandbox.box import Sandbox
from bot.sandbox.look import Look
from bot.sandbox.templates import template
from bot.sandbox.viewer import Viewer
from bot.sandbox.world import World

CALLS_READ = 300
LINES_SHOWN = 60


def number(value: int) -> str:
    """Return 1,001."""
    return f"{value:,}"


@dataclass
class Tally:
    """How many messages were posted and edited; kept, because counting 100,000 calls anew would cost 10 ms a push."""

    out: int = 0
    first: int = 0
    last: int = 0

    def count(self, world: World) -> int:
        """Return the number of chat.* calls among those that the sandbox still holds."""
        held = world.calls
        if not held or held[0]["n"] != self.first:  # emptied, or the oldest fell out
            self.out, self.first, self.last = 0, held[0]["n"] if held else 0, 0
        for call in reversed(held):
            if call["n"] <= self.last:
                break
            self.out += str(call.get("method", "")).startswith("chat.")
        self.last = held[-1]["n"] if held else 0
        return self.out


def counter(sandbox: Sandbox, look: Look, tally: Tally) -> Markup:
    """Show the claim that many events become few messages: what came in against posts and edits that went out."""
    events = sandbox.world.story.get("events_in")
    came = None if events is None else number(int(events))
    out = number(tally.count(sandbox.world))
    return template("_counter.html", look=look, events=came, calls=out)


def calls(sandbox: Sandbox, look: Look, viewer: Viewer) -> Markup:
    """Show the newest API calls, only while the inspector is open; the same call many times is one line."""
    if not look.calls:
        return Markup("")
    lines: list[dict[str, object]] = []
    for call in islice(reversed(sandbox.world.calls), CALLS_READ):
        line = _line(call, viewer)
        if lines and all(lines[-1][key] == line[key] for key in ("api", "method", "status", "error", "short")):
            lines[-1]["times"] = int(str(lines[-1]["times"])) + 1
        elif len(lines) == LINES_SHOWN:
            break
        else:
            lines.append(line)
    return template("_calls.html", look=look, calls=lines)


def _line(call: dict[str, Any], viewer: Viewer) -> dict[str, object]:
    return {
        "n": call.get("n"),
        "time": f"{viewer.local(float(call.get('at', 0))):%H:%M:%S.%f}"[:-3],
        "api": call.get("api", ""),
        "method": call.get("method", ""),
        "status": call.get("status", ""),
        "error": call.get("error") or "",
        "ms": "" if call.get("ms") is None else f"{float(call['ms']):.0f}",
        "short": _short(call.get("args")),
        "long": json.dumps(call.get("args"), indent=2, ensure_ascii=False, default=str),
        "times": 1,
    }


def _short(args: object) -> str:
    if not isinstance(args, dict):
        return "" if args is None else str(args)[:80]
    told = [f"{key}={value}" for key, value in args.items() if isinstance(value, str | int) and value != ""]
    return " ".join(told)[:120] or "…"
